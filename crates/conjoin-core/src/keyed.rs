//! Values by key, as they are told to who asks.

use std::iter::Flatten;
use std::ops::Index;
use std::sync::Arc;
use std::vec::IntoIter;

use crate::sorted::{Entries, Sorted};

/// Values by key, in the order of the keys.
///
/// ```
/// use conjoin_core::{Marks, Value};
///
/// let marks: Marks = [("bold".into(), Value::Bool(true))].into_iter().collect();
/// assert_eq!(marks["bold"], Value::Bool(true));
/// assert_eq!(marks.get("code"), None);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Keyed<V>(Sorted<Arc<str>, V>);

impl<V> Keyed<V> {
    /// None.
    ///
    /// ```
    /// # use conjoin_core::Keyed;
    /// let none = Keyed::<u32>::new();
    /// assert_eq!(none.get("tea"), None);
    /// ```
    pub const fn new() -> Self {
        Self(Sorted::new())
    }

    /// The value of a key.
    ///
    /// ```
    /// # use conjoin_core::Keyed;
    /// let prices: Keyed<u32> = [("tea".into(), 3), ("jam".into(), 5)].into_iter().collect();
    /// assert_eq!(prices.get("tea"), Some(&3));
    /// assert_eq!(prices.get("milk"), None);
    /// ```
    pub fn get(&self, key: &str) -> Option<&V> {
        self.0.find(|other| (*other.0).cmp(key)).map(|entry| &entry.1)
    }

    /// Whether there is a value of a key.
    ///
    /// ```
    /// # use conjoin_core::Keyed;
    /// let prices: Keyed<u32> = [("tea".into(), 3), ("jam".into(), 5)].into_iter().collect();
    /// assert!(prices.contains_key("tea"));
    /// assert!(!prices.contains_key("milk"));
    /// ```
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The keys and their values.
    ///
    /// ```
    /// # use conjoin_core::Keyed;
    /// let prices: Keyed<u32> = [("tea".into(), 3), ("jam".into(), 5)].into_iter().collect();
    /// let lines: Vec<_> = prices.iter().map(|(what, price)| format!("{what}: {price}")).collect();
    /// assert_eq!(lines, ["jam: 5", "tea: 3"]);
    /// ```
    pub fn iter(&self) -> Entries<'_, Arc<str>, V> {
        self.0.iter()
    }

    /// The keys.
    ///
    /// ```
    /// # use conjoin_core::Keyed;
    /// let prices: Keyed<u32> = [("tea".into(), 3), ("jam".into(), 5)].into_iter().collect();
    /// assert!(prices.keys().map(|key| &**key).eq(["jam", "tea"]));
    /// ```
    pub fn keys(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.keys()
    }

    /// The values, in the order of their keys.
    ///
    /// ```
    /// # use conjoin_core::Keyed;
    /// let prices: Keyed<u32> = [("tea".into(), 3), ("jam".into(), 5)].into_iter().collect();
    /// assert!(prices.values().eq(&[5, 3]));
    /// ```
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.values()
    }

    /// How many there are.
    ///
    /// ```
    /// # use conjoin_core::Keyed;
    /// let prices: Keyed<u32> = [("tea".into(), 3), ("jam".into(), 5)].into_iter().collect();
    /// assert_eq!(prices.len(), 2);
    /// ```
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    ///
    /// ```
    /// # use conjoin_core::Keyed;
    /// let mut prices = Keyed::new();
    /// assert!(prices.is_empty());
    /// prices.insert("tea".into(), 3);
    /// assert!(!prices.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.0.last().is_none()
    }

    /// Gives a key a value; gives the one it had.
    ///
    /// ```
    /// # use conjoin_core::Keyed;
    /// let mut prices = Keyed::new();
    /// assert_eq!(prices.insert("tea".into(), 3), None);
    /// assert_eq!(prices.insert("tea".into(), 4), Some(3));
    /// assert_eq!(prices["tea"], 4);
    /// ```
    pub fn insert(&mut self, key: Arc<str>, value: V) -> Option<V> {
        self.0.insert(key, value)
    }
}

impl<V> Default for Keyed<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> Index<&str> for Keyed<V> {
    type Output = V;

    fn index(&self, key: &str) -> &V {
        self.get(key).expect("there is a value of this key")
    }
}

impl<V> Extend<(Arc<str>, V)> for Keyed<V> {
    fn extend<I: IntoIterator<Item = (Arc<str>, V)>>(&mut self, entries: I) {
        self.0.extend(entries);
    }
}

impl<V> FromIterator<(Arc<str>, V)> for Keyed<V> {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, V)>>(entries: I) -> Self {
        let mut all = Self::new();
        all.extend(entries);
        all
    }
}

impl<V> IntoIterator for Keyed<V> {
    type Item = (Arc<str>, V);
    type IntoIter = Flatten<IntoIter<Vec<(Arc<str>, V)>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'k, V> IntoIterator for &'k Keyed<V> {
    type Item = (&'k Arc<str>, &'k V);
    type IntoIter = Entries<'k, Arc<str>, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
