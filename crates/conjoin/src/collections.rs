//! Handles to the named texts, lists and sets of a room's document.

use std::fmt;
use std::ops::RangeBounds;
use std::sync::Arc;

use conjoin_core::behavior::{Behavior, MaybeSend, Subscription};
use conjoin_core::{
    Cursor, Diff, Doc, Expand, Item, Kind, ListStep, Origin, OutOfBounds, Side, Span, TextMut, TextStep,
    Transaction, Unit, Value,
};

use crate::Room;

/// A text that everyone writes in; what is typed at the same time at one place stays in one piece.
///
/// Made by [`Room::text`]. Indexes count characters (Unicode scalar values), or what
/// [`utf16`](Self::utf16) and [`utf8`](Self::utf8) choose.
#[derive(Debug, Clone)]
pub struct Text {
    room: Room,
    name: Arc<str>,
    unit: Unit,
}

impl Text {
    pub(crate) fn new(room: Room, name: &str) -> Self {
        Self { room, name: name.into(), unit: Unit::Scalar }
    }

    /// The same text, with indexes that count UTF-16 code units, as a browser does.
    pub fn utf16(&self) -> Self {
        Self { unit: Unit::Utf16, ..self.clone() }
    }

    /// The same text, with indexes that count bytes of UTF-8, as Rust strings do.
    pub fn utf8(&self) -> Self {
        Self { unit: Unit::Utf8, ..self.clone() }
    }

    fn edit<R>(&self, edit: impl FnOnce(TextMut<'_, '_>) -> R) -> R {
        self.room.transact(|tx| {
            let text = tx.text(&self.name);
            edit(match self.unit {
                Unit::Scalar => text,
                Unit::Utf16 => text.utf16(),
                Unit::Utf8 => text.utf8(),
            })
        })
    }

    /// Inserts `text` before the character at `at`, in a transaction of its own.
    ///
    /// # Errors
    /// If the index is past the end or inside a character; nothing is done then.
    pub fn insert(&self, at: usize, text: &str) -> Result<(), OutOfBounds> {
        self.edit(|mut here| here.insert(at, text))
    }

    /// Appends `text`, in a transaction of its own.
    pub fn push(&self, text: &str) {
        self.edit(|mut here| here.push(text));
    }

    /// Deletes a range, in a transaction of its own.
    ///
    /// # Errors
    /// If the range reaches past the end or into a character; nothing is done then.
    pub fn delete(&self, range: impl RangeBounds<usize>) -> Result<(), OutOfBounds> {
        self.edit(|mut here| here.delete(range))
    }

    /// Puts `text` in the place of a range, in a transaction of its own.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn replace(&self, range: impl RangeBounds<usize>, text: &str) -> Result<(), OutOfBounds> {
        self.edit(|mut here| here.replace(range, text))
    }

    /// Marks a range, as bold or as a link, in a transaction of its own; `expand` says whether text typed
    /// at its ends takes the mark on.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn mark(
        &self,
        range: impl RangeBounds<usize>,
        key: &str,
        value: impl Into<Value>,
        expand: Expand,
    ) -> Result<(), OutOfBounds> {
        let value = value.into();
        self.edit(|mut here| here.mark(range, key, value, expand))
    }

    /// Takes a mark off a range, in a transaction of its own.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn unmark(
        &self,
        range: impl RangeBounds<usize>,
        key: &str,
        expand: Expand,
    ) -> Result<(), OutOfBounds> {
        self.edit(|mut here| here.unmark(range, key, expand))
    }

    /// The text now.
    pub fn get(&self) -> String {
        self.room.read(|doc| doc.text(&self.name).to_string())
    }

    /// The text now, in stretches of equal marks.
    pub fn spans(&self) -> Vec<Span> {
        self.room.read(|doc| doc.text(&self.name).spans())
    }

    /// The length now, in the unit of the indexes.
    pub fn len(&self) -> usize {
        self.room.read(|doc| doc.text(&self.name).len_in(self.unit))
    }

    /// Whether there is no text now.
    pub fn is_empty(&self) -> bool {
        self.room.read(|doc| doc.text(&self.name).is_empty())
    }

    /// The place before the character at `at`, which stays with what stands beside it while everyone edits.
    /// `side` says where it is when something is inserted right at it. `None` past the end, inside a
    /// character, and as long as nobody has edited the text.
    ///
    /// ```no_run
    /// # fn edit(room: &conjoin::Room) -> Result<(), conjoin::OutOfBounds> {
    /// # use conjoin::{Cursor, Side};
    /// let notes = room.text("notes");
    /// notes.push("ada and bob");
    /// let caret = notes.cursor(8, Side::Right).expect("it is within the text");
    /// notes.insert(0, "dear ")?;
    /// assert_eq!(notes.resolve(&caret), Some(13));
    /// // To others it goes as bytes.
    /// assert_eq!(Cursor::from_bytes(&caret.to_bytes()), Ok(caret));
    /// # Ok(())
    /// # }
    /// ```
    pub fn cursor(&self, at: usize, side: Side) -> Option<Cursor> {
        self.room.read(|doc| {
            let text = doc.text(&self.name);
            text.cursor(text.convert(at, self.unit, Unit::Scalar)?, side)
        })
    }

    /// Where a cursor of this text stands now. `None` if it is one of something else, or what it stands
    /// beside was not seen here or was let go of.
    pub fn resolve(&self, cursor: &Cursor) -> Option<usize> {
        self.room.read(|doc| {
            let at = doc.resolve(cursor).filter(|_| cursor.is_in(Kind::Text, &self.name))?;
            doc.text(&self.name).convert(at, Unit::Scalar, self.unit)
        })
    }

    /// The text over time. It is copied when somebody looks after a change; an editor rather takes the
    /// steps of [`on_change`](Self::on_change).
    pub fn watch(&self) -> Behavior<String> {
        let name = self.name.clone();
        self.room.engine().watch_root(Kind::Text, &self.name, move |doc| doc.text(&name).to_string())
    }

    /// Calls `callback` with the steps of every change from now on, as [`Room::on_change`] does. Their
    /// lengths count characters, whatever the unit of this handle.
    pub fn on_change(
        &self,
        mut callback: impl FnMut(&[TextStep], Origin) + MaybeSend + 'static,
    ) -> Subscription {
        follow(&self.room, Kind::Text, self.name.clone(), move |diff, origin| {
            if let Diff::Text(steps) = diff {
                callback(steps, origin);
            }
        })
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.get())
    }
}

/// Values in an order. An item that is moved stays what it is, whatever others do to it meanwhile.
///
/// Made by [`Room::list`]. Items that are edited themselves (a map, a text) read as [`Value::Null`] here;
/// they are made and edited in [`Room::transact`] and read with [`Room::read`] and [`Room::watch`].
#[derive(Debug, Clone)]
pub struct List {
    room: Room,
    name: Arc<str>,
}

impl List {
    pub(crate) fn new(room: Room, name: &str) -> Self {
        Self { room, name: name.into() }
    }

    fn edit<R>(&self, edit: impl FnOnce(&mut Transaction<'_>) -> R) -> R {
        self.room.transact(edit)
    }

    /// Inserts `value` before the item at `at`, in a transaction of its own.
    ///
    /// # Errors
    /// If the index is past the end; nothing is done then.
    pub fn insert(&self, at: usize, value: impl Into<Value>) -> Result<(), OutOfBounds> {
        let value = value.into();
        self.edit(|tx| tx.list(&self.name).insert(at, value))
    }

    /// Appends `value`, in a transaction of its own.
    pub fn push(&self, value: impl Into<Value>) {
        let value = value.into();
        self.edit(|tx| tx.list(&self.name).push(value));
    }

    /// Puts `value` into the item at `at`, in a transaction of its own.
    ///
    /// # Errors
    /// If there is no such item; nothing is done then.
    pub fn set(&self, at: usize, value: impl Into<Value>) -> Result<(), OutOfBounds> {
        let value = value.into();
        self.edit(|tx| tx.list(&self.name).set(at, value))
    }

    /// Removes a range of items, in a transaction of its own.
    ///
    /// # Errors
    /// If the range reaches past the end; nothing is done then.
    pub fn remove(&self, range: impl RangeBounds<usize>) -> Result<(), OutOfBounds> {
        self.edit(|tx| tx.list(&self.name).remove(range))
    }

    /// Moves the item at `from` so that its index is `to`, in a transaction of its own.
    ///
    /// # Errors
    /// If there is no such item; nothing is done then.
    pub fn move_to(&self, from: usize, to: usize) -> Result<(), OutOfBounds> {
        self.edit(|tx| tx.list(&self.name).move_to(from, to))
    }

    /// The value of the item at `at` now.
    pub fn get(&self, at: usize) -> Option<Value> {
        self.room.read(|doc| doc.list(&self.name).item(at).map(plain))
    }

    /// All items now.
    pub fn values(&self) -> Vec<Value> {
        self.room.read(|doc| values(doc, &self.name))
    }

    /// How many items there are now.
    pub fn len(&self) -> usize {
        self.room.read(|doc| doc.list(&self.name).len())
    }

    /// Whether there are no items now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The place before the item at `at`, as [`Text::cursor`] gives one; it goes along with an item that is
    /// moved.
    pub fn cursor(&self, at: usize, side: Side) -> Option<Cursor> {
        self.room.read(|doc| doc.list(&self.name).cursor(at, side))
    }

    /// Where a cursor of this list stands now, as [`Text::resolve`] tells it.
    pub fn resolve(&self, cursor: &Cursor) -> Option<usize> {
        self.room.read(|doc| doc.resolve(cursor).filter(|_| cursor.is_in(Kind::List, &self.name)))
    }

    /// All items over time. They are copied when somebody looks after a change.
    pub fn watch(&self) -> Behavior<Vec<Value>> {
        let name = self.name.clone();
        self.room.engine().watch_root(Kind::List, &self.name, move |doc| values(doc, &name))
    }

    /// Calls `callback` with the steps of every change from now on, as [`Room::on_change`] does. What
    /// changes inside an item is no change of the list.
    pub fn on_change(
        &self,
        mut callback: impl FnMut(&[ListStep], Origin) + MaybeSend + 'static,
    ) -> Subscription {
        follow(&self.room, Kind::List, self.name.clone(), move |diff, origin| {
            if let Diff::List(steps) = diff {
                callback(steps, origin);
            }
        })
    }
}

/// Values that are in or not. Who puts one in while somebody else takes it out wins.
///
/// Made by [`Room::set`].
#[derive(Debug, Clone)]
pub struct Set {
    room: Room,
    name: Arc<str>,
}

impl Set {
    pub(crate) fn new(room: Room, name: &str) -> Self {
        Self { room, name: name.into() }
    }

    /// Puts `value` in, in a transaction of its own.
    pub fn insert(&self, value: impl Into<Value>) {
        let value = value.into();
        self.room.transact(|tx| tx.set(&self.name).insert(value));
    }

    /// Takes `value` out, in a transaction of its own.
    pub fn remove(&self, value: impl Into<Value>) {
        let value = value.into();
        self.room.transact(|tx| tx.set(&self.name).remove(value));
    }

    /// Whether `value` is in now.
    pub fn contains(&self, value: impl Into<Value>) -> bool {
        let value = value.into();
        self.room.read(|doc| doc.set(&self.name).contains(value))
    }

    /// All values now, in the order of values.
    pub fn values(&self) -> Vec<Value> {
        self.room.read(|doc| doc.set(&self.name).iter().cloned().collect())
    }

    /// How many values are in now.
    pub fn len(&self) -> usize {
        self.room.read(|doc| doc.set(&self.name).len())
    }

    /// Whether no value is in now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All values over time. They are copied when somebody looks after a change.
    pub fn watch(&self) -> Behavior<Vec<Value>> {
        let name = self.name.clone();
        let values = move |doc: &Doc| doc.set(&name).iter().cloned().collect();
        self.room.engine().watch_root(Kind::Set, &self.name, values)
    }

    /// Calls `callback` with what came in and what went out at every change from now on, as
    /// [`Room::on_change`] does.
    pub fn on_change(
        &self,
        mut callback: impl FnMut(&[Value], &[Value], Origin) + MaybeSend + 'static,
    ) -> Subscription {
        follow(&self.room, Kind::Set, self.name.clone(), move |diff, origin| {
            if let Diff::Set { added, removed } = diff {
                callback(added, removed, origin);
            }
        })
    }
}

/// Tells of the changes of one root.
fn follow(
    room: &Room,
    kind: Kind,
    name: Arc<str>,
    mut callback: impl FnMut(&Diff, Origin) + MaybeSend + 'static,
) -> Subscription {
    room.on_change(move |changed| {
        for patch in changed.iter() {
            let target = &patch.target;
            if target.kind == kind && target.path.is_empty() && target.name == name {
                callback(&patch.diff, changed.origin);
            }
        }
    })
}

fn values(doc: &Doc, list: &str) -> Vec<Value> {
    doc.list(list).iter().map(plain).collect()
}

fn plain(item: Item<'_>) -> Value {
    item.value().cloned().unwrap_or(Value::Null)
}
