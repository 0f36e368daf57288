//! Edits of every kind of value, as the input has it.

use arbitrary::{Result, Unstructured};
use conjoin_core::{Expand, ListMut, MapMut, OutOfBounds, SetMut, TextMut, Transaction, Value};

pub(crate) const NAMES: [&str; 3] = ["a", "b", "ü"];
const KEYS: [&str; 3] = ["a", "k", ""];

/// Texts of characters of all sizes.
const TEXTS: [&str; 6] = ["x", "yz", "é", "\u{2028}", "🦀", "many words of text"];

/// So deep values are nested.
const DEPTH: u8 = 3;

/// One edit of a root, or of something nested in one. What it adds to a counter that is a root, it tells.
pub(crate) fn edit(
    tx: &mut Transaction<'_>,
    input: &mut Unstructured<'_>,
    added: &mut dyn FnMut(&'static str, i64),
) -> Result<()> {
    let name = *input.choose(&NAMES)?;
    match input.int_in_range(0..=11u8)? {
        0 => {
            let amount = amount(input)?;
            tx.counter(name).add(amount);
            added(name, amount);
        }
        1 => add_float(&mut |amount| tx.float_counter(name).add(amount).is_ok(), input)?,
        2 => tx.register(name).set(value(input)?),
        3 | 4 => map(tx.map(name), input, DEPTH)?,
        5 => set(tx.set(name), input)?,
        6..=8 => list(tx.list(name), input, DEPTH)?,
        _ => text(tx.text(name), input)?,
    }
    Ok(())
}

fn amount(input: &mut Unstructured<'_>) -> Result<i64> {
    Ok(if input.ratio(1, 8)? { input.arbitrary()? } else { i64::from(input.arbitrary::<i8>()?) })
}

fn add_float(add: &mut dyn FnMut(f64) -> bool, input: &mut Unstructured<'_>) -> Result<()> {
    let amount: f64 = input.arbitrary()?;
    assert_eq!(add(amount), amount.is_finite());
    Ok(())
}

fn map(mut map: MapMut<'_, '_>, input: &mut Unstructured<'_>, depth: u8) -> Result<()> {
    let key = *input.choose(&KEYS)?;
    let kinds = if depth == 0 { 3 } else { 9 };
    match input.int_in_range(0..=kinds)? {
        0 | 1 => map.set(key, value(input)?),
        2 => map.remove(key),
        3 => map.counter(key).add(amount(input)?),
        4 => add_float(&mut |amount| map.float_counter(key).add(amount).is_ok(), input)?,
        5 => map.register(key).set(value(input)?),
        6 => self::map(map.map(key), input, depth - 1)?,
        7 => set(map.set_of(key), input)?,
        8 => list(map.list(key), input, depth - 1)?,
        _ => text(map.text(key), input)?,
    }
    Ok(())
}

fn set(mut set: SetMut<'_, '_>, input: &mut Unstructured<'_>) -> Result<()> {
    // Few values, so that they are added and removed again.
    let value = if input.ratio(1, 8)? { value(input)? } else { Value::Int(input.int_in_range(0..=3)?) };
    if input.ratio(2, 3)? {
        set.insert(value)
    } else {
        set.remove(value)
    }
    Ok(())
}

fn list(mut list: ListMut<'_, '_>, input: &mut Unstructured<'_>, depth: u8) -> Result<()> {
    let len = list.len();
    let (at, to) = (index(input, len)?, index(input, len)?);
    let inserts = |done: Result<(), OutOfBounds>| assert_eq!(done.is_ok(), at <= len, "{at} of {len}");
    let kinds = if depth == 0 { 6 } else { 14 };
    match input.int_in_range(0..=kinds)? {
        0 | 1 => inserts(list.insert(at, value(input)?)),
        2 => {
            let values: Vec<_> = (0..input.int_in_range(0..=4)?).map(Value::Int).collect();
            let count = values.len();
            inserts(list.insert_all(at, values));
            assert_eq!(list.len(), if at <= len { len + count } else { len });
        }
        3 => {
            let done = list.move_to(at, to);
            assert_eq!(done.is_ok(), at < len && to < len, "{at} to {to} of {len}");
            assert_eq!(list.len(), len, "a move leaves as many");
        }
        4 => assert_eq!(list.set(at, value(input)?).is_ok(), at < len, "{at} of {len}"),
        5 => {
            let done = list.remove(at..to).is_ok();
            assert_eq!(done, at <= to && to <= len, "{at}..{to} of {len}");
            assert_eq!(list.len(), if done { len - (to - at) } else { len });
        }
        6 => inserts(list.insert(at, at as f64)),
        7 => inserts(list.insert_counter(at).map(|mut counter| counter.add(1))),
        8 => inserts(list.insert_set(at).map(|mut set| set.insert("in"))),
        9 => nested(list.insert_map(at).ok(), |it| map(it, input, depth - 1))?,
        10 => nested(list.insert_text(at).ok(), |it| text(it, input))?,
        11 => nested(list.insert_list(at).ok(), |it| self::list(it, input, depth - 1))?,
        12 => nested(list.map(at), |it| map(it, input, depth - 1))?,
        13 => nested(list.text(at), |it| text(it, input))?,
        _ => nested(list.list(at), |it| self::list(it, input, depth - 1))?,
    }
    Ok(())
}

fn nested<T>(found: Option<T>, edit: impl FnOnce(T) -> Result<()>) -> Result<()> {
    found.map_or(Ok(()), edit)
}

fn text(mut text: TextMut<'_, '_>, input: &mut Unstructured<'_>) -> Result<()> {
    let unit = input.int_in_range(0..=5u8)?;
    text = match unit {
        0 => text.utf16(),
        1 => text.utf8(),
        _ => text,
    };
    let len = text.len();
    let (at, to) = (index(input, len)?, index(input, len)?);
    let new = *input.choose(&TEXTS)?;
    let range = at <= to && to <= len;
    let (done, valid) = match input.int_in_range(0..=7u8)? {
        0..=2 => (text.insert(at, new).is_ok(), at <= len),
        3 => {
            text.push(new);
            (true, true)
        }
        4 => (text.delete(at..to).is_ok(), range),
        5 => (text.replace(at..to, new).is_ok(), range),
        kind => {
            let expand = *input.choose(&[Expand::After, Expand::Before, Expand::Both, Expand::None])?;
            let key = *input.choose(&["bold", "link"])?;
            let done = match kind {
                6 => text.mark(at..to, key, value(input)?, expand),
                _ => text.unmark(at..to, key, expand),
            };
            (done.is_ok(), range)
        }
    };
    // In the other units, an index may lie inside a character.
    assert!(if unit > 1 { done == valid } else { valid || !done }, "{at}..{to} of {len}");
    Ok(())
}

/// Any index there is, or one past the end.
fn index(input: &mut Unstructured<'_>, len: usize) -> Result<usize> {
    input.int_in_range(0..=len + 1)
}

pub(crate) fn value(input: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match input.int_in_range(0..=5u8)? {
        0 => Value::Null,
        1 => Value::Bool(input.arbitrary()?),
        2 => Value::Int(input.arbitrary()?),
        3 => Value::Float(input.arbitrary()?),
        4 => Value::Str(input.arbitrary()?),
        _ => Value::Bytes(input.arbitrary()?),
    })
}
