//! Reading a document.

use std::fmt;
use std::sync::Arc;

use crate::changed::ContainerId;
use crate::doc::Doc;
use crate::numbers::Lv;
use crate::state::{Data, Held, Parent};
use crate::value::{Kind, Value};
use crate::version::ReplicaId;

/// What stands at a key of a map or in an item of a list. Two are equal if they hold the same.
///
/// ```
/// use conjoin_core::{Doc, Item, ReplicaId, Value};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// doc.transact(|tx| {
///     tx.map("page").set("title", "Atlas");
///     tx.map("page").counter("visits").add(3);
/// });
/// assert_eq!(doc.map("page").item("title"), Some(Item::Value(&Value::from("Atlas"))));
/// assert_eq!(doc.map("page").item("visits"), Some(Item::Counter(3)));
/// ```
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
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     tx.list("l").push("milk");
    ///     tx.list("l").insert_counter(1).unwrap();
    /// });
    /// let values: Vec<_> = doc.list("l").iter().map(|item| item.value()).collect();
    /// assert_eq!(values, [Some(&Value::from("milk")), None]);
    /// ```
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
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// assert_eq!(doc.counter("clicks"), 0);
    /// doc.transact(|tx| tx.counter("clicks").add(3));
    /// assert_eq!(doc.counter("clicks"), 3);
    /// ```
    pub fn counter(&self, name: &str) -> i64 {
        if let Some(Data::Counter(sums)) = self.root_data(Kind::Counter, name) { sums.total() } else { 0 }
    }

    /// What one replica added to a counter.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let (ada, bob) = (ReplicaId::new(1), ReplicaId::new(2));
    /// let mut doc = Doc::new(ada);
    /// doc.transact(|tx| tx.counter("clicks").add(3));
    /// assert_eq!((doc.counter_of("clicks", ada), doc.counter_of("clicks", bob)), (3, 0));
    /// ```
    pub fn counter_of(&self, name: &str, replica: ReplicaId) -> i64 {
        let Some(Data::Counter(sums)) = self.root_data(Kind::Counter, name) else { return 0 };
        sums.part(replica)
    }

    /// The value of a floating-point counter, the same to the last bit on every replica. What one
    /// replica added, and the whole, stay at the bound past the range of finite numbers.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     tx.float_counter("litres").add(1.5).unwrap();
    ///     tx.float_counter("litres").add(-0.25).unwrap();
    /// });
    /// assert_eq!(doc.float_counter("litres"), 1.25);
    /// ```
    pub fn float_counter(&self, name: &str) -> f64 {
        match self.root_data(Kind::FloatCounter, name) {
            Some(Data::FloatCounter(sums)) => sums.float_total(),
            _ => 0.0,
        }
    }

    /// The value of a register, if it was ever set: that of the latest write.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// assert_eq!(doc.register("title"), None);
    /// doc.transact(|tx| tx.register("title").set("Atlas"));
    /// assert_eq!(doc.register("title"), Some(&Value::from("Atlas")));
    /// ```
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
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.map("colors").set("sky", "blue"));
    /// assert_eq!(doc.map("colors").get("sky"), Some(&Value::from("blue")));
    /// assert!(doc.map("never edited").is_empty());
    /// ```
    pub fn map(&self, name: &str) -> MapRef<'_> {
        MapRef { doc: self, container: self.root(Kind::Map, name) }
    }

    /// A set.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.set("tags").insert("new"));
    /// assert!(doc.set("tags").contains("new"));
    /// assert!(doc.set("never edited").is_empty());
    /// ```
    pub fn set(&self, name: &str) -> SetRef<'_> {
        SetRef { doc: self, container: self.root(Kind::Set, name) }
    }

    /// A list.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.list("shopping").push("milk"));
    /// assert_eq!(doc.list("shopping").get(0), Some(&Value::from("milk")));
    /// assert!(doc.list("never edited").is_empty());
    /// ```
    pub fn list(&self, name: &str) -> ListRef<'_> {
        ListRef { doc: self, container: self.root(Kind::List, name) }
    }

    /// A text.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.text("notes").push("Hello"));
    /// assert_eq!(doc.text("notes").to_string(), "Hello");
    /// assert!(doc.text("never edited").is_empty());
    /// ```
    pub fn text(&self, name: &str) -> TextRef<'_> {
        TextRef { doc: self, container: self.root(Kind::Text, name) }
    }

    /// The roots that were ever edited, by kind and name.
    ///
    /// ```
    /// use conjoin_core::{Doc, Item, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     tx.text("notes").push("Hello");
    ///     tx.counter("clicks").increment();
    /// });
    /// let names: Vec<_> = doc.roots().map(|(name, _)| &**name).collect();
    /// assert_eq!(names, ["clicks", "notes"]);
    /// assert_eq!(doc.roots().next().unwrap().1, Item::Counter(1));
    /// ```
    pub fn roots(&self) -> impl Iterator<Item = (&Arc<str>, Item<'_>)> + '_ {
        let mut roots: Vec<_> = (self.state.containers.places())
            .filter_map(|(parent, kind, container)| match parent {
                Parent::Root(name) => Some((kind, self.strings.get(name), container)),
                _ => None,
            })
            .collect();
        roots.sort_unstable();
        roots.into_iter().map(|(_, name, container)| (name, self.item(container)))
    }

    /// What a container holds.
    ///
    /// ```
    /// use conjoin_core::{Doc, Item, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// let changed = doc.transact(|tx| tx.counter("clicks").increment()).changed();
    /// assert_eq!(doc.container(changed.patches[0].container), Some(Item::Counter(1)));
    /// ```
    pub fn container(&self, id: ContainerId) -> Option<Item<'_>> {
        (id.0 < self.state.containers.next()).then(|| self.item(id.0))
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

    /// What a key holds, or an item of a list.
    fn held<'a>(&'a self, held: &'a Held, item: Lv) -> Option<Item<'a>> {
        match held {
            Held::Value(value) => Some(Item::Value(value)),
            held => Some(self.item(self.state.held(held, item)?)),
        }
    }

    fn nested(&self, held: Option<(Lv, &Held)>, kind: Kind) -> Option<u32> {
        let (item, held) = held?;
        self.state.held(held, item).filter(|&container| self.state.container(container).kind == kind)
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
            ///
            /// ```
            /// use conjoin_core::{Doc, ReplicaId};
            ///
            /// let mut doc = Doc::new(ReplicaId::new(1));
            /// assert_eq!(doc.text("notes").id(), None);
            /// let changed = doc.transact(|tx| tx.text("notes").push("Hello")).changed();
            /// assert_eq!(doc.text("notes").id(), Some(changed.patches[0].container));
            /// ```
            pub fn id(&self) -> Option<ContainerId> {
                self.container.map(ContainerId)
            }
        }
    };
}

macro_rules! nested {
    ($by:ident: $index:ty) => {
        /// The counter there; zero if there is none.
        ///
        /// ```
        /// use conjoin_core::{Doc, ReplicaId};
        ///
        /// let mut doc = Doc::new(ReplicaId::new(1));
        /// doc.transact(|tx| {
        ///     tx.map("m").counter("visits").add(3);
        ///     tx.list("l").insert_counter(0).unwrap().add(4);
        /// });
        /// assert_eq!((doc.map("m").counter("visits"), doc.list("l").counter(0)), (3, 4));
        /// assert_eq!((doc.map("m").counter("missing"), doc.list("l").counter(1)), (0, 0));
        /// ```
        pub fn counter(&self, $by: $index) -> i64 {
            if let Some(Item::Counter(value)) = self.item($by) { value } else { 0 }
        }

        /// The floating-point counter there; zero if there is none.
        ///
        /// ```
        /// use conjoin_core::{Doc, ReplicaId};
        ///
        /// let mut doc = Doc::new(ReplicaId::new(1));
        /// doc.transact(|tx| {
        ///     tx.map("m").float_counter("litres").add(0.5).unwrap();
        ///     tx.list("l").insert_float_counter(0).unwrap().add(1.5).unwrap();
        /// });
        /// assert_eq!((doc.map("m").float_counter("litres"), doc.list("l").float_counter(0)), (0.5, 1.5));
        /// ```
        pub fn float_counter(&self, $by: $index) -> f64 {
            if let Some(Item::FloatCounter(value)) = self.item($by) { value } else { 0.0 }
        }

        /// The register there; empty if there is none.
        ///
        /// ```
        /// use conjoin_core::{Doc, ReplicaId, Value};
        ///
        /// let mut doc = Doc::new(ReplicaId::new(1));
        /// doc.transact(|tx| {
        ///     tx.map("m").register("title").set("Atlas");
        ///     tx.list("l").insert_register(0).unwrap().set("Globe");
        /// });
        /// assert_eq!(doc.map("m").register("title").get(), Some(&Value::from("Atlas")));
        /// assert_eq!(doc.list("l").register(0).get(), Some(&Value::from("Globe")));
        /// assert_eq!(doc.list("l").register(1).get(), None);
        /// ```
        pub fn register(&self, $by: $index) -> RegisterRef<'a> {
            RegisterRef { doc: self.doc, container: self.doc.nested(self.held($by), Kind::Register) }
        }

        /// The map there; empty if there is none.
        ///
        /// ```
        /// use conjoin_core::{Doc, ReplicaId, Value};
        ///
        /// let mut doc = Doc::new(ReplicaId::new(1));
        /// doc.transact(|tx| {
        ///     tx.map("people").map("ada").set("born", 1815);
        ///     tx.list("shapes").insert_map(0).unwrap().set("kind", "circle");
        /// });
        /// assert_eq!(doc.map("people").map("ada").get("born"), Some(&Value::from(1815)));
        /// assert_eq!(doc.list("shapes").map(0).get("kind"), Some(&Value::from("circle")));
        /// assert!(doc.map("people").map("bob").is_empty());
        /// ```
        pub fn map(&self, $by: $index) -> MapRef<'a> {
            MapRef { doc: self.doc, container: self.doc.nested(self.held($by), Kind::Map) }
        }

        /// The set there; empty if there is none.
        ///
        /// ```
        /// use conjoin_core::{Doc, ReplicaId};
        ///
        /// let mut doc = Doc::new(ReplicaId::new(1));
        /// doc.transact(|tx| {
        ///     tx.map("m").set_of("tags").insert("new");
        ///     tx.list("l").insert_set(0).unwrap().insert(7);
        /// });
        /// assert!(doc.map("m").set("tags").contains("new") && doc.list("l").set(0).contains(7));
        /// assert!(doc.list("l").set(1).is_empty());
        /// ```
        pub fn set(&self, $by: $index) -> SetRef<'a> {
            SetRef { doc: self.doc, container: self.doc.nested(self.held($by), Kind::Set) }
        }

        /// The list there; empty if there is none.
        ///
        /// ```
        /// use conjoin_core::{Doc, ReplicaId};
        ///
        /// let mut doc = Doc::new(ReplicaId::new(1));
        /// doc.transact(|tx| {
        ///     tx.map("board").list("todo").push("write");
        ///     tx.list("rows").insert_list(0).unwrap().push(1);
        /// });
        /// assert_eq!((doc.map("board").list("todo").len(), doc.list("rows").list(0).len()), (1, 1));
        /// assert!(doc.map("board").list("done").is_empty());
        /// ```
        pub fn list(&self, $by: $index) -> ListRef<'a> {
            ListRef { doc: self.doc, container: self.doc.nested(self.held($by), Kind::List) }
        }

        /// The text there; empty if there is none.
        ///
        /// ```
        /// use conjoin_core::{Doc, ReplicaId};
        ///
        /// let mut doc = Doc::new(ReplicaId::new(1));
        /// doc.transact(|tx| {
        ///     tx.map("page").text("body").push("Hello");
        ///     tx.list("notes").insert_text(0).unwrap().push("Hi");
        /// });
        /// assert_eq!(doc.map("page").text("body").to_string(), "Hello");
        /// assert_eq!(doc.list("notes").text(0).to_string(), "Hi");
        /// assert!(doc.list("notes").text(1).is_empty());
        /// ```
        pub fn text(&self, $by: $index) -> TextRef<'a> {
            TextRef { doc: self.doc, container: self.doc.nested(self.held($by), Kind::Text) }
        }
    };
}

mod list;
mod map;
mod set;
mod text;

pub use list::ListRef;
pub use map::MapRef;
pub use set::SetRef;
pub use text::{Span, TextRef};

reference! {
    /// A nested register, to be read.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.map("page").register("title").set("Atlas"));
    /// let title = doc.map("page").register("title");
    /// assert_eq!(title.get(), Some(&Value::from("Atlas")));
    /// ```
    RegisterRef, Register, Vec<(crate::numbers::Lv, Value)>
}

impl<'a> RegisterRef<'a> {
    /// The value of the latest write.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// let page = |doc: &Doc| doc.map("page").register("title").get().cloned();
    /// assert_eq!(page(&doc), None);
    /// doc.transact(|tx| tx.map("page").register("title").set("Atlas"));
    /// assert_eq!(page(&doc), Some(Value::from("Atlas")));
    /// ```
    pub fn get(&self) -> Option<&'a Value> {
        self.data()?.first().map(|write| &write.1)
    }

    /// The values that were written at once, that of the latest write first.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId, Value};
    ///
    /// let [mut ada, mut bob] = [1, 2].map(|id| Doc::new(ReplicaId::new(id)));
    /// ada.transact(|tx| tx.map("page").register("title").set("Atlas"));
    /// bob.transact(|tx| tx.map("page").register("title").set("Globe"));
    /// ada.merge(&bob)?;
    /// let titles: Vec<_> = ada.map("page").register("title").all().collect();
    /// assert_eq!(titles, [&Value::from("Globe"), &Value::from("Atlas")]);
    /// # Ok::<(), conjoin_core::ApplyError>(())
    /// ```
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
