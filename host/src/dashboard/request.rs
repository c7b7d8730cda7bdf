//! The page of one request: who is to blame, where its time went, and all else that is kept of it.

use std::time::{Duration, UNIX_EPOCH};

use askama::Template;

use super::tables::{self, Cell, Row, Table, head};
use super::{STYLE, address, words};
use crate::report::{Asked, Call, Said, Sample};
use crate::telemetry::rfc3339;

/// Before and after it, what else is looked at.
const AROUND: Duration = Duration::from_secs(15 * 60);

#[derive(Template)]
#[template(path = "dashboard/request.html")]
struct Page<'a> {
    policy: Option<&'static str>,
    title: String,
    /// Whether somebody should look at it.
    is_bad: bool,
    verdict: String,
    total: String,
    parts: Vec<Part>,
    /// The times in numbers, and what else there is a table of.
    tables: Vec<Table>,
    facts: Vec<(&'static str, String)>,
    links: Vec<(String, String)>,
    it: &'a Sample,
}

/// A part of the bar.
struct Part {
    name: &'static str,
    class: &'static str,
    x: String,
    width: String,
    us: u64,
}

pub(super) fn page(it: &Sample) -> askama::Result<String> {
    let what = format!("{} {}", it.method, it.path.as_deref().unwrap_or("without a route"));
    let answered = it.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let parts = parts(it);
    let page = Page {
        policy: None,
        title: format!("{what}: {answered}"),
        is_bad: it.blame != "ok" || it.status.is_none_or(|status| status >= 400),
        verdict: verdict(it),
        total: words::duration(it.total_us as f64),
        tables: std::iter::once(times(it, &parts)).chain(calls(it)).collect(),
        parts,
        facts: facts(it),
        links: links(it),
        it,
    };
    page.render()
}

fn verdict(it: &Sample) -> String {
    let class = &it.class;
    match &*it.blame {
        "ok" => match it.status {
            Some(status @ 400..) => format!(
                "The answer {status} came from the upstream or a responder, and went on as it was. The gateway found nothing wrong."
            ),
            _ => "It went well. It is kept since it took longer than nearly all others of its operation.".to_owned(),
        },
        "client" => format!("The client is to blame ({class}): what it sent, or that it went away."),
        "policy" => format!("A policy is to blame ({class}): it decided so."),
        "plugin" => format!("A policy is to blame ({class}): it broke, or took more than it may."),
        "upstream" => format!("The upstream is to blame ({class})."),
        "gateway" => format!("The gateway is to blame ({class})."),
        other => format!("{other} is to blame ({class})."),
    }
}

fn parts(it: &Sample) -> Vec<Part> {
    let head = it.upstream_us.unwrap_or_default() + it.policy_us + it.gateway_us;
    let all = [
        ("Upstream, until the head of its answer", "upstream", it.upstream_us.unwrap_or_default()),
        ("Policies", "policies", it.policy_us),
        ("Gateway", "gateway", it.gateway_us),
        ("Bodies, after the head of the answer", "bodies", it.total_us.saturating_sub(head)),
    ];
    let whole = it.total_us.max(head).max(1) as f64;
    let mut x = 0.0;
    all.map(|(name, class, us)| {
        let width = 1000.0 * us as f64 / whole;
        let part = Part { name, class, x: format!("{x:.1}"), width: format!("{width:.1}"), us };
        x += width;
        part
    })
    .into()
}

fn times(it: &Sample, parts: &[Part]) -> Table {
    let row = |name: &str, us: u64| Row {
        name: name.to_owned(),
        link: None,
        cells: vec![
            Cell::Text(words::duration(us as f64)),
            Cell::Text(words::part(us as f64 / it.total_us.max(1) as f64)),
        ],
    };
    let upstream = parts.iter().filter(|part| part.class != "upstream" || it.upstream_us.is_some());
    Table {
        id: "times".to_owned(),
        title: "Where the time went".to_owned(),
        caption: "Parts of the time, in the order of the bar".to_owned(),
        heads: vec![head("part", ""), head("time", "number"), head("of all", "number")],
        rows: upstream.map(|part| row(part.name, part.us)).chain([row("All of it", it.total_us)]).collect(),
        more: None,
    }
}

/// What each policy said, in order; none where none was asked.
fn calls(it: &Sample) -> Option<Table> {
    let Said { calls, left_out } = &it.policies;
    let row = |call: &Call| Row {
        name: call.policy.clone(),
        link: None,
        cells: vec![
            Cell::Text(call.hook.clone()),
            match &*call.said {
                "pass" | "edit" | "respond" | "waited" => Cell::Text(call.said.clone()),
                fault => Cell::Bad(fault.to_owned()),
            },
            Cell::Text(words::duration(call.us as f64)),
        ],
    };
    (!calls.is_empty()).then(|| Table {
        id: "policies".to_owned(),
        title: "What each policy said".to_owned(),
        caption: "Calls of policies, in their order; those for all pieces of a body are one".to_owned(),
        heads: vec![head("policy", ""), head("hook", ""), head("verdict", ""), head("time", "number")],
        rows: calls.iter().map(row).collect(),
        more: (*left_out > 0).then(|| (format!("{left_out} more calls"), None)),
    })
}

/// Everything, with what has a name of its own first.
fn facts(it: &Sample) -> Vec<(&'static str, String)> {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| words::NOTHING.to_owned());
    vec![
        ("Ended", format!("{} UTC", it.time.replace('T', " ").trim_end_matches('Z'))),
        ("Request", it.id.clone()),
        ("Trace", text(&it.trace)),
        ("API", text(&it.api)),
        ("Version", text(&it.version)),
        ("Operation", text(&it.operation)),
        ("Method", it.method.clone()),
        ("Pattern of the path", text(&it.path)),
        ("Consumer", text(&it.consumer)),
        ("Application", text(&it.application)),
        ("Status", it.status.map_or_else(|| "none was sent".to_owned(), |status| status.to_string())),
        ("Class", it.class.clone()),
        ("To blame", if it.blame == "ok" { "nobody".to_owned() } else { it.blame.clone() }),
        ("Further tries", it.retries.to_string()),
        ("Body of the request", words::bytes(it.bytes_in)),
        ("Body of the response", words::bytes(it.bytes_out)),
        ("Network of the client", text(&it.client)),
        ("Generation", it.generation.to_string()),
    ]
}

/// To what came about the same time.
fn links(it: &Sample) -> Vec<(String, String)> {
    let ended = UNIX_EPOCH + Duration::from_micros(it.time_us);
    let second = |time| Some(rfc3339(time)).filter(|_| it.time_us > 0);
    let around = |conditions: Vec<String>| {
        address::write(&Asked {
            from: second(ended - AROUND),
            to: second((ended + AROUND).min(std::time::SystemTime::now())),
            conditions,
            ..Asked::default()
        })
    };
    let is = |dimension: &str, value: &str| format!("{dimension}={}", address::escaped(value));
    let operation = it.operation.as_deref().zip(it.api.as_deref()).map(|(operation, api)| {
        let named = format!("{api}/{operation}");
        (format!("{named}, a quarter of an hour before and after"), around(vec![is("operation", &named)]))
    });
    let class = (format!("All of class {} about that time", it.class), around(vec![is("class", &it.class)]));
    let consumer = it.consumer.as_deref().map(|consumer| {
        (format!("All of consumer {consumer} about that time"), around(vec![is("consumer", consumer)]))
    });
    operation.into_iter().chain([class]).chain(consumer).collect()
}
