//! Putting things in order by numbers they have.
//!
//! A browser loads a sorting algorithm for each type that is sorted. So here numbers are sorted, each with the
//! place of what it is of, for all types alike.

/// The numbers of so many things in order, each with the place at which it stood; of the same number the first comes
/// first.
pub(crate) fn in_order(len: usize, number: &dyn Fn(usize) -> u32) -> Vec<u64> {
    let mut order = Vec::with_capacity(len);
    for place in 0..len {
        order.push(u64::from(number(place)) << 32 | place as u64);
    }
    order.sort_unstable();
    order
}

/// The place of an entry.
pub(crate) const fn place(entry: u64) -> usize {
    entry as u32 as usize
}

/// The number of an entry.
pub(crate) const fn number(entry: u64) -> u32 {
    (entry >> 32) as u32
}

/// Puts items in the order of a number that each has; those with the same stay in theirs.
pub(crate) fn sort_by_number<T>(items: &mut [T], number: impl Fn(&T) -> u32) {
    let order = in_order(items.len(), &|at| number(&items[at]));
    rearrange(order, &mut |a, b| items.swap(a, b));
}

/// Swaps what stands at places until all stand in this order.
fn rearrange(mut order: Vec<u64>, swap: &mut dyn FnMut(usize, usize)) {
    // Each cycle of places is gone through once.
    for start in 0..order.len() {
        let mut at = start;
        loop {
            let from = place(std::mem::replace(&mut order[at], at as u64));
            if from == start {
                break;
            }
            swap(at, from);
            at = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn items_are_put_in_order_as_by_a_stable_sort(numbers in prop::collection::vec(0..40u32, 0..60)) {
            let mut items: Vec<(u32, usize)> = numbers.into_iter().zip(0..).collect();
            let mut sorted = items.clone();
            sorted.sort_by_key(|item| item.0);
            sort_by_number(&mut items, |item| item.0);
            prop_assert_eq!(items, sorted);
        }
    }
}
