//! Tests of behaviors, one by one and against a model that computes everything anew.

use std::sync::Weak;

use proptest::prelude::*;

use super::*;

/// Notes what it is told.
fn note<T, B>(behavior: &Behavior<B>, tell: impl Fn(&B) -> T + Send + 'static) -> (Noted<T>, Subscription)
where
    T: Send + 'static,
    B: PartialEq + Send + Sync + 'static,
{
    let noted = Noted(Arc::default());
    let notes = noted.0.clone();
    let subscription = behavior.subscribe(move |value| lock(&notes).push(tell(value)));
    (noted, subscription)
}

struct Noted<T>(Arc<Mutex<Vec<T>>>);

impl<T> Noted<T> {
    fn take(&self) -> Vec<T> {
        mem::take(&mut lock(&self.0))
    }
}

fn observers<T>(source: &Source<T>) -> usize {
    let mut all = Vec::new();
    source.handle.roots[0].observers(&mut all);
    all.len()
}

#[test]
fn a_diamond_is_seen_only_whole() {
    let source = Source::new(1);
    let double = source.behavior().map(|n| n * 2);
    let next = source.behavior().map(|n| n + 1);
    let sides = double.combine(&next, |double, next| (*double, *next));
    let top = sides.combine(&source.behavior(), |sides, n| (sides.0, sides.1, *n));
    let (noted, _subscription) = note(&top, |top| *top);
    source.set(5);
    source.set(7);
    assert_eq!(noted.take(), [(10, 6, 5), (14, 8, 7)]);
}

#[test]
fn a_batch_tells_once_and_only_what_changed() {
    let (a, b, c) = (Source::new(1), Source::new(2), Source::new(3));
    let sum = a.behavior().combine(&b.behavior(), |a, b| a + b);
    let (sums, _sums) = note(&sum, |sum| *sum);
    let (cs, _cs) = note(&c.behavior(), |c| *c);
    let mut batch = Batch::new();
    batch.set(&a, 10);
    batch.set(&b, 20);
    batch.set(&c, 30);
    batch.set(&c, 3);
    assert_eq!(sum.now(), 3);
    batch.commit();
    assert_eq!((sums.take(), cs.take()), (vec![30], vec![]));

    let mut batch = Batch::new();
    batch.set(&a, 11);
    batch.set(&b, 19);
    batch.commit();
    assert_eq!(sums.take(), []);
    assert_eq!((a.behavior().now(), b.behavior().now()), (11, 19));
}

#[test]
fn a_batch_without_commit_changes_nothing() {
    let source = Source::new(1);
    let mut batch = Batch::new();
    batch.set(&source, 2);
    drop(batch);
    assert_eq!(source.behavior().now(), 1);
}

#[test]
fn applied_values_are_there_before_anybody_is_told() {
    let source = Source::new(1);
    let (noted, _subscription) = note(&source.behavior(), |n| *n);
    let mut batch = Batch::new();
    batch.set(&source, 2);
    let notifications = batch.apply();
    assert_eq!((source.behavior().now(), noted.take()), (2, vec![]));
    drop(notifications);
    assert_eq!(noted.take(), [2]);
}

#[test]
fn nobody_is_told_when_nothing_changed() {
    let source = Source::new(2);
    let even = source.behavior().map(|n| n % 2 == 0);
    let (plain, _plain) = note(&source.behavior(), |n| *n);
    let (evens, _evens) = note(&even, |even| *even);
    source.set(2);
    assert_eq!(plain.take(), []);
    source.set(4);
    assert_eq!((plain.take(), evens.take()), (vec![4], vec![]));
}

#[test]
fn functions_run_only_when_asked_and_only_for_new_inputs() {
    let calls = Arc::new(AtomicU64::new(0));
    let (source, other) = (Source::new(1), Source::new(1));
    let parity = source.behavior().map(|n| n % 2);
    let counted = parity.map({
        let calls = calls.clone();
        move |n| {
            calls.fetch_add(1, SeqCst);
            *n
        }
    });
    assert_eq!(calls.load(SeqCst), 0);
    for n in [3, 5, 7] {
        source.set(n);
        other.set(n);
        assert_eq!(counted.now(), 1);
    }
    assert_eq!(calls.load(SeqCst), 1);
    source.set(8);
    assert_eq!((counted.now(), counted.now()), (0, 0));
    assert_eq!(calls.load(SeqCst), 2);
}

#[test]
fn a_tall_ladder_of_diamonds_takes_linear_time() {
    let source = Source::new(1u64);
    let mut top = source.behavior();
    for _ in 0..1_000 {
        top = top.combine(&top.map(|n| *n), |a, b| a.wrapping_add(*b));
    }
    assert_eq!(top.now(), 0);
    source.set(0);
    assert_eq!(top.now(), 0);
}

#[test]
fn callbacks_may_set_and_are_told_after_they_returned() {
    let (source, echo) = (Source::new(0), Source::new(0));
    let inside = Arc::new(AtomicU64::new(0));
    let (echoes, _echoes) = note(&echo.behavior(), {
        let inside = inside.clone();
        move |n| (*n, inside.load(SeqCst))
    });
    let _feedback = source.behavior().subscribe({
        let (source, echo) = (source.clone(), echo.clone());
        move |n| {
            inside.fetch_add(1, SeqCst);
            echo.set(*n);
            assert_eq!(echo.behavior().now(), *n);
            if *n < 3 {
                source.set(n + 1);
            }
            inside.fetch_sub(1, SeqCst);
        }
    });
    source.set(1);
    assert_eq!(source.behavior().now(), 3);
    // What an earlier callback set was seen between the later ones, never within one.
    assert_eq!(echoes.take(), [(1, 0), (2, 0), (3, 0)]);
}

#[test]
fn callbacks_may_subscribe_and_unsubscribe() {
    let source = Source::new(0);
    let inner = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::new(Mutex::new(Vec::new()));
    let _outer = source.behavior().subscribe({
        let (behavior, inner, notes) = (source.behavior(), inner.clone(), notes.clone());
        move |n| {
            let (n, notes) = (*n, notes.clone());
            lock(&inner).push(behavior.subscribe(move |m| lock(&notes).push((n, *m))));
        }
    });
    source.set(1);
    source.set(2);
    assert_eq!(*lock(&notes), [(1, 2)]);
    lock(&inner).clear();
    assert_eq!(observers(&source), 1);

    let slot: Arc<Mutex<Option<Subscription>>> = Arc::default();
    let calls = Arc::new(AtomicU64::new(0));
    let own = source.behavior().subscribe({
        let (slot, calls) = (slot.clone(), calls.clone());
        move |_| {
            calls.fetch_add(1, SeqCst);
            let own = lock(&slot).take();
            drop(own);
        }
    });
    *lock(&slot) = Some(own);
    source.set(3);
    source.set(4);
    assert_eq!(calls.load(SeqCst), 1);
}

#[test]
fn one_that_is_unsubscribed_by_an_earlier_callback_is_not_called() {
    let source = Source::new(0);
    let slot: Arc<Mutex<Option<Subscription>>> = Arc::default();
    let _first = source.behavior().subscribe({
        let slot = slot.clone();
        move |_| drop(lock(&slot).take())
    });
    let (noted, second) = note(&source.behavior(), |n| *n);
    *lock(&slot) = Some(second);
    source.set(1);
    assert_eq!(noted.take(), []);
}

#[cfg(panic = "unwind")]
#[test]
fn after_a_panic_the_other_callbacks_go_on() {
    let source = Source::new(0);
    let bad = source.behavior().subscribe(|n| assert_ne!(*n, 1, "as this test wants"));
    let (noted, _subscription) = note(&source.behavior(), |n| *n);
    let set = {
        let source = source.clone();
        move || source.set(1)
    };
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(set)).is_err());
    source.set(2);
    assert_eq!(noted.take(), [2]);
    drop(bad);
}

#[test]
fn a_source_does_not_grow_by_what_comes_and_goes() {
    let source = Source::new(0);
    for n in 0..1_000 {
        let derived = source.behavior().map(move |m| n + m);
        let both = derived.combine(&source.behavior(), |a, b| a + b);
        assert_eq!(both.now(), n);
        let _subscription = both.subscribe(|_| ());
        assert!(source.has_behaviors());
    }
    assert!(!source.has_behaviors());
    assert_eq!(observers(&source), 0);
}

#[test]
fn dropping_frees() {
    let held = Arc::new(1);
    let weak = |held: &Arc<i32>| -> Weak<i32> { Arc::downgrade(held) };
    let gone = weak(&held);
    let source = Source::new(held);
    let other = Source::new(1);
    let derived = source.behavior().combine(&other.behavior(), |held, _| held.clone());
    derived.subscribe(|_| ()).forget();
    let subscription = derived.subscribe(|_| ());
    drop(derived);
    source.set(Arc::new(2));
    drop(subscription);
    other.set(2);
    assert_eq!(gone.strong_count(), 0, "an old value is freed");

    let last = source.behavior().now();
    let gone = weak(&last);
    drop(last);
    let alone = source.behavior();
    drop((source, other));
    alone.subscribe(|_| ()).forget();
    assert_eq!(gone.strong_count(), 1, "forgotten subscriptions end with their sources");
    drop(alone);
    assert_eq!(gone.strong_count(), 0);
}

#[test]
fn a_change_in_the_middle_of_a_look_is_looked_at_again() {
    let (left, right) = (Source::new(0), Source::new(0));
    let change = Mutex::new(Some({
        let (left, right) = (left.clone(), right.clone());
        move || {
            let mut batch = Batch::new();
            batch.set(&left, 1);
            batch.set(&right, 1);
            batch.commit();
        }
    }));
    let slow = left.behavior().map(move |n| {
        // As another thread might, just now.
        let change = lock(&change).take();
        change.into_iter().for_each(|change| change());
        *n
    });
    let both = slow.combine(&right.behavior(), |left, right| (*left, *right));
    assert_eq!(both.now(), (1, 1));
}

// Where there are no threads, behaviors need not be fit for them.
#[cfg(not(target_arch = "wasm32"))]
#[test]
fn other_threads_never_see_half_a_change() {
    use std::thread;

    // With so many sources in one batch, a look often falls in its middle.
    let sources: Vec<_> = (0..1_000).map(|_| Source::new(0)).collect();
    let (first, last) = (sources[0].behavior(), sources[999].behavior());
    let both = first.combine(&last, |first, last| (*first, *last));
    let top = both.combine(&first, |both, first| (both.0, both.1, *first));
    let (noted, _subscription) = note(&top, |top| *top);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    for n in 0..300 {
                        let mut batch = Batch::new();
                        sources.iter().for_each(|source| batch.set(source, n));
                        batch.commit();
                    }
                })
            })
            .collect();
        while !writers.iter().all(thread::ScopedJoinHandle::is_finished) {
            let (a, b, c) = top.now();
            assert!(a == b && b == c, "{a} {b} {c}");
        }
    });
    let noted = noted.take();
    assert!(noted.iter().all(|(a, b, c)| a == b && b == c));
    assert!(noted.windows(2).all(|pair| pair[0] != pair[1]));
    assert_eq!(noted.last(), Some(&top.now()));
}

/// A node of a random graph; inputs are earlier nodes, taken modulo their number.
#[derive(Debug, Clone)]
enum Shape {
    Half(usize),
    Sum(usize, usize),
    Least(usize, usize),
}

#[derive(Debug, Clone)]
enum Step {
    Set(usize, i8),
    Batch(Vec<(usize, i8)>),
    Subscribe(usize),
    Unsubscribe(usize),
    Ask(usize),
}

const SOURCES: usize = 3;

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        any::<usize>().prop_map(Shape::Half),
        any::<(usize, usize)>().prop_map(|(a, b)| Shape::Sum(a, b)),
        any::<(usize, usize)>().prop_map(|(a, b)| Shape::Least(a, b)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let write = || (0..SOURCES, -4i8..4);
    prop_oneof![
        4 => write().prop_map(|(source, value)| Step::Set(source, value)),
        2 => prop::collection::vec(write(), 0..5).prop_map(Step::Batch),
        2 => any::<usize>().prop_map(Step::Subscribe),
        1 => any::<usize>().prop_map(Step::Unsubscribe),
        2 => any::<usize>().prop_map(Step::Ask),
    ]
}

/// All values of the graph, computed anew from the sources.
fn naive(sources: &[i64], shapes: &[Shape]) -> Vec<i64> {
    let mut values = sources.to_vec();
    for shape in shapes {
        let at = |index: &usize| values[index % values.len()];
        values.push(match shape {
            Shape::Half(a) => at(a) / 2,
            Shape::Sum(a, b) => at(a) + at(b),
            Shape::Least(a, b) => at(a).min(at(b)),
        });
    }
    values
}

proptest! {
    #[test]
    fn behaves_as_if_everything_were_computed_anew(
        shapes in prop::collection::vec(shape(), 0..12),
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let sources: Vec<_> = (0..SOURCES).map(|_| Source::new(0i64)).collect();
        let mut behaviors: Vec<_> = sources.iter().map(Source::behavior).collect();
        for shape in &shapes {
            let at = |index: &usize| behaviors[index % behaviors.len()].clone();
            behaviors.push(match shape {
                Shape::Half(a) => at(a).map(|a| a / 2),
                Shape::Sum(a, b) => at(a).combine(&at(b), |a, b| a + b),
                Shape::Least(a, b) => at(a).combine(&at(b), |a, b| *a.min(b)),
            });
        }
        let mut model = vec![0i64; SOURCES];
        let told: Arc<Mutex<Vec<(usize, i64)>>> = Arc::default();
        let mut subscriptions: Vec<(usize, usize, Subscription)> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            let before = naive(&model, &shapes);
            match step {
                Step::Set(source, value) => {
                    sources[source].set(value.into());
                    model[source] = value.into();
                }
                Step::Batch(writes) => {
                    let mut batch = Batch::new();
                    for (source, value) in writes {
                        batch.set(&sources[source], value.into());
                        model[source] = value.into();
                    }
                    batch.commit();
                }
                Step::Subscribe(index) => {
                    let index = index % behaviors.len();
                    let told = told.clone();
                    let subscription =
                        behaviors[index].subscribe(move |value| lock(&told).push((number, *value)));
                    subscriptions.push((number, index, subscription));
                }
                Step::Unsubscribe(index) => {
                    if !subscriptions.is_empty() {
                        drop(subscriptions.remove(index % subscriptions.len()));
                    }
                }
                Step::Ask(index) => {
                    let index = index % behaviors.len();
                    prop_assert_eq!(behaviors[index].now(), before[index]);
                }
            }
            let after = naive(&model, &shapes);
            let expected: Vec<_> = subscriptions
                .iter()
                .filter(|(_, index, _)| before[*index] != after[*index])
                .map(|(number, index, _)| (*number, after[*index]))
                .collect();
            prop_assert_eq!(mem::take(&mut *lock(&told)), expected);
        }
        let all = naive(&model, &shapes);
        prop_assert_eq!(behaviors.iter().map(Behavior::now).collect::<Vec<_>>(), all);
        drop((behaviors, subscriptions));
        prop_assert!(sources.iter().all(|source| !source.has_behaviors() && observers(source) == 0));
    }
}
