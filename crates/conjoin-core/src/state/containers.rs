//! Which containers there are, and what those hold in which something happened, by their numbers.
//!
//! A byte can make one: an item of a list. So what is told by those beside it stands once for all of them, and there is
//! room for what a container holds once it holds something.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::OnceLock;

use super::small::Small;
use super::{Data, Parent};
use crate::numbers::Lv;
use crate::size::make_room;
use crate::sorted::Sorted;
use crate::value::Kind;

/// What a container is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Container {
    pub(crate) kind: Kind,
    pub(crate) parent: Parent,
    /// The first operation here that made it; [`NONE`](crate::numbers::NONE) of a root.
    pub(crate) made: Lv,
}

/// Where containers with numbers that follow each other are.
#[derive(Debug, Clone, Copy)]
enum Origin {
    /// One, and what made it.
    One(Parent, Lv),
    Items(Items),
}

/// Items of a list: the first, and a bit for each that comes so many after it.
#[derive(Debug, Clone, Copy)]
struct Items {
    list: u32,
    first: Lv,
    bits: u32,
}

/// So many numbers stand together.
const WIDTH: u32 = u64::BITS;

/// The containers of some numbers that follow each other.
#[derive(Debug, Clone)]
struct Page {
    kinds: [Kind; WIDTH as usize],
    /// Which of them hold something, and what.
    bits: u64,
    held: Vec<Data>,
    /// What others hold.
    small: Small,
}

impl Page {
    /// Where what a container holds stands, or else would stand.
    fn place(&self, at: u32) -> Result<usize, usize> {
        let all = (1 << at) - 1;
        // Nearly always each before it holds something.
        let before = if self.bits & all == all { at } else { (self.bits & all).count_ones() } as usize;
        if self.bits >> at & 1 == 1 { Ok(before) } else { Err(before) }
    }

    /// Has a container hold what it does at its place, to be changed. Says whether nothing happened in it before.
    #[cold]
    fn hold(&mut self, at: u32, place: usize) -> bool {
        let len = self.held.len();
        if len == self.held.capacity() {
            // By half, but not beyond what there can be.
            self.held.reserve_exact((len / 2 + 1).min(WIDTH as usize - len));
        }
        let kind = self.kinds[at as usize];
        let before = self.small.take(at, kind);
        let is_new = before.is_none();
        self.held.insert(place, before.unwrap_or_else(|| Data::new(kind)));
        self.bits |= 1 << at;
        is_new
    }

    /// What a container holds that holds nothing to be changed.
    #[cold]
    fn first(&self, at: u32) -> &Data {
        let kind = self.kinds[at as usize];
        self.small.get(at, &self.kinds).unwrap_or_else(|| empty(kind))
    }
}

/// What a container holds in which nothing happened.
pub(crate) fn empty(kind: Kind) -> &'static Data {
    static EMPTY: [OnceLock<Data>; 7] = [const { OnceLock::new() }; 7];
    EMPTY[usize::from(kind.tag())].get_or_init(|| Data::new(kind))
}

#[derive(Debug, Clone)]
pub(crate) struct Containers {
    /// The number of the first.
    start: u32,
    /// The number of the next one.
    next: u32,
    /// By the number of the first.
    origins: Vec<(u32, Origin)>,
    pages: Vec<Page>,
    /// The container that an operation made, for all that did, but for items that stand with the one that is told
    /// here before them.
    made: Sorted<Lv, u32>,
    /// Those under names and keys, each with the place of its origin, in the order of where they are: items are found by
    /// the operations that made them.
    places: Sorted<u32, u32>,
    /// The texts and lists that were edited by others last.
    awake: [u32; AWAKE],
}

/// So many texts and lists stay open.
const AWAKE: usize = 8;

impl Default for Containers {
    fn default() -> Self {
        Self::from(0)
    }
}

impl Containers {
    /// None yet, of which the first will have this number.
    pub(crate) const fn from(start: u32) -> Self {
        Self {
            start,
            next: start,
            origins: Vec::new(),
            pages: Vec::new(),
            made: Sorted::new(),
            places: Sorted::new(),
            awake: [u32::MAX; AWAKE],
        }
    }

    /// The number of the next one.
    pub(crate) const fn next(&self) -> u32 {
        self.next
    }

    /// Makes room for others.
    pub(crate) fn make_room(&mut self, others: &Self) {
        make_room(&mut self.origins, others.origins.len());
    }

    /// Adds one; what made it is not noted.
    pub(crate) fn push(&mut self, container: Container) -> u32 {
        let Container { kind, parent, made } = container;
        let number = self.next;
        self.next += 1;
        let (page, at) = self.page(number);
        if at == 0 {
            self.pages.push(Page {
                kinds: [kind; WIDTH as usize],
                bits: 0,
                held: Vec::new(),
                small: Small::default(),
            });
        }
        self.pages[page].kinds[at as usize] = kind;
        let origin = match parent {
            Parent::Item { list, item } => {
                if let Some((_, Origin::Items(last))) = self.origins.last_mut()
                    && last.list == list
                    && let on = item.wrapping_sub(last.first)
                    && last.bits.checked_shr(on) == Some(0)
                {
                    last.bits |= 1 << on;
                    return number;
                }
                Origin::Items(Items { list, first: item, bits: 1 })
            }
            parent => {
                let mut places = std::mem::take(&mut self.places);
                places.insert_by(self.order_to(parent, kind), number, self.origins.len() as u32);
                self.places = places;
                Origin::One(parent, made)
            }
        };
        make_room(&mut self.origins, 1);
        self.origins.push((number, origin));
        number
    }

    /// How the containers come beside one at a place.
    fn order_to(&self, parent: Parent, kind: Kind) -> impl Fn(&(u32, u32)) -> Ordering {
        move |&(other, origin)| match self.origins[origin as usize].1 {
            Origin::One(place, _) => (place, self.kind(other)).cmp(&(parent, Some(kind))),
            Origin::Items(_) => Ordering::Greater,
        }
    }

    /// The container at a place.
    pub(crate) fn at(&self, parent: Parent, kind: Kind) -> Option<u32> {
        let Parent::Item { item, .. } = parent else {
            return self.places.find(self.order_to(parent, kind)).map(|place| place.0);
        };
        let container = self.made(item)?;
        let found = self.get(container)?;
        ((found.parent, found.kind) == (parent, kind)).then_some(container)
    }

    /// Those under names and keys, in the order of where they are.
    pub(crate) fn places(&self) -> impl Iterator<Item = (Parent, Kind, u32)> {
        self.places.keys().filter_map(|&number| {
            self.get(number).map(|Container { parent, kind, .. }| (parent, kind, number))
        })
    }

    fn page(&self, number: u32) -> (usize, u32) {
        let at = number - self.start;
        ((at / WIDTH) as usize, at % WIDTH)
    }

    /// The container that stands with one, or with some, and the number of the first of them.
    fn origin(&self, number: u32) -> Option<(u32, Origin)> {
        // Mostly each before it stands alone.
        let at = number.wrapping_sub(self.start) as usize;
        let alone = self.origins.get(at).filter(|origin| origin.0 == number);
        let found =
            || self.origins.get(self.origins.partition_point(|origin| origin.0 <= number).checked_sub(1)?);
        alone.or_else(found).copied()
    }

    pub(crate) fn get(&self, number: u32) -> Option<Container> {
        let kind = self.kind(number)?;
        let (parent, made) = match self.origin(number)? {
            (_, Origin::One(parent, made)) => (parent, made),
            (from, Origin::Items(Items { list, first, mut bits })) => {
                for _ in from..number {
                    bits &= bits - 1;
                }
                let item = first + bits.trailing_zeros();
                (Parent::Item { list, item }, item)
            }
        };
        Some(Container { kind, parent, made })
    }

    pub(crate) fn kind(&self, number: u32) -> Option<Kind> {
        if !(self.start..self.next).contains(&number) {
            return None;
        }
        let (page, at) = self.page(number);
        Some(self.pages[page].kinds[at as usize])
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Container> + Clone {
        (self.start..self.next).filter_map(|number| self.get(number))
    }

    /// What a container holds; nothing if it is not there.
    pub(crate) fn data(&self, number: u32) -> Option<&Data> {
        let (page, at) = self.page(number);
        let page = self.pages.get(page)?;
        match page.place(at) {
            Ok(place) => page.held.get(place),
            Err(_) => (number < self.next).then(|| page.first(at)),
        }
    }

    /// The same, made for this once where it would be kept otherwise.
    pub(crate) fn peek(&self, number: u32) -> Option<Cow<'_, Data>> {
        let (page, at) = self.page(number);
        let page = self.pages.get(page)?;
        match page.place(at) {
            Err(_) if page.small.holds(at) => page.small.peek(at, &page.kinds),
            _ => self.data(number).map(Cow::Borrowed),
        }
    }

    /// The same to be changed.
    pub(crate) fn data_mut(&mut self, number: u32) -> &mut Data {
        self.open(number).0
    }

    /// The same, and whether nothing happened in the container before.
    pub(crate) fn open(&mut self, number: u32) -> (&mut Data, bool) {
        let (page, at) = self.page(number);
        let page = &mut self.pages[page];
        let (place, is_new) = match page.place(at) {
            Ok(place) => (place, false),
            Err(place) => (place, page.hold(at, place)),
        };
        (&mut page.held[place], is_new)
    }

    /// Lets go of what is made again when somebody asks for an element of a list.
    pub(crate) fn rest(&mut self) {
        for data in self.pages.iter_mut().flat_map(|page| &mut page.held) {
            if let Data::List(list) = data {
                list.sequence.rest();
            }
        }
    }

    /// Takes note that a text or list is edited. Those that were not for a while are closed again.
    pub(crate) fn wake(&mut self, number: u32) {
        if !self.awake.contains(&number) {
            self.awake.rotate_left(1);
            let longest = std::mem::replace(&mut self.awake[AWAKE - 1], number);
            self.close(longest);
        }
    }

    /// Keeps what a container holds as bytes, if it is there and small.
    pub(crate) fn close(&mut self, number: u32) {
        let (page, at) = self.page(number);
        if let Some(page) = self.pages.get_mut(page)
            && let Ok(place) = page.place(at)
            && page.small.put(at, &page.held[place])
        {
            page.held.remove(place);
            page.bits &= !(1 << at);
            if page.held.is_empty() {
                page.held = Vec::new();
            }
        }
    }

    /// Whether something happened in a container.
    pub(crate) fn holds(&self, number: u32) -> bool {
        let (page, at) = self.page(number);
        self.pages.get(page).is_some_and(|page| page.place(at).is_ok() || page.small.holds(at))
    }

    /// The container that an operation made.
    pub(crate) fn made(&self, by: Lv) -> Option<u32> {
        let &(at, container) = self.made.up_to(&by)?;
        if at == by {
            Some(container)
        } else {
            self.next_beside(container, by - 1).filter(|item| item.0 == by).map(|item| item.1)
        }
    }

    /// Of the items that stand with a container the first after this one, and its number.
    fn next_beside(&self, container: u32, after: Lv) -> Option<(Lv, u32)> {
        let (from, Origin::Items(Items { first, bits, .. })) = self.origin(container)? else { return None };
        let passed = (after + 1).saturating_sub(first);
        let rest = bits & u32::MAX.checked_shl(passed)?;
        let on = rest.trailing_zeros();
        (rest != 0).then(|| (first + on, from + (bits & ((1 << on) - 1)).count_ones()))
    }

    /// Takes note of what an operation made; gives what it was known to have made.
    pub(crate) fn make(&mut self, by: Lv, container: u32) -> Option<u32> {
        let before = self.made(by);
        if before != Some(container) {
            // The next that stands with what is told before it does not any more, if it did.
            let told = self.made.up_to(&by).map(|told| told.1);
            let next = told.and_then(|told| self.next_beside(told, by));
            let next = next.filter(|&(item, nested)| self.made(item) == Some(nested));
            self.made.insert(by, container);
            if let Some((item, nested)) = next {
                self.made.insert(item, nested);
            }
        }
        before
    }

    /// The operations that made containers, in order, and which they made.
    pub(crate) fn makers(&self) -> Vec<(Lv, u32)> {
        let mut makers = Vec::new();
        let mut told = self.made.iter();
        let mut next = told.next();
        while let Some((&by, &container)) = next {
            next = told.next();
            let end = next.map_or(Lv::MAX, |next| *next.0);
            let mut maker = (by, container);
            makers.push(maker);
            while let Some(beside) = self.next_beside(container, maker.0).filter(|item| item.0 < end) {
                maker = beside;
                makers.push(maker);
            }
        }
        makers
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::numbers::NONE;

    /// Mostly items of one list, one soon after the other.
    fn container() -> impl Strategy<Value = Container> {
        let parent = prop_oneof![
            (0..50u32).prop_map(Parent::Root),
            (0..9u32, 0..9u32, 0..99u32).prop_map(|(map, key, base)| Parent::Key { map, key, base }),
        ];
        let item = |list| move |item| Parent::Item { list, item };
        let other = (0..3u32, 0..200u32).prop_map(move |(list, at)| item(list)(at));
        let kind = (0..7u8).prop_map(|tag| Kind::from_tag(tag).expect("there are seven"));
        let parent = prop_oneof![1 => parent, 1 => other, 12 => (1000..1200u32).prop_map(item(7))];
        (kind, parent, 0..99u32).prop_map(|(kind, parent, made)| {
            let made = match parent {
                Parent::Root(_) => NONE,
                Parent::Key { .. } => made,
                Parent::Item { item, .. } => item,
            };
            Container { kind, parent, made }
        })
    }

    proptest! {
        #[test]
        fn containers_are_what_was_put_in_and_hold_what_they_were_given(
            mut all in prop::collection::vec(container(), 1..200),
            sorted: bool,
            given in prop::collection::vec((any::<prop::sample::Index>(), any::<u32>()), 0..100),
        ) {
            if sorted {
                all.sort_by_key(|container| container.made);
            }
            let mut containers = Containers::from(0);
            for (nth, container) in (0..).zip(&all) {
                prop_assert_eq!(containers.push(*container), nth);
            }
            prop_assert!(containers.iter().eq(all.iter().copied()));
            prop_assert_eq!(containers.get(all.len() as u32), None);
            let mut model: BTreeMap<usize, u32> = BTreeMap::new();
            for (at, lv) in given {
                let at = at.index(all.len());
                *containers.data_mut(at as u32) = Data::Register(vec![(lv, lv.into())]);
                model.insert(at, lv);
            }
            for (at, container) in all.iter().enumerate() {
                let data = containers.data(at as u32).expect("it was put in");
                prop_assert_eq!(containers.holds(at as u32), model.contains_key(&at));
                match (data, model.get(&at)) {
                    (Data::Register(writes), Some(lv)) => prop_assert_eq!(writes[0].0, *lv),
                    // What nothing happened in is one for all, which others may have looked into.
                    (data, None) => {
                        let empty = Data::new(container.kind);
                        prop_assert_eq!(std::mem::discriminant(data), std::mem::discriminant(&empty));
                    }
                    (data, lv) => prop_assert!(false, "{data:?} was given {lv:?}"),
                }
            }
            prop_assert!(containers.data(all.len() as u32).is_none());
        }

        #[test]
        fn an_operation_made_what_was_said_last(
            mut all in prop::collection::vec(container(), 0..200),
            sorted: bool,
            said in prop::collection::vec((0..1300u32, 0..200u32), 0..50),
            at in 0..200usize,
        ) {
            if sorted {
                all.sort_by_key(|container| container.made);
            }
            let (mut containers, mut model) = (Containers::from(3), BTreeMap::new());
            // Some is said in between.
            let (before, after) = said.split_at(said.len() / 2);
            for (nth, container) in all.iter().enumerate() {
                let number = containers.push(*container);
                if container.made != NONE {
                    containers.make(container.made, number);
                    model.insert(container.made, number);
                }
                for &(made, other) in before.iter().filter(|_| nth == at) {
                    let number = other % (number + 1);
                    prop_assert_eq!(containers.make(made, number), model.insert(made, number));
                }
            }
            for &(made, number) in after {
                let number = number % containers.next();
                prop_assert_eq!(containers.make(made, number), model.insert(made, number));
            }
            prop_assert!(containers.makers().into_iter().eq(model.iter().map(|(made, number)| (*made, *number))));
            for made in 0..1300 {
                prop_assert_eq!(containers.made(made), model.get(&made).copied());
            }
        }
    }
}
