//! Editing counters.

use super::{NotFinite, Place, Transaction};
use crate::op::Edit;

/// A counter, to be edited.
///
/// ```
/// use conjoin_core::{Doc, ReplicaId};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// doc.transact(|tx| {
///     let mut clicks = tx.counter("clicks");
///     clicks.add(5);
///     clicks.decrement();
/// });
/// assert_eq!(doc.counter("clicks"), 4);
/// ```
#[derive(Debug)]
pub struct CounterMut<'t, 'a> {
    pub(super) tx: &'t mut Transaction<'a>,
    pub(super) place: Place<'t>,
}

impl CounterMut<'_, '_> {
    /// Adds; a negative amount subtracts.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.counter("stock").add(-3));
    /// assert_eq!(doc.counter("stock"), -3);
    /// ```
    pub fn add(&mut self, amount: i64) {
        if amount != 0 {
            self.tx.push(self.place, Edit::AddInt(amount));
        }
    }

    /// Adds one.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.counter("clicks").increment());
    /// assert_eq!(doc.counter("clicks"), 1);
    /// ```
    pub fn increment(&mut self) {
        self.add(1);
    }

    /// Subtracts one.
    ///
    /// ```
    /// use conjoin_core::{Doc, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| tx.counter("clicks").decrement());
    /// assert_eq!(doc.counter("clicks"), -1);
    /// ```
    pub fn decrement(&mut self) {
        self.add(-1);
    }
}

/// A floating-point counter, to be edited.
///
/// ```
/// use conjoin_core::{Doc, ReplicaId};
///
/// let mut doc = Doc::new(ReplicaId::new(1));
/// doc.transact(|tx| tx.float_counter("litres").add(1.5).unwrap());
/// assert_eq!(doc.float_counter("litres"), 1.5);
/// ```
#[derive(Debug)]
pub struct FloatCounterMut<'t, 'a> {
    pub(super) tx: &'t mut Transaction<'a>,
    pub(super) place: Place<'t>,
}

impl FloatCounterMut<'_, '_> {
    /// Adds; a negative amount subtracts.
    ///
    /// ```
    /// use conjoin_core::{Doc, NotFinite, ReplicaId};
    ///
    /// let mut doc = Doc::new(ReplicaId::new(1));
    /// doc.transact(|tx| {
    ///     assert_eq!(tx.float_counter("litres").add(-1.5), Ok(()));
    ///     assert_eq!(tx.float_counter("litres").add(f64::INFINITY), Err(NotFinite));
    /// });
    /// assert_eq!(doc.float_counter("litres"), -1.5);
    /// ```
    ///
    /// # Errors
    /// If the amount is infinite or not a number; nothing is added then.
    pub fn add(&mut self, amount: f64) -> Result<(), NotFinite> {
        if !amount.is_finite() {
            return Err(NotFinite);
        }
        if amount != 0.0 {
            self.tx.push(self.place, Edit::AddFloat(amount));
        }
        Ok(())
    }
}
