//! What the items of a list hold, by the operations that inserted them.
//!
//! Those with neighbouring numbers stand together. Of what holds next to nothing there can be an item for each byte
//! that comes, so that takes a few bits here.

use super::Held;
use crate::numbers::Lv;
use crate::sorted::{Entries, Sorted};
use crate::value::Value;

/// What items hold that has no room of its own, by the bits that stand for it.
static SMALL: [(u8, Held); 5] = [
    (1, Held::Nothing),
    (2, Held::Value(Value::Null)),
    (3, Held::Value(Value::Bool(false))),
    (5, Held::Value(Value::Bool(true))),
    (6, Held::Nested),
];

/// It has a room; no bits mean that there is no item.
const ROOM: u8 = 4;

/// So many numbers stand together.
const WIDTH: u32 = u64::BITS;

/// The items of some numbers that follow each other.
#[derive(Debug, Clone, Default)]
struct Window {
    /// Three bits for each number.
    bits: [u64; 3],
    /// What has a room, by its number.
    rooms: Vec<Held>,
}

impl Window {
    fn code(&self, at: u32) -> u8 {
        (0..3).map(|bit| ((self.bits[bit] >> at & 1) as u8) << bit).sum()
    }

    fn write(&mut self, at: u32, code: u8) {
        for (bit, bits) in self.bits.iter_mut().enumerate() {
            *bits = *bits & !(1 << at) | u64::from(code >> bit & 1) << at;
        }
    }

    /// How many rooms those before have.
    fn room(&self, at: u32) -> usize {
        let [low, middle, high] = self.bits;
        (high & !low & !middle & ((1 << at) - 1)).count_ones() as usize
    }

    fn get(&self, at: u32) -> Option<&Held> {
        match self.code(at) {
            0 => None,
            ROOM => self.rooms.get(self.room(at)),
            code => SMALL.iter().find(|small| small.0 == code).map(|small| &small.1),
        }
    }

    /// Puts something in the place of what was there, or nothing; gives that.
    fn put(&mut self, at: u32, held: Option<Held>) -> Option<Held> {
        let room = self.room(at);
        let before = match self.code(at) {
            ROOM => Some(self.rooms.remove(room)),
            _ => self.get(at).cloned(),
        };
        let small = |held: &Held| SMALL.iter().find(|small| small.1 == *held).map_or(ROOM, |small| small.0);
        let code = held.as_ref().map_or(0, small);
        self.write(at, code);
        if let Some(held) = held.filter(|_| code == ROOM) {
            let len = self.rooms.len();
            if len == self.rooms.capacity() {
                // By half, but not beyond what there can be.
                self.rooms.reserve_exact((len / 2 + 1).min(WIDTH as usize - len));
            }
            self.rooms.insert(room, held);
        }
        before
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Contents {
    windows: Sorted<u32, Window>,
}

impl Contents {
    pub(crate) fn get(&self, item: Lv) -> Option<&Held> {
        self.windows.get(&(item / WIDTH))?.get(item % WIDTH)
    }

    /// Puts something into an item, which is made if it is missing; gives what it held.
    pub(crate) fn put(&mut self, item: Lv, held: Held) -> Option<Held> {
        self.windows.entry(item / WIDTH, Window::default).put(item % WIDTH, Some(held))
    }

    /// The items with what they hold, in order.
    pub(crate) fn iter(&self) -> Items<'_> {
        Items { windows: self.windows.iter(), open: None, next: 0 }
    }

    /// Keeps the items of which this is said.
    pub(crate) fn retain(&mut self, mut keeps: impl FnMut(Lv, &Held) -> bool) {
        self.windows.retain(|number, window| {
            for at in 0..WIDTH {
                if window.get(at).is_some_and(|held| !keeps(number * WIDTH + at, held)) {
                    window.put(at, None);
                }
            }
            window.bits != [0; 3]
        });
    }
}

/// The items with what they hold, see [`Contents::iter`].
pub(crate) struct Items<'c> {
    windows: Entries<'c, u32, Window>,
    open: Option<&'c Window>,
    next: Lv,
}

impl<'c> Iterator for Items<'c> {
    type Item = (Lv, &'c Held);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(window) = self.open {
                let item = self.next;
                self.next += 1;
                self.open = self.open.filter(|_| !self.next.is_multiple_of(WIDTH));
                if let Some(held) = window.get(item % WIDTH) {
                    return Some((item, held));
                }
            } else {
                let (number, window) = self.windows.next()?;
                (self.open, self.next) = (Some(window), number * WIDTH);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn held() -> impl Strategy<Value = Held> {
        prop_oneof![
            Just(Held::Nothing),
            Just(Held::Value(Value::Null)),
            any::<bool>().prop_map(|value| Held::Value(value.into())),
            any::<i64>().prop_map(|value| Held::Value(value.into())),
            Just(Held::Nested),
        ]
    }

    proptest! {
        #[test]
        fn items_hold_what_was_put_into_them_last(
            puts in prop::collection::vec((0..300u32, held()), 0..400),
            gone in prop::collection::vec(0..300u32, 0..100),
        ) {
            let (mut contents, mut model) = (Contents::default(), BTreeMap::new());
            for (item, held) in puts {
                prop_assert_eq!(contents.put(item, held.clone()), model.insert(item, held));
            }
            contents.retain(|item, _| !gone.contains(&item));
            model.retain(|item, _| !gone.contains(item));
            prop_assert!(contents.iter().eq(model.iter().map(|(item, held)| (*item, held))));
            for item in 0..300 {
                prop_assert_eq!(contents.get(item), model.get(&item));
            }
        }
    }
}
