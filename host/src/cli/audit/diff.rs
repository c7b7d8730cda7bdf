//! Owns the comparison of two audits: what widened, what narrowed, and what is merely another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde::Serialize;

use super::super::out::plain;
use super::facts::{Fact, facts, narrower, union, wider};
use super::report::{Link, OnError, Report, Route, Use};
use super::words::{comes, leads_to, leaves_out, matched, pauses, upgrades};

/// Routes that a line tells; of more there is their number. JSON has them all.
const MOST_ROUTES: usize = 4;

#[derive(Debug, Default, Serialize)]
pub(crate) struct Diff {
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
    pub(crate) fn of(old: &Report, new: &Report) -> Self {
        let mut found = Found::default();
        let (before, after) = (by_name(old), by_name(new));
        for (name, after) in &after {
            match before.get(name) {
                Some(before) => compare(before, after, &mut found),
                None => {
                    found.note(Way::Wider, None, format!("is new: {}", after.described()), name);
                    after.uses().for_each(|used| elsewhere(old, (new, used), name, &mut found));
                }
            }
        }
        for (name, before) in before.iter().filter(|(name, _)| !after.contains_key(*name)) {
            found.note(Way::Narrower, None, format!("is gone: {}", before.described()), name);
        }
        overall(old, new, &mut found);
        listeners(old, new, &mut found);
        upstreams(old, new, &mut found);
        found.into_diff()
    }

    pub(crate) fn widens(&self) -> bool {
        !self.widened.is_empty()
    }

    pub(crate) fn text(&self) -> String {
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
    /// Of its first host; for the others it is the same.
    route: &'a Route,
    /// For each of its hosts what it is for.
    matched: BTreeSet<String>,
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

    fn leads_to(&self) -> String {
        leads_to(self.route, self.report)
    }

    fn matched(&self) -> String {
        self.matched.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    fn described(&self) -> String {
        let upgrades = upgrades(self.route).map(|upgrades| format!(", {upgrades}")).unwrap_or_default();
        format!("{} leads to {}{upgrades}", self.matched(), self.leads_to())
    }

    fn uses(&self) -> impl Iterator<Item = &'a Use> {
        self.steps().into_iter().map(|(_, _, used)| used).chain(self.responder())
    }
}

fn by_name(report: &Report) -> BTreeMap<String, Side<'_>> {
    let mut sides = BTreeMap::new();
    for route in &report.content.routes {
        let side = sides.entry(route.name()).or_insert_with(|| Side { report, route, matched: BTreeSet::new() });
        side.matched.insert(matched(route));
    }
    sides
}

/// One route, before and after.
fn compare(old: &Side<'_>, new: &Side<'_>, found: &mut Found) {
    let name = new.route.name();
    for (what, before, after) in
        [("is for other requests", old.matched(), new.matched()), ("leads elsewhere", old.leads_to(), new.leads_to())]
    {
        if before != after {
            // Whether other requests are fewer nobody can say in general.
            found.note(Way::Wider, None, format!("{what}: {after}, before {before}"), &name);
        }
    }
    upgraded(old.route, new.route, &name, found);
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

fn upgraded(old: &Route, new: &Route, name: &str, found: &mut Found) {
    for protocol in new.upgrades.iter().filter(|protocol| !old.upgrades.contains(protocol)) {
        found.note(Way::Wider, None, format!("may be upgraded to {protocol}"), name);
    }
    for protocol in old.upgrades.iter().filter(|protocol| !new.upgrades.contains(protocol)) {
        found.note(Way::Narrower, None, format!("may be upgraded to {protocol} no more"), name);
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

/// A policy on a route that is new: what it may do there, compared with all it might on others. Only what is more is
/// told; it is no less on these.
fn elsewhere(old: &Report, (new, used): (&Report, &Use), route: &str, found: &mut Found) {
    let before = old.content.uses.iter().filter(|earlier| earlier.policy == used.policy);
    match union(before.map(|earlier| facts(earlier, old))) {
        Some(had) => {
            let more = wider(&had, &facts(used, new));
            more.into_iter().for_each(|words| found.note(Way::Wider, Some(&used.policy), words, route));
        }
        None => newcomer(new, used, "is new", route, found),
    }
}

/// What one use may do, before and after.
fn powers((old, before): (&Report, &Use), (new, after): (&Report, &Use), route: &str, found: &mut Found) {
    let policy = Some(after.policy.as_str());
    let (had, has) = (facts(before, old), facts(after, new));
    wider(&had, &has).into_iter().for_each(|words| found.note(Way::Wider, policy, words, route));
    narrower(&had, &has).into_iter().for_each(|words| found.note(Way::Narrower, policy, words, route));
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
    if let (Some(before), Some(after)) = (&before.rollout, &after.rollout)
        && before != after
    {
        found.note(Way::Other, policy, format!("{}; before {}", comes(after), comes(before)), route);
    }
    if before.breaker != after.breaker {
        found.note(
            Way::Other,
            policy,
            format!("{}; before {}", pauses(&after.breaker), pauses(&before.breaker)),
            route,
        );
    }
}

/// What is of no route.
fn overall(old: &Report, new: &Report, found: &mut Found) {
    let (old, new) = (&old.content, &new.content);
    match (old.signatures_required, new.signatures_required) {
        (true, false) => drop(found.about(Way::Wider, None, "components need a signature no more".into())),
        (false, true) => drop(found.about(Way::Narrower, None, "components need a signature".into())),
        (false, false) => {}
        (true, true) => {
            for key in new.trusted_keys.iter().filter(|key| !old.trusted_keys.contains(key)) {
                let _ = found.about(Way::Wider, None, format!("components may be signed with the key {key}"));
            }
            for key in old.trusted_keys.iter().filter(|key| !new.trusted_keys.contains(key)) {
                let _ =
                    found.about(Way::Narrower, None, format!("components may be signed no more with the key {key}"));
            }
        }
    }
    for (what, before, after) in
        [("lockgate", &old.lockgate, &new.lockgate), ("wasmtime", &old.wasmtime, &new.wasmtime)]
    {
        if before != after {
            let _ = found.about(Way::Other, None, format!("{what} is {after}, before {before}"));
        }
    }
}

/// Where requests come in, as far as both audits tell that.
fn listeners(old: &Report, new: &Report, found: &mut Found) {
    let (old, new) = (&old.content.listeners, &new.content.listeners);
    if old.is_empty() {
        return;
    }
    let mut note = |way, name: &str, words: &str| {
        let _ = found.about(way, None, format!("the listener {name} {words}"));
    };
    for after in new {
        let name = after.name.as_str();
        let Some(before) = old.iter().find(|before| before.name == after.name) else {
            note(Way::Wider, name, &format!("is new, and listens at {}", after.address));
            continue;
        };
        let (had, has) = (before.facts(), after.facts());
        wider(&had, &has).iter().for_each(|words| note(Way::Wider, name, words));
        narrower(&had, &has).iter().for_each(|words| note(Way::Narrower, name, words));
        for (before, after) in before.terms().iter().zip(after.terms()).filter(|(before, after)| *before != after) {
            note(Way::Other, name, &format!("{after}; before {before}"));
        }
    }
    for before in old.iter().filter(|before| !new.iter().any(|after| after.name == before.name)) {
        note(Way::Narrower, &before.name, &format!("is gone, and listened at {}", before.address));
    }
}

/// When targets of upstreams are left out, as far as both audits tell that. Where they are, routes say.
fn upstreams(old: &Report, new: &Report, found: &mut Found) {
    for after in &new.content.upstreams {
        let before = old.content.upstreams.iter().find(|before| before.name == after.name);
        let (Some(before), Some(eject)) = (before.and_then(|before| before.eject.as_ref()), &after.eject) else {
            continue;
        };
        if before != eject {
            let words = format!("the upstream {}: {}; before {}", after.name, leaves_out(eject), leaves_out(before));
            let _ = found.about(Way::Other, None, words);
        }
    }
}
