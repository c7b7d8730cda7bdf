//! Owns the comparison of two audits: what widened, what narrowed, and what is merely another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde::Serialize;

use super::super::out::plain;
use super::facts::{Fact, Facts, facts};
use super::report::{Link, OnError, Report, Route, Use};
use super::text::matched;

/// Routes that a line tells; of more there is their number. JSON has them all.
const MOST_ROUTES: usize = 4;

#[derive(Debug, Default, Serialize)]
pub(super) struct Diff {
    pub(super) widened: Vec<Change>,
    pub(super) narrowed: Vec<Change>,
    /// What is neither more nor less, such as another component that may do the same.
    pub(super) changed: Vec<Change>,
}

/// One difference, and all routes it is about.
#[derive(Debug, Serialize)]
pub(super) struct Change {
    /// None where it is about the routes themselves.
    pub(super) policy: Option<String>,
    pub(super) what: String,
    pub(super) routes: Vec<String>,
}

impl Diff {
    pub(super) fn of(old: &Report, new: &Report) -> Self {
        let mut found = Found::default();
        let (before, after) = (by_name(old), by_name(new));
        for (name, route) in &after {
            match before.get(name) {
                Some(earlier) => {
                    compare(&Side { report: old, route: earlier }, &Side { report: new, route }, &mut found)
                }
                None => found.note(Way::Wider, None, format!("is new: {}", described(route)), name),
            }
        }
        for (name, route) in before.iter().filter(|(name, _)| !after.contains_key(*name)) {
            found.note(Way::Narrower, None, format!("is gone: {}", described(route)), name);
        }
        overall(old, new, &mut found);
        found.into_diff()
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (title, changes) in [("WIDENED", &self.widened), ("NARROWED", &self.narrowed), ("CHANGED", &self.changed)] {
            let count = if changes.is_empty() { "nothing".to_owned() } else { changes.len().to_string() };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{title}: {count}");
            changes.iter().for_each(|change| text.push_str(&change.line()));
        }
        text
    }
}

impl Change {
    fn line(&self) -> String {
        let shown: Vec<_> = self.routes.iter().take(MOST_ROUTES).map(|route| plain(route)).collect();
        let rest = self.routes.len().saturating_sub(MOST_ROUTES);
        let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        let routes = format!("{}{more}", shown.join(", "));
        match (&self.policy, self.routes.is_empty()) {
            (Some(policy), false) => format!("  {} {}  ({routes})\n", plain(policy), plain(&self.what)),
            (Some(policy), true) => format!("  {} {}\n", plain(policy), plain(&self.what)),
            (None, false) => format!("  {routes} {}\n", plain(&self.what)),
            (None, true) => format!("  {}\n", plain(&self.what)),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Wider,
    Narrower,
    Other,
}

/// What was found so far. The same of several routes is one change.
#[derive(Default)]
struct Found(BTreeMap<(Way, Option<String>, String), BTreeSet<String>>);

impl Found {
    fn note(&mut self, way: Way, policy: Option<&str>, what: String, route: &str) {
        self.about(way, policy, what).insert(route.to_owned());
    }

    fn about(&mut self, way: Way, policy: Option<&str>, what: String) -> &mut BTreeSet<String> {
        self.0.entry((way, policy.map(str::to_owned), what)).or_default()
    }

    fn into_diff(self) -> Diff {
        let mut diff = Diff::default();
        for ((way, policy, what), routes) in self.0 {
            let change = Change { policy, what, routes: routes.into_iter().collect() };
            match way {
                Way::Wider => diff.widened.push(change),
                Way::Narrower => diff.narrowed.push(change),
                Way::Other => diff.changed.push(change),
            }
        }
        diff
    }
}

/// A route as one of the reports has it.
struct Side<'a> {
    report: &'a Report,
    route: &'a Route,
}

impl<'a> Side<'a> {
    fn used(&self, id: &str) -> Option<&'a Use> {
        self.report.content.named(id)
    }

    /// The policies of the chain, each with which of its name it is.
    fn steps(&self) -> Vec<((String, usize), &'a Link, &'a Use)> {
        let mut seen = BTreeMap::new();
        let steps = self.route.chain.iter().filter_map(|link| {
            let used = self.used(&link.id)?;
            let nth = seen.entry(used.policy.as_str()).or_insert(0_usize);
            *nth += 1;
            Some(((used.policy.clone(), *nth), link, used))
        });
        steps.collect()
    }

    fn responder(&self) -> Option<&'a Use> {
        self.used(self.route.responder.as_deref()?)
    }
}

fn by_name(report: &Report) -> BTreeMap<String, &Route> {
    report.content.routes.iter().map(|route| (route.name(), route)).collect()
}

fn described(route: &Route) -> String {
    format!("{} leads to {}", matched(route), route.to)
}

/// One route, before and after.
fn compare(old: &Side<'_>, new: &Side<'_>, found: &mut Found) {
    let name = new.route.name();
    for (what, before, after) in [
        ("is for other requests", matched(old.route), matched(new.route)),
        ("leads elsewhere", old.route.to.clone(), new.route.to.clone()),
    ] {
        if before != after {
            // Whether other requests are fewer nobody can say in general.
            found.note(Way::Wider, None, format!("{what}: {after}, before {before}"), &name);
        }
    }
    let (before, after) = (old.steps(), new.steps());
    for (key, link, used) in &after {
        match before.iter().find(|(known, _, _)| known == key) {
            Some((_, earlier, known)) => {
                on_error(earlier.on_error, link.on_error, &used.policy, &name, found);
                powers((old.report, known), (new.report, used), &name, found);
            }
            None => newcomer(new.report, used, "is new in the chain", &name, found),
        }
    }
    for (key, _, used) in before.iter().filter(|(key, _, _)| !after.iter().any(|(known, _, _)| known == key)) {
        let _ = key;
        found.note(Way::Wider, Some(&used.policy), "is in the chain no more".into(), &name);
    }
    let shared = |steps: &[((String, usize), &Link, &Use)], others: &[((String, usize), &Link, &Use)]| -> Vec<_> {
        let keys = steps.iter().map(|(key, _, _)| key.clone());
        keys.filter(|key| others.iter().any(|(other, _, _)| other == key)).collect()
    };
    if shared(&before, &after) != shared(&after, &before) {
        found.note(Way::Wider, None, "has its policies in another order".into(), &name);
    }
    match (old.responder(), new.responder()) {
        (Some(before), Some(after)) if before.policy == after.policy => {
            powers((old.report, before), (new.report, after), &name, found);
        }
        (_, Some(after)) => newcomer(new.report, after, "is new as responder", &name, found),
        (_, None) => {}
    }
}

fn on_error(before: OnError, after: OnError, policy: &str, route: &str, found: &mut Found) {
    match (before, after) {
        (OnError::Reject, OnError::Skip) => {
            found.note(Way::Wider, Some(policy), "is skipped when it fails".into(), route);
        }
        (OnError::Skip, OnError::Reject) => {
            found.note(Way::Narrower, Some(policy), "is skipped no more when it fails".into(), route);
        }
        _ => {}
    }
}

/// A policy where there was none: all it may do is new there.
fn newcomer(report: &Report, used: &Use, how: &str, route: &str, found: &mut Found) {
    found.note(Way::Wider, Some(&used.policy), how.to_owned(), route);
    for (words, fact) in facts(used, report) {
        if matches!(fact, Fact::Power(_)) {
            found.note(Way::Wider, Some(&used.policy), words, route);
        }
    }
}

/// What one use may do, before and after.
fn powers((old, before): (&Report, &Use), (new, after): (&Report, &Use), route: &str, found: &mut Found) {
    let policy = Some(after.policy.as_str());
    let (had, has) = (facts(before, old), facts(after, new));
    for (words, fact) in &has {
        let way = match fact {
            Fact::Power(_) if fact.is_in(words, &had) => continue,
            Fact::Power(_) => Way::Wider,
            Fact::Safeguard if had.contains_key(words) => continue,
            Fact::Safeguard => Way::Narrower,
            Fact::Amount(amount) => {
                amounts(words, had.get(words), Some(*amount), policy, route, found);
                continue;
            }
        };
        found.note(way, policy, words.clone(), route);
    }
    for (words, fact) in &had {
        lost(words, fact, &has, policy, route, found);
    }
    for (what, before, after) in [
        ("has another component", &before.digest, &after.digest),
        ("comes from elsewhere", &before.source, &after.source),
    ] {
        if before != after {
            found.note(Way::Other, policy, format!("{what}: {after}, before {before}"), route);
        }
    }
    if before.config != after.config {
        found.note(Way::Other, policy, format!("is configured otherwise: {}", after.config), route);
    }
}

fn lost(words: &str, fact: &Fact, has: &Facts, policy: Option<&str>, route: &str, found: &mut Found) {
    match fact {
        Fact::Power(_) if !fact.is_in(words, has) => {
            found.note(Way::Narrower, policy, format!("no more: {words}"), route);
        }
        Fact::Safeguard if !has.contains_key(words) => {
            found.note(Way::Wider, policy, format!("no more: {words}"), route);
        }
        _ => {}
    }
}

/// An amount that is new belongs to a power that is new, and that is said.
fn amounts(
    words: &str,
    before: Option<&Fact>,
    after: Option<u64>,
    policy: Option<&str>,
    route: &str,
    found: &mut Found,
) {
    let (Some(Fact::Amount(before)), Some(after)) = (before, after) else { return };
    let way = match after.cmp(before) {
        std::cmp::Ordering::Equal => return,
        std::cmp::Ordering::Greater => Way::Wider,
        std::cmp::Ordering::Less => Way::Narrower,
    };
    found.note(way, policy, format!("{words}: {after}, before {before}"), route);
}

/// What is of no route.
fn overall(old: &Report, new: &Report, found: &mut Found) {
    let (old, new) = (&old.content, &new.content);
    match (old.signatures_required, new.signatures_required) {
        (true, false) => drop(found.about(Way::Wider, None, "components need a signature no more".into())),
        (false, true) => drop(found.about(Way::Narrower, None, "components need a signature".into())),
        _ => {}
    }
    for (what, before, after) in
        [("lockgate", &old.lockgate, &new.lockgate), ("wasmtime", &old.wasmtime, &new.wasmtime)]
    {
        if before != after {
            let _ = found.about(Way::Other, None, format!("{what} is {after}, before {before}"));
        }
    }
}
