//! What came of running a new version of a policy in the shadow of the one that serves.
//!
//! It names what verdicts do, and no value of any field: whoever reads it sees nothing of what clients sent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::sandbox::{Edits, Failure, Verdict, fields};

/// Kinds of differences and faults that are told apart.
const MOST_KINDS: usize = 20;
/// Changes of a verdict that are named.
const MOST_NAMED: usize = 8;

/// Counts for one new version; shared by all workers, and by all chains it stands in.
#[derive(Debug)]
pub(crate) struct Tally {
    begun: Instant,
    is_over: AtomicBool,
    counts: Mutex<Counts>,
}

/// What is known so far.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Counts {
    /// Calls in which both said the same.
    pub(crate) agreed: u64,
    pub(crate) differed: u64,
    /// Calls of the new version that failed.
    pub(crate) failed: u64,
    /// Calls that were not made, since the gateway had no room for them.
    pub(crate) skipped: u64,
    /// Of the calls that were compared, in microseconds on average.
    pub(crate) microseconds_before: u64,
    pub(crate) microseconds_after: u64,
    /// One for each kind of difference or fault.
    pub(crate) examples: Vec<Example>,
    #[serde(skip)]
    took: (Duration, Duration),
}

/// One kind of difference or fault, with the newest exchange in which it was met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Example {
    /// `request` or `response`.
    pub(crate) hook: &'static str,
    /// What the version that serves said.
    pub(crate) before: String,
    /// What the new one said, or the class of its fault.
    pub(crate) after: String,
    pub(crate) count: u64,
    pub(crate) api: String,
    pub(crate) route: String,
    pub(crate) request_id: String,
}

/// Which exchange it was.
pub(super) struct Whereabouts {
    pub(super) hook: &'static str,
    pub(super) api: String,
    pub(super) route: String,
    pub(super) request_id: String,
}

impl Tally {
    pub(crate) fn begin() -> Self {
        Self { begun: Instant::now(), is_over: AtomicBool::new(false), counts: Mutex::default() }
    }

    pub(crate) fn age(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Compare nothing more.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    pub(crate) fn counts(&self) -> Counts {
        self.with(|counts| counts.clone())
    }

    pub(super) fn skipped(&self) {
        self.with(|counts| counts.skipped += 1);
    }

    /// The new version failed. None of a verdict says that the one which serves failed too.
    pub(super) fn failed(&self, of: Whereabouts, before: Option<&Verdict>, class: &str) {
        self.with(|counts| {
            counts.failed += 1;
            counts.example(of, shown(before), class.to_owned());
        });
    }

    /// Both said something. Returns whether it was the same.
    pub(super) fn compared(
        &self,
        of: Whereabouts,
        before: (Option<&Verdict>, Duration),
        after: (&Verdict, Duration),
    ) -> bool {
        let is_same = before.0.is_some_and(|before| same(before, after.0));
        self.with(|counts| {
            counts.took = (counts.took.0 + before.1, counts.took.1 + after.1);
            if is_same {
                counts.agreed += 1;
            } else {
                counts.differed += 1;
                let (old, mut new) = (shown(before.0), shown(Some(after.0)));
                if old == new {
                    new.push_str(" (other values)");
                }
                counts.example(of, old, new);
            }
            let calls = u32::try_from(counts.agreed + counts.differed).unwrap_or(u32::MAX);
            let average = |all: Duration| u64::try_from((all / calls).as_micros()).unwrap_or(u64::MAX);
            (counts.microseconds_before, counts.microseconds_after) = (average(counts.took.0), average(counts.took.1));
        });
        is_same
    }

    fn with<T>(&self, act: impl FnOnce(&mut Counts) -> T) -> T {
        act(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Counts {
    fn example(&mut self, of: Whereabouts, before: String, after: String) {
        let Whereabouts { hook, api, route, request_id } = of;
        let is_same = |it: &&mut Example| (it.hook, &it.before, &it.after) == (hook, &before, &after);
        if let Some(known) = self.examples.iter_mut().find(is_same) {
            known.count += 1;
            (known.api, known.route, known.request_id) = (api, route, request_id);
        } else if self.examples.len() < MOST_KINDS {
            self.examples.push(Example { hook, before, after, count: 1, api, route, request_id });
        }
    }
}

/// Whether two verdicts do the same. What is done to fields of different names has no order.
fn same(one: &Verdict, other: &Verdict) -> bool {
    match (one, other) {
        (Verdict::Pass, Verdict::Pass) => true,
        (Verdict::Pass, Verdict::Edit(edits)) | (Verdict::Edit(edits), Verdict::Pass) => does_nothing(edits),
        (Verdict::Edit(one), Verdict::Edit(other)) => {
            (&one.target, one.status) == (&other.target, other.status) && sorted(&one.changes) == sorted(&other.changes)
        }
        (Verdict::Respond(one), Verdict::Respond(other)) => {
            (one.status, &one.body) == (other.status, &other.body) && sorted(&one.fields) == sorted(&other.fields)
        }
        (Verdict::Fail(one), Verdict::Fail(other)) => one == other,
        _ => false,
    }
}

/// What is carried to the next hook of the same version is its own business.
fn does_nothing(edits: &Edits) -> bool {
    edits.changes.is_empty() && edits.target.is_none() && edits.status.is_none()
}

/// By the names of fields, those of one name in their order. Changes begin with what is done, and a name.
fn sorted(list: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut entries: Vec<_> = fields::entries(list).flatten().collect();
    entries.sort_by_key(|(name, _)| match name.split_first() {
        Some((b'=' | b'+' | b'-', plain)) => plain,
        _ => name,
    });
    entries
}

/// What a verdict does, in names.
fn shown(verdict: Option<&Verdict>) -> String {
    match verdict {
        None => "failed".to_owned(),
        Some(Verdict::Pass) => "pass".to_owned(),
        Some(Verdict::Edit(edits)) if does_nothing(edits) => "pass".to_owned(),
        Some(Verdict::Edit(edits)) => {
            let names = fields::entries(&edits.changes).flatten().map(|(name, _)| name.escape_ascii().to_string());
            let mut all: Vec<_> = names.chain(edits.target.as_ref().map(|_| "target".to_owned())).collect();
            all.sort();
            all.dedup();
            let more = all.len().saturating_sub(MOST_NAMED);
            all.truncate(MOST_NAMED);
            all.extend(edits.status.map(|status| format!("status {status}")));
            all.extend((more > 0).then(|| format!("and {more} more")));
            format!("edit {}", all.join(" "))
        }
        Some(Verdict::Respond(response)) => format!("respond {}", response.status),
        Some(Verdict::Fail(failure)) => {
            let word = match failure {
                Failure::BadInput => "bad-input",
                Failure::Dependency => "dependency",
                Failure::Internal => "internal",
            };
            format!("fail {word}")
        }
    }
}
