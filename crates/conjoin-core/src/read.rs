//! Reading a document.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::changed::{ContainerId, Marks};
use crate::doc::Doc;
use crate::sequence::Chunks;
use crate::state::{Data, Held, List, Map, Members, Parent, Text, Values};
use crate::strings::StrId;
use crate::transaction::Unit;
use crate::value::{Kind, Ordered, Value};
use crate::version::ReplicaId;

/// What stands at a key of a map or in an item of a list. Two are equal if they hold the same.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Item<'a> {
    /// A plain value.
    Value(&'a Value),
    /// The value of a counter.
    Counter(i64),
    /// The value of a floating-point counter.
    FloatCounter(f64),
    /// A register.
    Register(RegisterRef<'a>),
    /// A map.
    Map(MapRef<'a>),
    /// A set.
    Set(SetRef<'a>),
    /// A list.
    List(ListRef<'a>),
    /// A text.
    Text(TextRef<'a>),
}

impl<'a> Item<'a> {
    /// The plain value, if it is one.
    pub const fn value(self) -> Option<&'a Value> {
        if let Self::Value(value) = self { Some(value) } else { None }
    }
}

impl Doc {
    fn root(&self, kind: Kind, name: &str) -> Option<u32> {
        self.state.root(kind, self.strings.find(name)?)
    }

    fn root_data(&self, kind: Kind, name: &str) -> Option<&Data> {
        self.root(kind, name).map(|container| self.state.data(container))
    }

    /// The value of a counter. Past the range of 64 bits it stays at the bound until it is back.
    pub fn counter(&self, name: &str) -> i64 {
        if let Some(Data::Counter(sums)) = self.root_data(Kind::Counter, name) { sums.total() } else { 0 }
    }

    /// What one replica added to a counter.
    pub fn counter_of(&self, name: &str, replica: ReplicaId) -> i64 {
        let Some(Data::Counter(sums)) = self.root_data(Kind::Counter, name) else { return 0 };
        sums.part(replica)
    }

    /// The value of a floating-point counter, the same to the last bit on every replica. What one
    /// replica added, and the whole, stay at the bound past the range of finite numbers.
    pub fn float_counter(&self, name: &str) -> f64 {
        match self.root_data(Kind::FloatCounter, name) {
            Some(Data::FloatCounter(sums)) => sums.float_total(),
            _ => 0.0,
        }
    }

    /// The value of a register, if it was ever set: that of the latest write.
    pub fn register(&self, name: &str) -> Option<&Value> {
        self.register_all(name).next()
    }

    /// The values of a register that were written at once, none of the writers knowing of the others; that
    /// of the latest write first.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let mut ada = Doc::new(ReplicaId::new(1));
    /// let mut bob = Doc::new(ReplicaId::new(2));
    /// ada.transact(|tx| tx.register("title").set("Atlas"));
    /// bob.transact(|tx| tx.register("title").set("Globe"));
    /// ada.merge(&bob)?;
    /// let titles: Vec<_> = ada.register_all("title").collect();
    /// assert_eq!(titles, [&Value::from("Globe"), &Value::from("Atlas")]);
    /// # Ok::<(), conjoin_core::ApplyError>(())
    /// ```
    pub fn register_all(&self, name: &str) -> impl Iterator<Item = &Value> + '_ {
        let writes = match self.root_data(Kind::Register, name) {
            Some(Data::Register(writes)) => &writes[..],
            _ => &[],
        };
        writes.iter().map(|write| &write.1)
    }

    /// A map.
    pub fn map(&self, name: &str) -> MapRef<'_> {
        MapRef { doc: self, container: self.root(Kind::Map, name) }
    }

    /// A set.
    pub fn set(&self, name: &str) -> SetRef<'_> {
        SetRef { doc: self, container: self.root(Kind::Set, name) }
    }

    /// A list.
    pub fn list(&self, name: &str) -> ListRef<'_> {
        ListRef { doc: self, container: self.root(Kind::List, name) }
    }

    /// A text.
    pub fn text(&self, name: &str) -> TextRef<'_> {
        TextRef { doc: self, container: self.root(Kind::Text, name) }
    }

    /// The roots that were ever edited, by kind and name.
    pub fn roots(&self) -> impl Iterator<Item = (&Arc<str>, Item<'_>)> + '_ {
        let mut roots: Vec<_> = (self.state.places())
            .filter_map(|(parent, kind, container)| match parent {
                Parent::Root(name) => Some((kind, self.strings.get(name), container)),
                _ => None,
            })
            .collect();
        roots.sort_unstable();
        roots.into_iter().map(|(_, name, container)| (name, self.item(container)))
    }

    /// What a container holds.
    pub fn container(&self, id: ContainerId) -> Option<Item<'_>> {
        ((id.0 as usize) < self.state.containers.len()).then(|| self.item(id.0))
    }

    fn item(&self, container: u32) -> Item<'_> {
        let some = Some(container);
        match self.state.data(container) {
            Data::Counter(sums) => Item::Counter(sums.total()),
            Data::FloatCounter(sums) => Item::FloatCounter(sums.float_total()),
            Data::Register(_) => Item::Register(RegisterRef { doc: self, container: some }),
            Data::Map(_) => Item::Map(MapRef { doc: self, container: some }),
            Data::Set(_) => Item::Set(SetRef { doc: self, container: some }),
            Data::List(_) => Item::List(ListRef { doc: self, container: some }),
            Data::Text(_) => Item::Text(TextRef { doc: self, container: some }),
        }
    }

    fn held<'a>(&'a self, held: &'a Held) -> Option<Item<'a>> {
        match held {
            Held::Nothing => None,
            Held::Value(value) => Some(Item::Value(value)),
            Held::Container(container) => Some(self.item(*container)),
        }
    }

    fn nested(&self, held: Option<&Held>, kind: Kind) -> Option<u32> {
        match held {
            Some(Held::Container(container)) => {
                (self.state.containers[*container as usize].kind == kind).then_some(*container)
            }
            _ => None,
        }
    }
}

macro_rules! reference {
    ($(#[$doc:meta])* $name:ident, $variant:ident, $data:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name<'a> {
            pub(crate) doc: &'a Doc,
            pub(crate) container: Option<u32>,
        }

        impl<'a> $name<'a> {
            pub(crate) fn data(&self) -> Option<&'a $data> {
                match self.doc.state.data(self.container?) {
                    Data::$variant(data) => Some(data),
                    _ => None,
                }
            }

            /// What patches call it; `None` as long as nobody edited it.
            pub fn id(&self) -> Option<ContainerId> {
                self.container.map(ContainerId)
            }
        }
    };
}

macro_rules! nested {
    ($by:ident: $index:ty) => {
        /// The counter there; zero if there is none.
        pub fn counter(&self, $by: $index) -> i64 {
            if let Some(Item::Counter(value)) = self.item($by) { value } else { 0 }
        }

        /// The floating-point counter there; zero if there is none.
        pub fn float_counter(&self, $by: $index) -> f64 {
            if let Some(Item::FloatCounter(value)) = self.item($by) { value } else { 0.0 }
        }

        /// The register there; empty if there is none.
        pub fn register(&self, $by: $index) -> RegisterRef<'a> {
            RegisterRef { doc: self.doc, container: self.doc.nested(self.held($by), Kind::Register) }
        }

        /// The map there; empty if there is none.
        pub fn map(&self, $by: $index) -> MapRef<'a> {
            MapRef { doc: self.doc, container: self.doc.nested(self.held($by), Kind::Map) }
        }

        /// The set there; empty if there is none.
        pub fn set(&self, $by: $index) -> SetRef<'a> {
            SetRef { doc: self.doc, container: self.doc.nested(self.held($by), Kind::Set) }
        }

        /// The list there; empty if there is none.
        pub fn list(&self, $by: $index) -> ListRef<'a> {
            ListRef { doc: self.doc, container: self.doc.nested(self.held($by), Kind::List) }
        }

        /// The text there; empty if there is none.
        pub fn text(&self, $by: $index) -> TextRef<'a> {
            TextRef { doc: self.doc, container: self.doc.nested(self.held($by), Kind::Text) }
        }
    };
}

reference! {
    /// A nested register, to be read.
    RegisterRef, Register, Vec<(crate::numbers::Lv, Value)>
}

impl<'a> RegisterRef<'a> {
    /// The value of the latest write.
    pub fn get(&self) -> Option<&'a Value> {
        self.data()?.first().map(|write| &write.1)
    }

    /// The values that were written at once, that of the latest write first.
    pub fn all(&self) -> impl Iterator<Item = &'a Value> + 'a {
        self.data().map_or(&[][..], |writes| writes).iter().map(|write| &write.1)
    }
}

impl PartialEq for RegisterRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.all().eq(other.all())
    }
}

impl fmt::Debug for RegisterRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all()).finish()
    }
}

reference! {
    /// A map, to be read.
    MapRef, Map, Map
}

impl<'a> MapRef<'a> {
    fn held(&self, key: &str) -> Option<&'a Held> {
        let slot = self.data()?.slots.get(&self.doc.strings.find(key)?)?;
        Some(&slot.held)
    }

    /// The plain value of a key.
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        if let Some(Held::Value(value)) = self.held(key) { Some(value) } else { None }
    }

    /// What a key holds.
    pub fn item(&self, key: &str) -> Option<Item<'a>> {
        self.doc.held(self.held(key)?)
    }

    fn entries(&self) -> impl Iterator<Item = (StrId, Item<'a>)> + 'a {
        let doc = self.doc;
        const NONE: &Map = &Map::new();
        let slots = self.data().unwrap_or(NONE).slots.iter();
        slots.filter_map(move |(&key, slot)| Some((key, doc.held(&slot.held)?)))
    }

    /// The keys and what they hold, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Item<'a>)> + 'a {
        let doc = self.doc;
        let mut entries: Vec<_> = self.entries().map(|(key, item)| (&**doc.strings.get(key), item)).collect();
        entries.sort_unstable_by_key(|entry| entry.0);
        entries.into_iter()
    }

    /// The number of keys that hold something.
    pub fn len(&self) -> usize {
        self.entries().count()
    }

    /// Whether no key holds anything.
    pub fn is_empty(&self) -> bool {
        self.entries().next().is_none()
    }

    nested!(key: &str);
}

impl PartialEq for MapRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for MapRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

reference! {
    /// A set, to be read.
    SetRef, Set, Members
}

impl<'a> SetRef<'a> {
    /// Whether a value is in.
    pub fn contains(&self, value: impl Into<Value>) -> bool {
        self.data().is_some_and(|members| members.values.contains_key(&Ordered(value.into())))
    }

    /// The values: null, false, true, whole numbers, fractions, texts, bytes, each by size.
    pub fn iter(&self) -> impl Iterator<Item = &'a Value> + 'a {
        const NONE: &Members = &Members::new();
        self.data().unwrap_or(NONE).values.keys().map(|value| &value.0)
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.data().map_or(0, |members| members.values.len())
    }

    /// Whether no value is in.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl PartialEq for SetRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for SetRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

reference! {
    /// A list, to be read.
    ListRef, List, Box<List>
}

impl<'a> ListRef<'a> {
    fn held(&self, at: usize) -> Option<&'a Held> {
        Some(self.data()?.at(at)?.1)
    }

    /// The plain value of an item.
    pub fn get(&self, at: usize) -> Option<&'a Value> {
        if let Some(Held::Value(value)) = self.held(at) { Some(value) } else { None }
    }

    /// What an item is.
    pub fn item(&self, at: usize) -> Option<Item<'a>> {
        self.doc.held(self.held(at)?)
    }

    /// The items.
    pub fn iter(&self) -> impl Iterator<Item = Item<'a>> + 'a {
        let (doc, list) = (self.doc, self.data());
        let mut slots = list.map(|list| (list, list.sequence.elements(true)));
        std::iter::from_fn(move || {
            let (list, slots) = slots.as_mut()?;
            slots.find_map(|slot| doc.held(list.items.get(list.item_of(slot))?))
        })
    }

    /// The number of items.
    pub fn len(&self) -> usize {
        self.data().map_or(0, |list| list.sequence.len())
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    nested!(at: usize);
}

impl PartialEq for ListRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for ListRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

reference! {
    /// A text, to be read. It displays as its characters.
    TextRef, Text, Box<Text>
}

/// A stretch of text with the marks that are on all of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The characters.
    pub text: String,
    /// The values of marks by their keys.
    pub marks: Marks,
}

impl Text {
    /// The length in a unit.
    pub(crate) fn len_in(&self, unit: Unit) -> usize {
        match unit {
            Unit::Scalar => self.sequence.len(),
            Unit::Utf16 => self.sequence.utf16_len(),
            Unit::Utf8 => self.sequence.byte_len(),
        }
    }

    /// The index in characters of an index in a unit; `None` past the end and inside a character.
    pub(crate) fn char_at(&self, index: usize, unit: Unit) -> Option<usize> {
        match unit {
            Unit::Scalar => (index <= self.sequence.len()).then_some(index),
            Unit::Utf16 => self.sequence.char_of_utf16(index),
            Unit::Utf8 => self.sequence.char_of_byte(index),
        }
    }

    fn index_in(&self, char: usize, unit: Unit) -> Option<usize> {
        match unit {
            Unit::Scalar => Some(char),
            Unit::Utf16 => self.sequence.utf16_of_char(char),
            Unit::Utf8 => self.sequence.byte_of_char(char),
        }
    }
}

impl<'a> TextRef<'a> {
    /// The length in characters (Unicode scalar values).
    pub fn len(&self) -> usize {
        self.len_in(Unit::Scalar)
    }

    /// The length in a unit.
    pub fn len_in(&self, unit: Unit) -> usize {
        self.data().map_or(0, |text| text.len_in(unit))
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An index counted in one unit, counted in another; `None` past the end and inside a character.
    pub fn convert(&self, index: usize, from: Unit, to: Unit) -> Option<usize> {
        match self.data() {
            Some(text) => text.index_in(text.char_at(index, from)?, to),
            None => (index == 0).then_some(0),
        }
    }

    /// The text between two indexes in characters, in pieces; none of what lies past the end.
    pub fn chunks(&self, range: Range<usize>) -> impl Iterator<Item = &'a str> + 'a {
        self.data().map_or(Chunks::whole(""), |text| text.sequence.chunks(range))
    }

    /// The text between two indexes in characters; none of what lies past the end.
    pub fn slice(&self, range: Range<usize>) -> String {
        self.data().map_or_else(String::new, |text| text.sequence.slice(range))
    }

    /// The text in stretches of equal marks.
    pub fn spans(&self) -> Vec<Span> {
        let Some(text) = self.data() else { return Vec::new() };
        let mut from = 0;
        let span = |(len, marks): (usize, Values<'_>)| {
            let text = text.sequence.slice(from..from + len);
            from += len;
            let named = |(key, value): (StrId, &Value)| (self.doc.strings.get(key).clone(), value.clone());
            Span { text, marks: marks.into_iter().map(named).collect() }
        };
        text.spans(&self.doc.numbers).into_iter().map(span).collect()
    }
}

impl fmt::Display for TextRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chunks(0..self.len()).try_for_each(|chunk| f.write_str(chunk))
    }
}

impl PartialEq for TextRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.spans() == other.spans()
    }
}

impl fmt::Debug for TextRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}
