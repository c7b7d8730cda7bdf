//! Tests of pages as they are made from what is on record.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::report::{Finished, Operation, Report};
use crate::telemetry::{Blame, Outcome, RequestId};

fn finished(consumer: &str, operation: &str) -> Finished {
    let text = |text: &str| Some(Arc::from(text));
    Finished {
        time: SystemTime::now(),
        request: RequestId::Number(0xa1),
        trace: None,
        operation: Some(Arc::new(Operation {
            api: "petstore".into(),
            version: "1".into(),
            name: operation.into(),
            pattern: "/pets/{id}".into(),
        })),
        consumer: text(consumer),
        application: text("web"),
        method: "GET",
        status: Some(200),
        class: "ok",
        outcome: Outcome::Ok,
        total_us: 1_000,
        upstream_us: Some(800),
        policy_us: 50,
        gateway_us: 100,
        bytes_in: 10,
        bytes_out: 100,
        retries: 0,
        generation: 1,
        client: None,
        calls: Vec::new(),
        calls_left_out: 0,
    }
}

fn failed(consumer: &str) -> Finished {
    let outcome = Outcome::Fault(Blame::Upstream);
    Finished { status: Some(502), class: "upstream_closed", outcome, upstream_us: None, ..finished(consumer, "getPet") }
}

fn kept(requests: &[Finished]) -> (tempfile::TempDir, Place) {
    let state = tempfile::tempdir().unwrap();
    let mut report = Report::new(state.path());
    report.record(requests);
    report.flush().unwrap();
    let place = Place { state: Some(state.path().to_owned()), is_kept: true };
    (state, place)
}

fn shown(place: &Place, query: &str, status: u16) -> String {
    let shown = place.overview(query, &Interrupt::default());
    assert_eq!(shown.status.as_u16(), status, "{}", shown.html);
    shown.html
}

/// Headings of the tables and charts of a page.
fn titles(html: &str) -> Vec<&str> {
    html.split("<h2 ")
        .skip(1)
        .filter_map(|rest| rest.split_once('>')?.1.split_once('<'))
        .map(|(title, _)| title)
        .collect()
}

#[test]
fn a_page_has_the_tables_that_its_conditions_allow() {
    let (_state, place) = kept(&[finished("shop", "getPet"), failed("shop")]);
    let errors = ["Errors by class", "Who is to blame", "Errors by status"];
    let samples = ["Newest errors", "Slowest requests"];
    let charts = ["Requests and errors", "Time of the whole request", "The numbers of the charts"];
    for (query, tables) in [
        ("", &["Operations", "Consumers", "Applications"][..]),
        ("where=operation%3DgetPet", &["Operations"]),
        ("where=consumer%3Dshop", &["APIs", "Consumers", "Applications", "Versions"]),
    ] {
        assert_eq!(titles(&shown(&place, query, 200)), [&charts, tables, &errors, &samples].concat(), "{query}");
    }
    let asked = shown(&place, "by=class", 200);
    assert_eq!(titles(&asked), [&charts[..], &["Errors by class"], &samples].concat());
    assert!(asked.contains(">ok</a>") && asked.contains(">upstream_closed</a>"));
    // The scales of two requests and one error.
    assert!(asked.contains("text-anchor=\"end\">2</text>") && !asked.contains("text-anchor=\"end\">4</text>"));
    // Unless it is asked for, what went well is no error.
    assert!(!shown(&place, "", 200).contains(">ok</a>"));
}

#[test]
fn a_name_leads_to_it_alone_and_a_condition_away_from_it() {
    let (_state, place) = kept(&[finished("CN=shop,O=A&B", "getPet"), failed("depot")]);
    let html = shown(&place, "from=-1h&where=api%3Dpetstore", 200);
    for link in [
        "/?from=-1h&#38;where=api%3Dpetstore&#38;where=consumer%3DCN%3Dshop%5C%2CO%3DA%26B\">CN=shop,O=A&#38;B</a>",
        "/?from=-1h&#38;where=api%3Dpetstore&#38;where=code%3D502\">502</a>",
        "/?from=-1h\" aria-label=\"Without api=petstore\"",
        "/?from=-24h&#38;where=api%3Dpetstore\">24 hours</a>",
        "consumer%2Capplication%2Cversion%2Cclass%2Cblame%2Ccode%2Cpolicy%2Cverdict&#38;from=-1h&#38;where=api%3Dpetstore&#38;format=csv\">CSV</a>",
    ] {
        assert!(html.contains(link), "{link} in {html}");
    }
    let narrowed = shown(&place, "where=consumer%3DCN%3Dshop%5C%2CO%3DA%26B", 200);
    assert!(narrowed.contains("<dt>Requests</dt><dd><b>1</b>"), "{narrowed}");
}

#[test]
fn what_does_not_fit_is_counted() {
    let many: Vec<_> = (0..7).map(|n| finished(&format!("c{n}"), "getPet")).collect();
    let (_state, place) = kept(&many);
    let html = shown(&place, "limit=3", 200);
    let all = "/?by=consumer&#38;limit=1000\">4 more, with 4 requests and 0 errors</a>";
    assert!(html.contains(all) && !html.contains(">c3</a>"), "{html}");
    assert!(shown(&place, "by=consumer&limit=1000", 200).contains(">c6</a>"));
}

#[test]
fn what_cannot_be_answered_is_said_in_place_with_advice() {
    let (_state, place) = kept(&[finished("shop", "getPet")]);
    let html = shown(&place, "form=-1h&by=opration&where=operation%3Da&where=consumer%3D%3Cb%3E&from=soon", 400);
    for said in
        ["did you mean `from`?", "did you mean `operation`?", "cannot both be asked about", "&#34;soon&#34; is no time"]
    {
        assert!(html.contains(said), "{said} in {html}");
    }
    assert!(html.contains("consumer=&#60;b&#62;") && html.contains("value=\"soon\"") && !html.contains("<b>"));
}

#[test]
fn the_week_before_is_compared_with_where_there_is_one() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let ago = |time: Duration| Finished { time: SystemTime::now() - time, ..finished("shop", "getPet") };
    let (_state, place) = kept(&[ago(2 * HOUR), ago(2 * HOUR), ago((7 * 24 + 2) * HOUR)]);
    let html = shown(&place, "", 200);
    assert!(html.contains("against the same hours a week before") && html.contains("+100\u{a0}%"), "{html}");
    let (_state, place) = kept(&[ago(2 * HOUR)]);
    assert!(shown(&place, "", 200).contains("nothing of the week before to compare with"));
}

#[test]
fn a_store_that_cannot_be_read_is_no_empty_page() {
    let (state, place) = kept(&[failed("shop")]);
    let folder = state.path().join("report");
    let damage = |name: &str| {
        let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let files: Vec<_> =
            entries.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(name)).collect();
        files.iter().for_each(|file| fs::write(file, "this was a database once, and is no more").unwrap());
    };
    damage("samples-");
    let html = shown(&place, "", 200);
    assert!(html.contains("are not shown:") && html.contains("is damaged") && html.contains("Operations"), "{html}");
    damage("rollup");
    assert!(shown(&place, "", 503).contains("is damaged"));
}

#[test]
fn without_an_account_the_page_says_how_to_keep_one() {
    let state = tempfile::tempdir().unwrap();
    let place = |is_kept| Place { state: Some(state.path().to_owned()), is_kept };
    assert!(shown(&place(false), "", 200).contains("[analytics]"));
    assert!(shown(&place(true), "", 200).contains("every five seconds"));
    assert!(shown(&Place { state: None, is_kept: true }, "", 200).contains("[analytics]"));
    // What is there from before is shown, and that it does not go on.
    let (_state, before) = kept(&[finished("shop", "getPet")]);
    assert!(shown(&Place { is_kept: false, ..before }, "", 200).contains("No account of requests is kept at present"));
}

#[test]
fn browsers_are_told_of_the_one_style_there_is() {
    let html = Message::of(Why::Spent).shown().html;
    let (_, style) = html.split_once("<style>").unwrap();
    let hash = STANDARD.encode(Sha256::digest(style.split_once("</style>").unwrap().0));
    assert!(POLICY.contains(&format!("'sha256-{hash}'")) && html.matches("<style>").count() == 1);
}

#[test]
fn one_request_says_who_is_to_blame_and_where_its_time_went() {
    let mut slow = finished("shop", "getPet");
    slow.request = RequestId::Number(0xb2);
    slow.status = Some(404);
    let (_state, place) = kept(&[failed("shop"), slow]);
    let page = |query: &str| place.request(query, &Interrupt::default());
    let html = page("id=00000000000000a1").html;
    assert!(html.contains("The upstream is to blame (upstream_closed).") && html.contains("class=\"note bad\""));
    // No upstream was asked.
    assert!(!html.contains("Upstream, until the head of its answer</th>"), "{html}");
    let html = page("id=00000000000000b2").html;
    assert!(html.contains("The answer 404 came from the upstream or a responder"));
    for row in [
        "Policies</th><td class=\"number\">50\u{a0}µs",
        "after the head of the answer</th><td class=\"number\">50\u{a0}µs",
    ] {
        assert!(html.contains(row), "{row} in {html}");
    }
    assert!(html.contains("where=operation%3Dpetstore%2FgetPet"), "{html}");
    for (query, status) in [("id=a1", 404), ("", 400), ("id=a1&time=noon", 400), ("id=a1&x=y", 400)] {
        assert_eq!(page(query).status.as_u16(), status, "{query}");
    }
}
