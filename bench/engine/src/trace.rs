//! The editing histories: real keystrokes, as `josephg/editing-traces` publishes them.
//!
//! A sequential trace is one author's patches. In a concurrent trace each transaction names those it was
//! made on top of; it is turned, once and outside of all timing, into the [`Step`]s by which replicas live
//! through it: deliver to the author's replica what it had seen by then, and let it edit.

use std::{fs::File, path::Path};

use anyhow::{Context as _, Result, bail, ensure};
use flate2::read::GzDecoder;
use serde::Deserialize;

/// At a position, so many characters are deleted and a text is inserted.
#[derive(Clone, Copy, Debug)]
pub struct Patch<'t>(pub usize, pub usize, pub &'t str);

/// Patches in a row, and all that they insert in one text: were it in many, scattered about, waiting for memory to give
/// them would be a good part of what is timed.
#[derive(Debug, Default)]
pub struct Patches {
    /// Where, how many are deleted, and from where to where in the text it stands what is inserted.
    places: Vec<[u32; 4]>,
    text: String,
}

impl Patches {
    fn new(all: impl Iterator<Item = PublishedPatch>) -> Result<Self> {
        let mut patches = Self::default();
        for PublishedPatch(at, deleted, inserted) in all {
            let start = patches.text.len();
            patches.text.push_str(&inserted);
            let place = [at, deleted, start, patches.text.len()].map(u32::try_from);
            let [Ok(at), Ok(deleted), Ok(start), Ok(end)] = place else { bail!("a trace of gigabytes") };
            patches.places.push([at, deleted, start, end]);
        }
        Ok(patches)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The one with this number.
    ///
    /// # Panics
    /// If there are not so many.
    #[must_use]
    pub fn get(&self, number: usize) -> Patch<'_> {
        self.patch(self.places[number])
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = Patch<'_>> {
        self.places.iter().map(|&place| self.patch(place))
    }

    fn patch(&self, place: [u32; 4]) -> Patch<'_> {
        let [at, deleted, start, end] = place.map(|number| number as usize);
        Patch(at, deleted, &self.text[start..end])
    }
}

/// What one author did, and what came of it.
#[derive(Debug)]
pub struct Sequential {
    /// The edits, in order.
    pub patches: Patches,
    /// The text after all of them.
    pub end: String,
}

/// What several authors did at the same time.
#[derive(Debug)]
pub struct Concurrent {
    /// The transactions, each after those it is built on.
    pub transactions: Patches,
    /// How replicas, one for each author, live through them until all have all.
    pub steps: Vec<Step>,
    /// How many authors there are.
    pub authors: usize,
}

/// Something that happens to a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Its author makes a transaction.
    Edit {
        /// The replica.
        at: usize,
        /// Which transaction.
        transaction: usize,
    },
    /// It gets another's.
    Deliver {
        /// The replica.
        to: usize,
        /// Which transaction.
        transaction: usize,
    },
}

/// A trace as it is published.
#[derive(Deserialize)]
struct Published {
    #[serde(default, rename = "startContent")]
    start: String,
    #[serde(rename = "endContent")]
    end: String,
    txns: Vec<Transaction>,
}

#[derive(Deserialize)]
struct Transaction {
    #[serde(default)]
    parents: Vec<usize>,
    #[serde(default)]
    agent: usize,
    patches: Vec<PublishedPatch>,
}

#[derive(Deserialize)]
struct PublishedPatch(usize, usize, String);

impl Sequential {
    /// Reads a trace of this name.
    ///
    /// # Errors
    /// When it is not there, or not such a trace.
    pub fn read(folder: &Path, name: &str) -> Result<Self> {
        let published = Published::read(folder, name)?;
        Ok(Self {
            patches: Patches::new(published.txns.into_iter().flat_map(|it| it.patches))?,
            end: published.end,
        })
    }
}

impl Concurrent {
    /// Reads a trace of this name.
    ///
    /// # Errors
    /// When it is not there, or not such a trace.
    pub fn read(folder: &Path, name: &str) -> Result<Self> {
        let published = Published::read(folder, name)?;
        let one_each = published.txns.iter().all(|it| it.patches.len() == 1);
        ensure!(one_each, "{name} has transactions that are not one patch");
        let (steps, authors) = steps(&published.txns)?;
        let transactions = Patches::new(published.txns.into_iter().flat_map(|it| it.patches))?;
        Ok(Self { transactions, steps, authors })
    }
}

impl Published {
    fn read(folder: &Path, name: &str) -> Result<Self> {
        let path = folder.join(format!("{name}.json.gz"));
        let file = File::open(&path).with_context(|| {
            format!(
                "no trace at {}: it comes from the public repository josephg/editing-traces, \
                 sequential_traces/ or concurrent_traces/",
                path.display()
            )
        })?;
        let published: Self = serde_json::from_reader(std::io::BufReader::new(GzDecoder::new(file)))
            .with_context(|| format!("reading {}", path.display()))?;
        ensure!(published.start.is_empty(), "{name} does not begin with an empty text");
        // Engines count in bytes, UTF-16 units or characters. Here, all of them are the same.
        let inserted = published.txns.iter().flat_map(|it| &it.patches).map(|patch| &patch.2);
        ensure!(inserted.into_iter().all(|text| text.is_ascii()), "{name} is not all ASCII");
        Ok(published)
    }
}

/// How replicas live through transactions, and how many there are.
fn steps(transactions: &[Transaction]) -> Result<(Vec<Step>, usize)> {
    let authors = transactions.iter().map(|it| it.agent + 1).max().unwrap_or(0);
    let mut made = vec![Vec::new(); authors];
    let mut known = vec![vec![0; authors]; authors];
    let mut versions: Vec<Vec<usize>> = Vec::with_capacity(transactions.len());
    let mut steps = Vec::new();
    for (index, transaction) in transactions.iter().enumerate() {
        let author = transaction.agent;
        let mut version = vec![0; authors];
        for &parent in &transaction.parents {
            let parent = versions.get(parent).context("a transaction comes before what it is built on")?;
            for (count, parent) in version.iter_mut().zip(parent) {
                *count = (*count).max(*parent);
            }
        }
        ensure!(version[author] == made[author].len(), "an author did not build on its own last edit");
        deliver(author, &version, &made, &mut known, &mut steps);
        ensure!(known[author] == version, "an author forgot what it had seen");
        steps.push(Step::Edit { at: author, transaction: index });
        made[author].push(index);
        known[author][author] += 1;
        version[author] += 1;
        versions.push(version);
    }
    let all: Vec<usize> = made.iter().map(Vec::len).collect();
    for replica in 0..authors {
        deliver(replica, &all, &made, &mut known, &mut steps);
    }
    Ok((steps, authors))
}

/// Delivers to a replica what it lacks of a version, in the order in which it was made.
fn deliver(
    to: usize,
    version: &[usize],
    made: &[Vec<usize>],
    known: &mut [Vec<usize>],
    steps: &mut Vec<Step>,
) {
    let mut lacking = Vec::new();
    for (author, (&wanted, made)) in version.iter().zip(made).enumerate() {
        let had = known[to][author];
        lacking.extend_from_slice(&made[had.min(wanted)..wanted]);
        known[to][author] = had.max(wanted);
    }
    lacking.sort_unstable();
    steps.extend(lacking.into_iter().map(|transaction| Step::Deliver { to, transaction }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transaction(agent: usize, parents: &[usize]) -> Transaction {
        Transaction { parents: parents.to_vec(), agent, patches: Vec::new() }
    }

    #[test]
    fn an_author_gets_what_it_had_seen_before_it_edits_and_the_rest_in_the_end() {
        let transactions =
            [transaction(0, &[]), transaction(1, &[0]), transaction(0, &[0]), transaction(0, &[1, 2])];
        let (steps, authors) = steps(&transactions).expect("they hold together");
        assert_eq!(authors, 2);
        assert_eq!(
            steps,
            [
                Step::Edit { at: 0, transaction: 0 },
                Step::Deliver { to: 1, transaction: 0 },
                Step::Edit { at: 1, transaction: 1 },
                Step::Edit { at: 0, transaction: 2 },
                Step::Deliver { to: 0, transaction: 1 },
                Step::Edit { at: 0, transaction: 3 },
                Step::Deliver { to: 1, transaction: 2 },
                Step::Deliver { to: 1, transaction: 3 },
            ]
        );
    }

    #[test]
    fn histories_that_no_replica_can_live_through_are_refused() {
        assert!(steps(&[transaction(0, &[1])]).is_err());
        assert!(steps(&[transaction(0, &[]), transaction(0, &[])]).is_err());
        let forgets =
            [transaction(0, &[]), transaction(1, &[]), transaction(0, &[0, 1]), transaction(0, &[2])];
        assert!(steps(&forgets).is_ok());
        let branches = [transaction(1, &[]), transaction(0, &[0]), transaction(1, &[])];
        assert!(steps(&branches).is_err());
    }
}
