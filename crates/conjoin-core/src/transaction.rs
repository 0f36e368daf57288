//! Editing: all edits of one transaction become one change.

mod counter;
mod list;
mod map;
mod register;
mod set;
mod text;

use std::ops::{Bound, RangeBounds};

use crate::doc::Doc;
use crate::log::{Entry, Local, SCATTERED};
use crate::numbers::{Lv, NONE, Numbers};
use crate::op::Edit;
use crate::size;
use crate::state::{Author, Data, Held, Parent};
use crate::strings::{Names, StrId};
use crate::value::Kind;

pub use counter::{CounterMut, FloatCounterMut};
pub use list::ListMut;
pub use map::MapMut;
pub use register::RegisterMut;
pub use set::SetMut;
pub use text::{Expand, TextMut, Unit};

/// A float that is infinite or not a number, which a sum would not survive.
///
/// ```
/// use conjoin_core::{Doc, NotFinite, ReplicaId};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// doc.transact(|tx| assert_eq!(tx.float_counter("f").add(f64::NAN), Err(NotFinite)));
/// assert_eq!(doc.float_counter("f"), 0.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("only finite numbers can be added to a counter")]
pub struct NotFinite;

/// An index past the end, or in the middle of a character. Nothing was done.
///
/// ```
/// use conjoin_core::{Doc, OutOfBounds, ReplicaId};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// doc.transact(|tx| {
///     assert_eq!(tx.text("t").insert(3, "Hi"), Err(OutOfBounds { index: 3, len: 0 }));
/// });
/// assert!(doc.text("t").is_empty());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("index {index} is out of bounds: the length is {len}")]
pub struct OutOfBounds {
    /// The index.
    pub index: usize,
    /// The length, in the unit of the index.
    pub len: usize,
}

/// Edits in progress, from [`Doc::transact`].
///
/// ```
/// use conjoin_core::{Doc, ReplicaId, Transaction};
///
/// fn rename(tx: &mut Transaction<'_>, name: &str) {
///     tx.register("name").set(name);
///     tx.counter("renamed").increment();
/// }
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// doc.transact(|tx| rename(tx, "Atlas"));
/// assert_eq!(doc.counter("renamed"), 1);
/// ```
#[derive(Debug)]
pub struct Transaction<'a> {
    doc: &'a mut Doc,
    /// This replica's number, once it has edited.
    own: Option<u32>,
    /// Whether the next operation goes on where the last entry of the log ended.
    joins: bool,
}

/// What a handle edits.
#[derive(Debug, Clone, Copy)]
enum Place<'t> {
    Root(Kind, &'t str),
    Made(u32),
}

impl<'a> Transaction<'a> {
    pub(crate) const fn new(doc: &'a mut Doc) -> Self {
        Self { doc, own: None, joins: false }
    }

    /// The counter of this name.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.counter("clicks").add(2));
    /// assert_eq!(doc.counter("clicks"), 2);
    /// ```
    pub fn counter<'t>(&'t mut self, name: &'t str) -> CounterMut<'t, 'a> {
        CounterMut { place: self.root(Kind::Counter, name), tx: self }
    }

    /// The floating-point counter of this name.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.float_counter("litres").add(1.5).unwrap());
    /// assert_eq!(doc.float_counter("litres"), 1.5);
    /// ```
    pub fn float_counter<'t>(&'t mut self, name: &'t str) -> FloatCounterMut<'t, 'a> {
        FloatCounterMut { place: self.root(Kind::FloatCounter, name), tx: self }
    }

    /// The register of this name.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.register("title").set("Atlas"));
    /// assert_eq!(doc.register("title"), Some(&Value::from("Atlas")));
    /// ```
    pub fn register<'t>(&'t mut self, name: &'t str) -> RegisterMut<'t, 'a> {
        RegisterMut { place: self.root(Kind::Register, name), tx: self }
    }

    /// The map of this name.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.map("colors").set("sky", "blue"));
    /// assert_eq!(doc.map("colors").get("sky"), Some(&Value::from("blue")));
    /// ```
    pub fn map<'t>(&'t mut self, name: &'t str) -> MapMut<'t, 'a> {
        MapMut { place: self.root(Kind::Map, name), tx: self }
    }

    /// The set of this name.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.set("tags").insert("new"));
    /// assert!(doc.set("tags").contains("new"));
    /// ```
    pub fn set<'t>(&'t mut self, name: &'t str) -> SetMut<'t, 'a> {
        SetMut { place: self.root(Kind::Set, name), tx: self }
    }

    /// The list of this name.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.list("shopping").push("milk"));
    /// assert_eq!(doc.list("shopping").get(0), Some(&Value::from("milk")));
    /// ```
    pub fn list<'t>(&'t mut self, name: &'t str) -> ListMut<'t, 'a> {
        ListMut { place: self.root(Kind::List, name), tx: self }
    }

    /// The text of this name.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("notes").push("Hello"));
    /// assert_eq!(doc.text("notes").to_string(), "Hello");
    /// ```
    #[cfg_attr(not(target_family = "wasm"), inline)]
    pub fn text<'t>(&'t mut self, name: &'t str) -> TextMut<'t, 'a> {
        TextMut { place: self.root(Kind::Text, name), tx: self, unit: Unit::Scalar }
    }

    /// The document with the edits so far.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     tx.counter("clicks").add(2);
    ///     assert_eq!(tx.doc().counter("clicks"), 2);
    /// });
    /// ```
    pub const fn doc(&self) -> &Doc {
        self.doc
    }

    /// The value of a name. It is looked up once for all that is done by a handle, and not at all if it was
    /// the last one looked up.
    #[cfg_attr(not(target_family = "wasm"), inline)]
    fn root<'t>(&mut self, kind: Kind, name: &'t str) -> Place<'t> {
        let Doc { state, strings, .. } = &mut *self.doc;
        if let Some((container, of)) = state.recent_root(kind)
            && **strings.get(of) == *name
        {
            return Place::Made(container);
        }
        let Some(container) = strings.find(name).and_then(|name| state.root(kind, name)) else {
            return Place::Root(kind, name);
        };
        state.focus(container);
        Place::Made(container)
    }

    /// The container of a place, if it is there.
    fn find(&self, place: Place<'_>) -> Option<u32> {
        match place {
            Place::Made(container) => Some(container),
            Place::Root(kind, name) => self.doc.state.root(kind, self.doc.strings.find(name)?),
        }
    }

    fn data(&self, place: Place<'_>) -> Option<&Data> {
        self.find(place).map(|container| self.doc.state.data(container))
    }

    /// Takes the next operation's number for `len` of them, and makes what is edited if it is missing.
    fn begin(&mut self, place: Place<'_>, len: u32) -> (u32, Lv) {
        let doc = &mut *self.doc;
        if let Place::Made(container) = place
            && doc.leads_in(container) == Some(doc.replica)
        {
            self.own = doc.numbers.leader();
            self.joins = true;
            return (container, doc.numbers.follow(len));
        }
        let own = match self.own {
            Some(own) => own,
            None => {
                let own = doc.numbers.introduce(doc.replica);
                if doc.names.len() <= own as usize {
                    doc.names.resize_with(own as usize + 1, Names::default);
                }
                own
            }
        };
        let container = match place {
            Place::Made(container) => container,
            Place::Root(kind, name) => {
                let name = doc.strings.intern(name);
                doc.state.make(kind, Parent::Root(name), NONE, &doc.strings)
            }
        };
        if let Parent::Root(name) = doc.state.container(container).parent
            && !doc.names[own as usize].is_latest(name)
        {
            let seq = doc.numbers.count(own);
            name_it(doc, own, name, seq);
        }
        let lv = if self.own.is_some() {
            self.joins = true;
            doc.numbers.push(own, len, &[])
        } else {
            let deps = doc.numbers.deps_of_next(own);
            self.joins = deps.is_empty() && doc.numbers.follows(own);
            self.own = Some(own);
            doc.numbers.push(own, len, &deps)
        };
        (container, lv)
    }

    /// Types on where the last operation ended, if that was of this replica and nothing came since.
    #[cfg_attr(not(target_family = "wasm"), inline)]
    fn type_on(&mut self, place: Place<'_>, at: usize, text: &str) -> bool {
        let Place::Made(container) = place else { return false };
        let doc = &mut *self.doc;
        match doc.numbers.leader() {
            Some(leader) if doc.numbers.replica(leader) == doc.replica => {
                if !doc.type_on(container, Some(at), text) {
                    return false;
                }
                (self.own, self.joins) = (Some(leader), true);
                true
            }
            _ => false,
        }
    }

    /// The number of a string that the next operation names.
    fn name(&mut self, name: &str) -> StrId {
        self.doc.strings.intern(name)
    }

    #[cfg_attr(target_family = "wasm", inline(never))]
    fn entry(&self, lv: Lv, len: u32, container: u32, at: u32, edit: Local) -> Entry {
        let named = self.doc.state.container(container).made;
        Entry { lv, len, container, named, at, edit }
    }

    /// Does an edit, which names what is there.
    fn push(&mut self, place: Place<'_>, edit: Local) -> (u32, Lv) {
        let len = edit.len();
        let (container, lv) = self.begin(place, len);
        let doc = &mut *self.doc;
        if let Some(&key) = edit.key() {
            let own = self.own.expect("it was set when the operation began");
            let seq = doc.numbers.count(own) - len;
            name_it(doc, own, key, seq);
        }
        let author = author(&doc.numbers, doc.replica);
        let done = doc.state.apply(container, lv, &edit, &author, &doc.strings, &mut doc.raw);
        debug_assert!(done.is_ok(), "a handle edits a value of its own kind");
        let entry = self.entry(lv, len, container, done.unwrap_or(SCATTERED), edit);
        self.doc.log.push(entry, self.joins);
        (container, lv)
    }

    /// Does an edit of a value that is there, by the numbers of what it names; says its first number. Does
    /// nothing if something it names is not there any more.
    pub(crate) fn edit(&mut self, container: u32, edit: Local) -> Option<Lv> {
        self.doc.state.check(container, &edit, &author(&self.doc.numbers, self.doc.replica), &[]).ok()?;
        Some(self.push(Place::Made(container), edit).1)
    }

    /// The container under a key of a map, made if it is missing.
    fn child(&mut self, place: Place<'_>, key: &str, kind: Kind) -> u32 {
        let key = self.name(key);
        let mut base = None;
        if let Some(Data::Map(map)) = self.data(place)
            && let Some(slot) = map.slots.get(&key)
        {
            match slot.held {
                Held::Container(child) if self.doc.state.container(child).kind == kind => {
                    return child;
                }
                _ => base = Some(slot.lv),
            }
        }
        let (map, _) = self.push(place, Edit::Make { key, kind, base });
        let parent = Parent::Key { map, key, base: base.unwrap_or(NONE) };
        self.doc.state.at(parent, kind).expect("it was just made")
    }
}

/// Introduces a string that operation `seq` is the first to use.
fn name_it(doc: &mut Doc, own: u32, name: StrId, seq: u32) {
    if doc.names[own as usize].introduce(name, seq) {
        doc.state.size += size::string(doc.strings.get(name));
    }
}

const fn author(numbers: &Numbers, replica: crate::ReplicaId) -> Author<'_> {
    Author { numbers, replica, unseen: &[], start: NONE, lamport: 0 }
}

impl Drop for Transaction<'_> {
    /// The edits are in the document already, so they are committed even when a panic unwinds.
    #[cfg_attr(not(target_family = "wasm"), inline)]
    fn drop(&mut self) {
        if self.own.is_some() {
            let doc = &mut *self.doc;
            doc.saw(doc.replica, u64::from(doc.numbers.next_seq()));
        }
    }
}

/// The start and end of a range of indexes, checked against a length.
fn bounds(range: impl RangeBounds<usize>, len: usize) -> Result<(usize, usize), OutOfBounds> {
    let start = match range.start_bound() {
        Bound::Included(&start) => start,
        Bound::Excluded(&start) => start.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(&end) => end.saturating_add(1),
        Bound::Excluded(&end) => end,
        Bound::Unbounded => len,
    };
    match (start, end) {
        (_, end) if end > len => Err(OutOfBounds { index: end, len }),
        (start, end) if start > end => Err(OutOfBounds { index: start, len: end }),
        bounds => Ok(bounds),
    }
}

fn some(lv: Lv) -> Option<Lv> {
    (lv != NONE).then_some(lv)
}

/// Gives a handle a way to read what it edits.
#[cfg(feature = "serde")]
macro_rules! reading {
    ($($name:ident $reference:ident),*) => {
        $(impl $name<'_, '_> {
            pub(crate) fn here(&self) -> crate::read::$reference<'_> {
                crate::read::$reference { doc: self.tx.doc, container: self.tx.find(self.place) }
            }
        })*
    };
}

#[cfg(feature = "serde")]
reading!(MapMut MapRef, ListMut ListRef, SetMut SetRef, TextMut TextRef, RegisterMut RegisterRef);
