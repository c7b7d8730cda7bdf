//! What came of running a new version of a policy in the shadow of the one that serves.
//!
//! It names what verdicts do, and no value of any field: whoever reads it sees nothing of what clients sent.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::facts::covers;
use crate::sandbox::{Edits, Failure, Interest, Verdict, fields};

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
    /// In microseconds on average: how long the version that serves takes on its worker, and how much of a processor
    /// the new one uses on a fresh instance.
    pub(crate) microseconds_before: u64,
    pub(crate) microseconds_after: u64,
    /// One for each kind of difference or fault.
    pub(crate) examples: Vec<Example>,
    #[serde(skip)]
    took: (Duration, Duration),
    /// How many calls that was.
    #[serde(skip)]
    timed: u64,
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
    pub(super) fn failed(&self, of: Whereabouts, known: &Declared, before: Option<&Verdict>, class: &str) {
        let before = known.shown(before);
        self.with(|counts| {
            counts.failed += 1;
            counts.example(of, before, class.to_owned());
        });
    }

    /// Both said something, and took so long if there was something to call. Returns whether it was the same.
    pub(super) fn compared(
        &self,
        of: Whereabouts,
        known: &Declared,
        before: (Option<&Verdict>, Option<Duration>),
        after: (&Verdict, Option<Duration>),
    ) -> bool {
        let is_same = before.0.is_some_and(|before| same(before, after.0));
        let shown = (!is_same).then(|| {
            let (old, new) = (known.shown(before.0), known.shown(Some(after.0)));
            let other = if old == new { " (other values)" } else { "" };
            (old, format!("{new}{other}"))
        });
        self.with(|counts| {
            if let Some((before, after)) = before.1.zip(after.1) {
                counts.took = (counts.took.0 + before, counts.took.1 + after);
                counts.timed += 1;
            }
            match shown {
                None => counts.agreed += 1,
                Some((old, new)) => {
                    counts.differed += 1;
                    counts.example(of, old, new);
                }
            }
        });
        is_same
    }

    fn with<T>(&self, act: impl FnOnce(&mut Counts) -> T) -> T {
        act(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Counts {
    /// All in one.
    pub(crate) fn of(all: impl Iterator<Item = Self>) -> Self {
        let mut sum = all.reduce(|mut sum, more| {
            sum.agreed += more.agreed;
            sum.differed += more.differed;
            sum.failed += more.failed;
            sum.skipped += more.skipped;
            sum.took = (sum.took.0 + more.took.0, sum.took.1 + more.took.1);
            sum.timed += more.timed;
            let room = MOST_KINDS.saturating_sub(sum.examples.len());
            sum.examples.extend(more.examples.into_iter().take(room));
            sum
        });
        let sum = sum.get_or_insert_default();
        let average = |all: Duration| u64::try_from(all.as_micros() / u128::from(sum.timed.max(1))).unwrap_or(u64::MAX);
        let (before, after) = (average(sum.took.0), average(sum.took.1));
        (sum.microseconds_before, sum.microseconds_after) = (before, after);
        std::mem::take(sum)
    }

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

/// What two versions of a policy declare to write. Other names they made up themselves, perhaps of what a client sent.
#[derive(Debug, Default)]
pub(super) struct Declared {
    fields: BTreeSet<String>,
    attributes: BTreeSet<String>,
}

impl Declared {
    pub(super) fn by(interests: [&Interest; 2]) -> Self {
        let fields = interests.iter().flat_map(|it| it.request_write.iter().chain(&it.response_write)).cloned();
        let attributes = interests.iter().flat_map(|it| &it.attributes_write).cloned();
        Self { fields: fields.collect(), attributes: attributes.collect() }
    }

    /// What a verdict does, in names that were declared.
    fn shown(&self, verdict: Option<&Verdict>) -> String {
        match verdict {
            None => "failed".to_owned(),
            Some(Verdict::Pass) => "pass".to_owned(),
            Some(Verdict::Edit(edits)) if does_nothing(edits) => "pass".to_owned(),
            Some(Verdict::Edit(edits)) => {
                let names = fields::entries(&edits.changes).flatten().map(|(name, _)| self.name(name));
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

    /// The name of a change as it was declared, after the mark that says what is done.
    fn name(&self, marked: &[u8]) -> String {
        let (mark, name) = marked.split_at_checked(1).unwrap_or_default();
        let known = if mark == b"@" { &self.attributes } else { &self.fields };
        let exact = known.iter().find(|known| known.as_bytes() == name);
        let found = exact.or_else(|| known.iter().find(|known| covers(known, name)));
        format!("{}{}", mark.escape_ascii(), found.map_or("?", String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Response;

    fn list(entries: &[(&str, &str)]) -> bytes::Bytes {
        let mut packed = Vec::new();
        entries.iter().for_each(|(name, value)| fields::push(&mut packed, name.as_bytes(), value.as_bytes()));
        packed.into()
    }

    fn edit(changes: &[(&str, &str)]) -> Verdict {
        Verdict::Edit(Edits { changes: list(changes), target: None, status: None, state: Some(b"own".to_vec()) })
    }

    fn respond(status: u16, body: &'static str) -> Verdict {
        Verdict::Respond(Response { status, fields: list(&[("x-a", "1")]), body: body.into() })
    }

    #[test]
    fn verdicts_are_the_same_that_do_the_same() {
        assert!(same(&Verdict::Pass, &edit(&[])), "to change nothing is to pass, whatever is carried");
        assert!(same(&edit(&[("=x-a", "1"), ("=x-b", "2")]), &edit(&[("=x-b", "2"), ("=x-a", "1")])));
        assert!(
            !same(&edit(&[("=x-a", "1"), ("+x-a", "2")]), &edit(&[("+x-a", "2"), ("=x-a", "1")])),
            "of one field they have an order"
        );
        assert!(!same(&edit(&[("=x-a", "1")]), &edit(&[("=x-a", "2")])));
        assert!(!same(&edit(&[("=x-a", "1")]), &Verdict::Pass));
        assert!(same(&respond(200, "a"), &respond(200, "a")));
        assert!(!same(&respond(200, "a"), &respond(200, "b")));
        assert!(!same(&Verdict::Fail(Failure::Internal), &Verdict::Fail(Failure::BadInput)));
    }

    #[test]
    fn a_verdict_is_shown_without_a_value() {
        let interest = Interest {
            request_write: ["x-a", "x-b"].map(str::to_owned).into(),
            response_write: vec!["x-n-*".to_owned()],
            attributes_write: vec!["auth.*".to_owned()],
            ..Interest::default()
        };
        let known = Declared::by([&interest, &Interest::default()]);
        let shown = |verdict: Option<&Verdict>| known.shown(verdict);
        assert_eq!(
            shown(Some(&edit(&[("=x-b", "secret"), ("-x-a", ""), ("@auth.sub", "ann"), ("=x-b", "again")]))),
            "edit -x-a =x-b @auth.*"
        );
        assert_eq!(shown(Some(&respond(403, "secret"))), "respond 403");
        assert_eq!(shown(None), "failed");
        let made_up = [("=x-n-of-a-client", "v"), ("+x-n-of-another", "v"), ("=of-a-client", "v")];
        assert_eq!(shown(Some(&edit(&made_up))), "edit +x-n-* =? =x-n-*");
        let declared: Vec<String> = (0..12).map(|n| format!("x-{n:02}")).collect();
        let known = Declared::by([&Interest { request_write: declared.clone(), ..Interest::default() }, &interest]);
        let names: Vec<String> = declared.iter().map(|name| format!("={name}")).collect();
        let many: Vec<_> = names.iter().map(|name| (name.as_str(), "v")).collect();
        assert!(known.shown(Some(&edit(&many))).ends_with("=x-07 and 4 more"));
    }

    #[test]
    fn kinds_of_differences_are_counted_and_bounded() {
        let tally = Tally::begin();
        let at =
            |id: u32| Whereabouts { hook: "request", api: "a".into(), route: "r".into(), request_id: id.to_string() };
        let (took, known) = (Duration::from_micros(10), Declared::default());
        for id in 0..100 {
            let status = 400 + u16::try_from(id % 50).unwrap();
            let (before, after) = ((Some(&Verdict::Pass), Some(took)), respond(status, ""));
            assert!(!tally.compared(at(id), &known, before, (&after, Some(took * 3))));
        }
        assert!(tally.compared(at(0), &known, (Some(&Verdict::Pass), None), (&Verdict::Pass, Some(took * 9))));
        let counts = Counts::of([tally.counts(), Counts::default()].into_iter());
        assert_eq!((counts.agreed, counts.differed, counts.examples.len()), (1, 100, MOST_KINDS));
        assert_eq!((counts.examples[3].count, &*counts.examples[3].request_id), (2, "53"));
        assert_eq!((counts.microseconds_before, counts.microseconds_after), (10, 30));
    }
}
