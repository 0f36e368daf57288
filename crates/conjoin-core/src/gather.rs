//! Collecting into ordered maps and sets one by one. Their own `collect` sorts everything first, which
//! brings a sorting algorithm for each type into what a browser loads, for what is in order already or
//! has a few entries.

/// All items, in a collection.
pub(crate) fn gather<C: Default + Extend<T>, T>(items: impl IntoIterator<Item = T>) -> C {
    let mut all = C::default();
    all.extend(items);
    all
}
