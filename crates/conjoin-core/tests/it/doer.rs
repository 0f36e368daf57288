//! Does to a document what a user does, by its public API.

use conjoin_core::{
    CounterMut, Expand, FloatCounterMut, Kind, ListMut, MapMut, RegisterMut, SetMut, TextMut, Transaction,
};

use crate::edits::{Deed, Hop, Reach};
use crate::oracle::Filling;

enum Handle<'t, 'a> {
    Counter(CounterMut<'t, 'a>),
    FloatCounter(FloatCounterMut<'t, 'a>),
    Register(RegisterMut<'t, 'a>),
    Map(MapMut<'t, 'a>),
    Set(SetMut<'t, 'a>),
    List(ListMut<'t, 'a>),
    Text(TextMut<'t, 'a>),
}

/// Does it to the value at the end of a way.
pub(crate) fn act(tx: &mut Transaction<'_>, way: &[Hop], deed: &Deed) {
    let [Hop::Root(kind, name), way @ ..] = way else { panic!("a way starts at a root: {way:?}") };
    let root = match kind {
        Kind::Counter => Handle::Counter(tx.counter(name)),
        Kind::FloatCounter => Handle::FloatCounter(tx.float_counter(name)),
        Kind::Register => Handle::Register(tx.register(name)),
        Kind::Map => Handle::Map(tx.map(name)),
        Kind::Set => Handle::Set(tx.set(name)),
        Kind::List => Handle::List(tx.list(name)),
        Kind::Text => Handle::Text(tx.text(name)),
    };
    go_on(root, way, deed);
}

fn go_on(at: Handle<'_, '_>, way: &[Hop], deed: &Deed) {
    match (way, at) {
        ([], at) => do_to(at, deed),
        ([Hop::Key(key, kind), way @ ..], Handle::Map(mut map)) => {
            go_on(at_key(&mut map, key, *kind), way, deed)
        }
        ([Hop::Item(at, kind), way @ ..], Handle::List(mut list)) => {
            go_on(in_item(&mut list, *at, *kind), way, deed);
        }
        ([hop, ..], _) => panic!("{hop:?} leads nowhere"),
    }
}

fn at_key<'t, 'a>(map: &'t mut MapMut<'_, 'a>, key: &'t str, kind: Kind) -> Handle<'t, 'a> {
    match kind {
        Kind::Counter => Handle::Counter(map.counter(key)),
        Kind::FloatCounter => Handle::FloatCounter(map.float_counter(key)),
        Kind::Register => Handle::Register(map.register(key)),
        Kind::Map => Handle::Map(map.map(key)),
        Kind::Set => Handle::Set(map.set_of(key)),
        Kind::List => Handle::List(map.list(key)),
        Kind::Text => Handle::Text(map.text(key)),
    }
}

fn in_item<'t, 'a>(list: &'t mut ListMut<'_, 'a>, at: usize, kind: Kind) -> Handle<'t, 'a> {
    let there = "the item holds it";
    match kind {
        Kind::Counter => Handle::Counter(list.counter(at).expect(there)),
        Kind::FloatCounter => Handle::FloatCounter(list.float_counter(at).expect(there)),
        Kind::Register => Handle::Register(list.register(at).expect(there)),
        Kind::Map => Handle::Map(list.map(at).expect(there)),
        Kind::Set => Handle::Set(list.set_of(at).expect(there)),
        Kind::List => Handle::List(list.list(at).expect(there)),
        Kind::Text => Handle::Text(list.text(at).expect(there)),
    }
}

fn do_to(at: Handle<'_, '_>, deed: &Deed) {
    let fits = "it is fitted to what is there";
    match (at, deed) {
        (Handle::Counter(mut counter), Deed::Add(by)) => counter.add(*by),
        (Handle::FloatCounter(mut counter), Deed::AddFloat(by)) => counter.add(*by).expect("finite"),
        (Handle::Register(mut register), Deed::Set(value)) => register.set(value.clone()),
        (Handle::Map(mut map), Deed::Put(key, value)) => map.set(key, value.clone()),
        (Handle::Map(mut map), Deed::Remove(key)) => map.remove(key),
        (Handle::Map(mut map), Deed::Make(key, kind)) => drop(at_key(&mut map, key, *kind)),
        (Handle::Set(mut set), Deed::Include(value)) => set.insert(value.clone()),
        (Handle::Set(mut set), Deed::Exclude(value)) => set.remove(value.clone()),
        (Handle::List(mut list), Deed::Insert(at, Filling::Value(value))) => {
            list.insert(*at, value.clone()).expect(fits);
        }
        (Handle::List(mut list), Deed::Insert(at, Filling::Nested(kind))) => insert(&mut list, *at, *kind),
        (Handle::List(mut list), Deed::Assign(at, value)) => list.set(*at, value.clone()).expect(fits),
        (Handle::List(mut list), Deed::Take(range)) => list.remove(range.clone()).expect(fits),
        (Handle::List(mut list), Deed::Move(from, to)) => list.move_to(*from, *to).expect(fits),
        (Handle::Text(mut text), Deed::Write(at, what)) => text.insert(*at, what).expect(fits),
        (Handle::Text(mut text), Deed::Take(range)) => text.delete(range.clone()).expect(fits),
        (Handle::Text(mut text), Deed::Replace(range, what)) => {
            text.replace(range.clone(), what).expect(fits)
        }
        (Handle::Text(mut text), Deed::Mark(range, key, value, reach)) => {
            text.mark(range.clone(), key, value.clone(), expand(*reach)).expect(fits);
        }
        (_, deed) => panic!("{deed:?} is for another kind"),
    }
}

fn insert(list: &mut ListMut<'_, '_>, at: usize, kind: Kind) {
    let fits = "it is fitted to what is there";
    match kind {
        Kind::Counter => drop(list.insert_counter(at).expect(fits)),
        Kind::FloatCounter => drop(list.insert_float_counter(at).expect(fits)),
        Kind::Register => drop(list.insert_register(at).expect(fits)),
        Kind::Map => drop(list.insert_map(at).expect(fits)),
        Kind::Set => drop(list.insert_set(at).expect(fits)),
        Kind::List => drop(list.insert_list(at).expect(fits)),
        Kind::Text => drop(list.insert_text(at).expect(fits)),
    }
}

fn expand(reach: Reach) -> Expand {
    match (reach.before, reach.after) {
        (true, true) => Expand::Both,
        (true, false) => Expand::Before,
        (false, true) => Expand::After,
        (false, false) => Expand::None,
    }
}
