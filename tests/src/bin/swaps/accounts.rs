//! What became of every request, by kind of client.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use serde_json::{Value, json};

use crate::history::Wrong;

/// Faults that are told in full.
const TOLD: usize = 10;

/// Counts, and what was wrong.
#[derive(Default)]
pub(crate) struct Accounts {
    kinds: BTreeMap<&'static str, Count>,
    pub(crate) faults: Vec<String>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    right: u64,
    /// Of these, over only after several swaps.
    outlasted: u64,
    failed: u64,
    mixed: u64,
    stale: u64,
    reset: u64,
}

impl Accounts {
    pub(crate) fn right(&mut self, kind: &'static str) {
        self.kinds.entry(kind).or_default().right += 1;
    }

    pub(crate) fn outlasted(&mut self, kind: &'static str) {
        self.kinds.entry(kind).or_default().outlasted += 1;
    }

    pub(crate) fn wrong(&mut self, kind: &'static str, wrong: Wrong) {
        let count = self.kinds.entry(kind).or_default();
        let (number, name, text) = match wrong {
            Wrong::Failed(text) => (&mut count.failed, "FAILED", text),
            Wrong::Mixed(text) => (&mut count.mixed, "MIXED", text),
            Wrong::Stale(text) => (&mut count.stale, "STALE", text),
        };
        *number += 1;
        self.fault(format!("{name} {kind}: {text}"));
    }

    pub(crate) fn reset(&mut self, kind: &'static str, error: &io::Error, when: &str) {
        self.kinds.entry(kind).or_default().reset += 1;
        self.fault(format!("RESET {kind}: {error} ({:?}) {when}", error.kind()));
    }

    fn fault(&mut self, text: String) {
        if self.faults.len() < TOLD {
            self.faults.push(text);
        }
    }

    /// Both together.
    pub(crate) fn and(mut self, other: Self) -> Self {
        for (kind, more) in other.kinds {
            let count = self.kinds.entry(kind).or_default();
            *count = count.and(more);
        }
        other.faults.into_iter().for_each(|fault| self.fault(fault));
        self
    }

    fn total(&self) -> Count {
        self.kinds.values().fold(Count::default(), |sum, count| sum.and(*count))
    }

    pub(crate) fn json(&self) -> Value {
        let kinds = self.kinds.iter().map(|(kind, count)| ((*kind).to_owned(), count.json()));
        json!({ "all": self.total().json(), "kinds": kinds.collect::<serde_json::Map<_, _>>() })
    }
}

impl Count {
    fn and(self, more: Self) -> Self {
        Self {
            right: self.right + more.right,
            outlasted: self.outlasted + more.outlasted,
            failed: self.failed + more.failed,
            mixed: self.mixed + more.mixed,
            stale: self.stale + more.stale,
            reset: self.reset + more.reset,
        }
    }

    fn json(self) -> Value {
        let Self { right, outlasted, failed, mixed, stale, reset } = self;
        json!({ "right": right, "outlasted": outlasted, "failed": failed, "mixed": mixed, "stale": stale, "reset": reset })
    }
}

impl fmt::Display for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "  {:<24} {:>9} {:>9} {:>7} {:>7} {:>7} {:>7}",
            "client", "right", "outlasted", "failed", "mixed", "stale", "reset"
        )?;
        for (kind, count) in self.kinds.iter().map(|(kind, count)| (*kind, *count)).chain([("all", self.total())]) {
            let Count { right, outlasted, failed, mixed, stale, reset } = count;
            writeln!(f, "  {kind:<24} {right:>9} {outlasted:>9} {failed:>7} {mixed:>7} {stale:>7} {reset:>7}")?;
        }
        Ok(())
    }
}
