//! What requests came to, by kind and outcome.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

/// Counts of outcomes; whether each may be is known to who notes it.
#[derive(Default)]
pub(crate) struct Tally {
    counts: BTreeMap<(&'static str, String), Count>,
}

#[derive(Default)]
struct Count {
    number: u64,
    is_fault: bool,
}

impl Tally {
    /// A request of this kind was answered with a status, which must be one of these.
    pub(crate) fn answered(&mut self, kind: &'static str, status: u16, may_be: &[u16]) {
        self.note(kind, status.to_string(), !may_be.contains(&status));
    }

    /// Something that must not be.
    pub(crate) fn broke(&mut self, kind: &'static str, error: &io::Error) {
        self.note(kind, format!("{:?}", error.kind()), true);
    }

    pub(crate) fn fault(&mut self, kind: &'static str, what: impl fmt::Display) {
        self.note(kind, what.to_string(), true);
    }

    pub(crate) fn did(&mut self, kind: &'static str, what: &str) {
        self.note(kind, what.to_owned(), false);
    }

    fn note(&mut self, kind: &'static str, outcome: String, is_fault: bool) {
        let count = self.counts.entry((kind, outcome)).or_default();
        count.number += 1;
        count.is_fault |= is_fault;
    }

    /// Both together.
    pub(crate) fn and(mut self, other: Self) -> Self {
        for (key, more) in other.counts {
            let count = self.counts.entry(key).or_default();
            count.number += more.number;
            count.is_fault |= more.is_fault;
        }
        self
    }

    pub(crate) fn has_faults(&self) -> bool {
        self.counts.values().any(|count| count.is_fault)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((kind, outcome), count) in &self.counts {
            let mark = if count.is_fault { "  MUST NOT BE" } else { "" };
            writeln!(f, "  {kind:<24} {outcome:<28} {:>9}{mark}", count.number)?;
        }
        Ok(())
    }
}
