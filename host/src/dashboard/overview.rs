//! The overview: figures, charts and tables of what is asked about, each of which leads to a narrower question.

use std::time::SystemTime;

use askama::Template;

use super::chart::{self, Chart};
use super::tables::{self, Links, Table};
use super::{FILE_POLICY, STYLE, address, words};
use crate::report::{
    Answer, Asked, Compared, Figures, Pick, Query, QueryFault, Reader, Samples, StoreError, show_span,
};
use crate::telemetry::rfc3339;

const SPANS: [(&str, &str); 4] = [("-1h", "1 hour"), ("-24h", "24 hours"), ("-7d", "7 days"), ("-30d", "30 days")];
/// Unless the question says which: with all requests, and of errors.
const TABLES: [(&str, &str); 5] = [
    ("operation", "Operations"),
    ("api", "APIs"),
    ("consumer", "Consumers"),
    ("application", "Applications"),
    ("version", "Versions"),
];
const ERRORS: [(&str, &str); 3] =
    [("class", "Errors by class"), ("blame", "Who is to blame"), ("code", "Errors by status")];
/// Which speak of calls, not of requests.
const POLICIES: [(&str, &str); 3] =
    [("policy", "Policies"), ("verdict", "What policies said"), ("hook", "Hooks of policies")];
/// Rows that are read at least: errors are looked for among them.
const ROWS: usize = 200;

/// What is on record about a question.
pub(super) struct Read {
    answer: Answer,
    compared: Option<Compared>,
    errors: Samples,
    slowest: Samples,
    rows: usize,
    /// Whether the tables are the usual ones.
    is_usual: bool,
    /// Whether all figures are those of calls of policies.
    is_of_calls: bool,
}

pub(super) fn read(reader: &Reader, asked: &Asked, query: &Query) -> Result<Read, StoreError> {
    let (rows, is_usual) = (query.limit(), asked.by.is_empty());
    let words: Vec<_> = TABLES.iter().chain(&ERRORS).chain(&POLICIES[..2]).map(|(word, _)| *word).collect();
    let wanted = if is_usual { query.clone().by(&words) } else { query.clone() };
    Ok(Read {
        compared: reader.compare(query)?,
        errors: reader.samples(query, Pick::NewestErrors)?,
        slowest: reader.samples(query, Pick::Slowest)?,
        answer: reader.query(&wanted.rows(rows.max(ROWS)))?,
        rows,
        is_usual,
        is_of_calls: query.is_of_calls(),
    })
}

#[derive(Template)]
#[template(path = "dashboard/overview.html")]
struct Overview<'a> {
    policy: Option<&'static str>,
    is_file: bool,
    when: String,
    spans: Vec<Choice>,
    chips: Vec<Chip<'a>>,
    asked: &'a Asked,
    /// What a form for another span keeps.
    kept: Vec<(&'static str, &'a str)>,
    faults: &'a [QueryFault],
    is_kept: bool,
    content: Option<Content>,
    exports: Vec<Choice>,
}

/// What is to be seen.
struct Content {
    /// By which dimensions.
    by: Vec<&'static str>,
    span: String,
    is_empty: bool,
    figures: Vec<Figure>,
    compared: Option<String>,
    charts: Vec<Chart>,
    steps: Table,
    tables: Vec<Table>,
    errors: Vec<Table>,
    samples: Vec<Table>,
    unread: Vec<String>,
}

struct Choice {
    name: &'static str,
    link: String,
    is_current: bool,
}

/// A condition, and the question without it.
struct Chip<'a> {
    text: &'a str,
    link: String,
}

struct Figure {
    name: &'static str,
    value: String,
    note: String,
    change: Option<Change>,
}

struct Change {
    text: String,
    is_worse: bool,
}

pub(super) fn page(read: &Read, asked: &Asked, now: SystemTime, is_kept: bool) -> askama::Result<String> {
    let links = Links { asked, now, is_on: true };
    overview(asked, now, Some(content(read, &links)), &[], is_kept).render()
}

pub(super) fn file(read: &Read, asked: &Asked, now: SystemTime) -> askama::Result<String> {
    let links = Links { asked, now, is_on: false };
    let page = overview(asked, now, Some(content(read, &links)), &[], true);
    Overview { policy: Some(FILE_POLICY.as_str()), is_file: true, ..page }.render()
}

/// The page of a question nobody can answer.
pub(super) fn refused(asked: &Asked, faults: &[QueryFault]) -> askama::Result<String> {
    overview(asked, SystemTime::now(), None, faults, true).render()
}

fn overview<'a>(
    asked: &'a Asked,
    now: SystemTime,
    content: Option<Content>,
    faults: &'a [QueryFault],
    is_kept: bool,
) -> Overview<'a> {
    let is_current = |span: &str| asked.to.is_none() && asked.from.as_deref().unwrap_or("-24h") == span;
    let spans = SPANS.iter().map(|(from, name)| {
        let other = Asked { from: Some((*from).to_owned()), to: None, step: None, ..asked.clone() };
        Choice { name, link: address::write(&other), is_current: is_current(from) }
    });
    let chips = asked.conditions.iter().enumerate().map(|(at, text)| {
        let mut other = asked.clone();
        other.conditions.remove(at);
        Chip { text, link: address::write(&other) }
    });
    // What is told apart on the page is in what is the same.
    let by = content.as_ref().map(|content| content.by.join(",")).filter(|by| !by.is_empty());
    let query = address::write(&Asked { by: by.into_iter().collect(), ..asked.clone() });
    let query = query.trim_start_matches(['/', '?']);
    let export = |name, format: &str| {
        let link = if query.is_empty() {
            format!("/report?format={format}")
        } else {
            format!("/report?{query}&format={format}")
        };
        Choice { name, link, is_current: false }
    };
    Overview {
        policy: None,
        is_file: false,
        when: words::moment(&rfc3339(now)),
        spans: spans.collect(),
        chips: chips.collect(),
        asked,
        kept: address::fields(asked).into_iter().filter(|(name, _)| !["from", "to", "step"].contains(name)).collect(),
        faults,
        is_kept,
        content,
        exports: vec![export("CSV", "csv"), export("JSON", "json")],
    }
}

impl Overview<'_> {
    /// Spans that are longer than the one in which there is nothing.
    fn wider(&self) -> impl Iterator<Item = &Choice> {
        self.spans.iter().skip_while(|choice| !choice.is_current).skip(1)
    }
}

fn content(read: &Read, links: &Links<'_>) -> Content {
    let Read { answer, compared, errors, slowest, rows, is_usual, is_of_calls } = read;
    let table = |(by, title): &(&str, &str), only_errors: bool| {
        let table = answer.tables.iter().find(|table| table.by == *by)?;
        Some(tables::values(table, title, *rows, only_errors, links))
    };
    let has = |by: &str| answer.tables.iter().any(|table| table.by == by);
    // What an API has is told by its operations, where those can be told.
    let is_shown = |(by, _): &&(&str, &str)| !is_usual || !["api", "version"].contains(by) || !has("operation");
    let other = [("status", "Kinds of status")];
    let all: Vec<_> = TABLES.iter().filter(is_shown).filter_map(|it| table(it, false)).collect();
    let by_error = ERRORS.iter().chain(&other).filter_map(|it| table(it, *is_usual));
    let calls = POLICIES.iter().filter_map(|(by, title)| {
        let table = answer.tables.iter().find(|table| table.by == *by)?;
        Some(tables::calls(table, title, *rows, links))
    });
    let calls: Vec<_> = calls.filter(|table| !table.rows.is_empty()).collect();
    let (mut all, by_error) = match is_usual {
        true => (all, by_error.filter(|table| !table.rows.is_empty()).collect()),
        false => (all.into_iter().chain(by_error).collect(), Vec::new()),
    };
    all.extend(calls);
    let samples =
        [(&errors.samples, "newest-errors", "Newest errors"), (&slowest.samples, "slowest", "Slowest requests")];
    let samples = samples.into_iter().filter(|(samples, ..)| !samples.is_empty());
    let mut unread = errors.unread.clone();
    unread.extend(slowest.unread.iter().filter(|why| !errors.unread.contains(why)).cloned());
    Content {
        by: answer.tables.iter().map(|table| table.by).collect(),
        span: format!(
            "{} to {} UTC, in steps of {}",
            words::moment(&answer.from),
            words::moment(&answer.to),
            show_span(answer.step)
        ),
        is_empty: answer.total.requests == 0,
        figures: match is_of_calls {
            true => figures_of_calls(&answer.total, compared.as_ref()),
            false => figures(&answer.total, compared.as_ref()),
        },
        compared: compared.as_ref().map(|it| {
            let [from, to] = [&it.from, &it.to].map(|at| words::moment(at));
            format!("Change: {from} to {to} UTC, against the same hours a week before.")
        }),
        charts: chart::charts(answer, *is_of_calls),
        steps: tables::steps(answer),
        tables: all,
        errors: by_error,
        samples: samples.map(|(samples, id, title)| tables::samples(samples, id, title, links)).collect(),
        unread,
    }
}

/// Where calls of policies are asked about: those that fit, in their words.
fn figures_of_calls(it: &Figures, compared: Option<&Compared>) -> Vec<Figure> {
    let all = figures(it, compared).into_iter().take(5).map(|figure| match figure.name {
        "Requests" => Figure { name: "Calls of policies", ..figure },
        "Error rate" => Figure { name: "Fault rate", note: format!("{} faults", words::count(it.errors)), ..figure },
        _ => Figure { note: "of a call".into(), ..figure },
    });
    all.collect()
}

fn figures(it: &Figures, compared: Option<&Compared>) -> Vec<Figure> {
    let change = |of: fn(&Figures) -> Option<f64>, more_is_worse: bool| {
        let (now, before) = compared.and_then(|it| of(&it.now).zip(of(&it.before)))?;
        let is_worse = more_is_worse && now > before * 1.1;
        words::change(now, before).map(|text| Change { text, is_worse })
    };
    let time = |name, note: String, of: fn(&Figures) -> Option<f64>| Figure {
        name,
        value: words::time(of(it)),
        note,
        change: change(of, true),
    };
    let rate = compared.map(|it| (it.now.error_rate, it.before.error_rate));
    let median = |part: &Option<crate::report::Part>| {
        part.as_ref().map(|it| format!("p50 {}", words::duration(it.p50))).unwrap_or_default()
    };
    let tries = if it.retries > 0 { format!(", {} further tries", words::count(it.retries)) } else { String::new() };
    vec![
        Figure {
            name: "Requests",
            value: words::count(it.requests),
            note: if it.per_second > 0.0 { format!("{} a second", it.per_second) } else { String::new() },
            change: change(|it| Some(it.requests as f64), false),
        },
        Figure {
            name: "Error rate",
            value: words::part(it.error_rate),
            note: format!("{} errors", words::count(it.errors)),
            change: rate
                .map(|(now, before)| Change { text: words::points(now, before), is_worse: now > before * 1.1 + 1e-4 }),
        },
        time("p50", "whole request".into(), |it| it.total_us.as_ref().map(|it| it.p50)),
        time("p90", "whole request".into(), |it| it.total_us.as_ref().map(|it| it.p90)),
        time("p99", "whole request".into(), |it| it.total_us.as_ref().map(|it| it.p99)),
        time("Upstream p99", median(&it.upstream_us) + &tries, |it| it.upstream_us.as_ref().map(|it| it.p99)),
        time("Gateway p99", median(&it.gateway_us), |it| it.gateway_us.as_ref().map(|it| it.p99)),
        time("Policies", "mean".into(), |it| it.policy_us),
        Figure {
            name: "Received",
            value: words::bytes(it.bytes_in),
            note: "bodies of requests".into(),
            change: change(|it| Some(it.bytes_in as f64), false),
        },
        Figure {
            name: "Sent",
            value: words::bytes(it.bytes_out),
            note: "bodies of responses".into(),
            change: change(|it| Some(it.bytes_out as f64), false),
        },
    ]
}
