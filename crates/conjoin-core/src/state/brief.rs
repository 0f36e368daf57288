//! Lists as their first items came. That is all that most nested ones ever see, and a list takes hundreds of bytes.

use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;

use super::list::{List, size_of};
use crate::items::Items;
use crate::numbers::Lv;

/// A list, which is made once more is asked of it than to hold its first items.
#[derive(Debug, Clone, Default)]
pub(crate) struct Brief {
    first: Option<Box<First>>,
    whole: OnceLock<Box<List>>,
}

#[derive(Debug, Clone)]
struct First {
    lv: Lv,
    items: Items,
}

/// The most bytes of items that are worth it.
const MOST: usize = 64;

impl Brief {
    /// Takes in its first items, if they are few and nothing happened in it before. Says whether it did.
    pub(super) fn begin(&mut self, lv: Lv, items: &Items, size: &mut usize) -> bool {
        let begins = self.first.is_none() && self.whole.get().is_none() && items.as_bytes().len() <= MOST;
        if begins {
            *size += items.iter().map(|item| size_of(&item)).sum::<usize>();
            self.first = Some(Box::new(First { lv, items: items.clone() }));
        }
        begins
    }

    /// Its first items, if it is no more than those.
    pub(super) fn first(&self) -> Option<(Lv, &Items)> {
        let first = self.first.as_deref().filter(|_| self.whole.get().is_none())?;
        Some((first.lv, &first.items))
    }

    /// How many items there are.
    pub(crate) fn len(&self) -> usize {
        match (self.whole.get(), &self.first) {
            (Some(list), _) => list.sequence.len(),
            (None, first) => first.as_ref().map_or(0, |first| first.items.len()),
        }
    }

    /// Lets go of what is made again when somebody asks for an element.
    pub(crate) fn rest(&mut self) {
        if let Some(list) = self.whole.get_mut() {
            list.sequence.rest();
        }
    }
}

impl First {
    fn open(&self) -> List {
        let mut list = List::default();
        list.sequence.insert_at(0, self.lv, (self.items.len() as u32).into());
        list.add_items(self.lv, &self.items, &mut 0);
        list
    }
}

impl From<List> for Brief {
    fn from(list: List) -> Self {
        Self { first: None, whole: OnceLock::from(Box::new(list)) }
    }
}

impl Deref for Brief {
    type Target = List;

    fn deref(&self) -> &List {
        self.whole.get_or_init(|| self.first.as_deref().map(First::open).unwrap_or_default().into())
    }
}

impl DerefMut for Brief {
    fn deref_mut(&mut self) -> &mut List {
        let _: &List = self;
        self.first = None;
        self.whole.get_mut().expect("it was just made, if it was not there")
    }
}
