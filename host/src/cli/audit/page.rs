//! Owns the audit as a page: one file that needs nothing else, to be read in a browser, printed and signed.

use askama::Template;

use super::report::{Content, OnError, Report, Route, Sharing, Use};
use super::words::{self, FAILURES, Topic, matched, topics};

/// The template is `host/templates/audit.html`; what it shows is escaped by the suffix.
#[derive(Template)]
#[template(path = "audit.html")]
struct Page<'a> {
    digest: &'a str,
    content: &'a Content,
    failures: &'static str,
    signatures: String,
    routes: Vec<Row<'a>>,
    policies: Vec<Card<'a>>,
    /// What a reader should not miss.
    notes: Vec<Note>,
}

struct Row<'a> {
    name: String,
    matched: String,
    to: &'a str,
    servers: Option<String>,
    upgrades: Option<String>,
    chain: Vec<Step<'a>>,
    responder: Option<Anchor<'a>>,
}

struct Step<'a> {
    policy: Anchor<'a>,
    skips: bool,
}

/// A policy that is described elsewhere on the page.
struct Anchor<'a> {
    id: &'a str,
    /// Its place among the policies.
    at: usize,
}

struct Card<'a> {
    used: &'a Use,
    api: &'a str,
    is_pooled: bool,
    topics: Vec<Topic>,
    routes: Vec<String>,
}

/// A number at the top of the page.
struct Note {
    count: usize,
    what: &'static str,
    /// Whether more than none of it needs a look.
    is_warning: bool,
}

pub(super) fn page(report: &Report) -> askama::Result<String> {
    let content = &report.content;
    let page = Page {
        digest: &report.digest,
        content,
        failures: FAILURES,
        signatures: words::signatures(report),
        routes: content.routes.iter().map(|route| row(route, report)).collect(),
        policies: content.uses.iter().map(|used| card(used, report)).collect(),
        notes: notes(content),
    };
    page.render()
}

fn row<'a>(route: &'a Route, report: &Report) -> Row<'a> {
    let anchor =
        |id: &'a str| Anchor { id, at: report.content.uses.iter().position(|used| used.id == id).unwrap_or_default() };
    Row {
        name: route.name(),
        matched: matched(route),
        to: &route.to,
        servers: words::servers(route, report),
        upgrades: words::upgrades(route),
        chain: route
            .chain
            .iter()
            .map(|link| Step { policy: anchor(&link.id), skips: link.on_error == OnError::Skip })
            .collect(),
        responder: route.responder.as_deref().map(anchor),
    }
}

fn card<'a>(used: &'a Use, report: &Report) -> Card<'a> {
    let is_on = |route: &&Route| {
        route.chain.iter().any(|link| link.id == used.id) || route.responder.as_deref() == Some(used.id.as_str())
    };
    Card {
        used,
        api: if used.api.is_empty() { "the gateway's own chain" } else { &used.api },
        is_pooled: used.isolation.mode == Sharing::Pooled,
        topics: topics(used, report),
        routes: names(report.content.routes.iter().filter(is_on)),
    }
}

/// In the order of the rows, of which a route has one for each host.
fn names<'a>(routes: impl Iterator<Item = &'a Route>) -> Vec<String> {
    let mut names = Vec::new();
    for name in routes.map(Route::name) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn notes(content: &Content) -> Vec<Note> {
    let note = |count, what, is_warning| Note { count, what, is_warning: is_warning && count > 0 };
    let is_exchangeable = |used: &&Use| !used.pinned && !used.source.starts_with("builtin:");
    let exchangeable = content.uses.iter().filter(is_exchangeable).count();
    let spare = content.uses.iter().filter(|used| !used.spare.is_empty()).count();
    vec![
        note(names(content.routes.iter().filter(|route| !route.api.is_empty())).len(), "routes", false),
        note(content.uses.len(), "policies in use", false),
        note(content.services.len(), "services they may ask", false),
        note(content.skips.len(), "skipped when they fail", true),
        note(content.uses.iter().filter(|used| used.isolation.mode == Sharing::Pooled).count(), "pooled", false),
        note(exchangeable, "not pinned", !content.signatures_required),
        note(spare, "granted more than they use", true),
        note(content.unused.len(), "declared and not used", true),
    ]
}
