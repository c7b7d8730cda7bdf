//! Tests of reading samples: across days, with conditions, from damaged files.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use super::super::super::finished::{Called, Finished};
use super::super::super::sample::Call;
use super::super::super::tests::{NOON, failed, of_api, report};
use super::super::Asked;
use super::*;
use crate::telemetry::RequestId;
use crate::telemetry::metrics::{CallOutcome, Hook};

const DAY: u64 = 86_400;

fn query(text: &str) -> Query {
    let mut asked = Asked { from: Some("-3d".to_owned()), ..Asked::default() };
    for word in text.split_whitespace() {
        match word.strip_prefix("limit=") {
            Some(limit) => asked.limit = Some(limit.to_owned()),
            None => asked.conditions.push(word.to_owned()),
        }
    }
    Query::parse_of_samples(&asked, UNIX_EPOCH + Duration::from_secs(NOON + 90)).unwrap()
}

fn of(number: u64, second: u64) -> Finished {
    Finished { request: RequestId::Number(number), total_us: number * 1_000, ..failed(second) }
}

/// One of each of some days, the higher its number the older.
fn kept(requests: &[Finished]) -> tempfile::TempDir {
    let state = tempfile::tempdir().unwrap();
    let mut report = report(state.path());
    report.record_at(requests, NOON);
    report.flush_at(NOON).unwrap();
    state
}

fn numbers(state: &Path, text: &str, pick: Pick) -> Vec<u64> {
    let found = samples(&state.join("report"), &query(text), pick, &Interrupt::default()).unwrap();
    assert_eq!(found.unread, [""; 0]);
    found.samples.iter().map(|it| u64::from_str_radix(&it.id, 16).unwrap()).collect()
}

#[test]
fn samples_are_told_across_days_with_all_that_is_kept() {
    let state = kept(&[of(4, NOON - 4 * DAY), of(3, NOON - 2 * DAY), of(2, NOON - DAY), of(1, NOON), of(9, NOON - 60)]);
    assert_eq!(numbers(state.path(), "", Pick::Newest), [1, 9, 2, 3]);
    assert_eq!(numbers(state.path(), "limit=2", Pick::Newest), [1, 9]);
    assert_eq!(numbers(state.path(), "limit=1", Pick::Slowest), [9]);
    assert_eq!(numbers(state.path(), "limit=3", Pick::Slowest), [9, 3, 2]);
    let found = samples(&state.path().join("report"), &query("limit=1"), Pick::Newest, &Interrupt::default()).unwrap();
    let text = |text: &str| Some(text.to_owned());
    let expected = Sample {
        time: "2027-01-15T12:00:00.000000Z".to_owned(),
        time_us: NOON * 1_000_000,
        id: "0000000000000001".to_owned(),
        trace: None,
        api: text("petstore"),
        version: text("1.2.0"),
        operation: text("getPet"),
        consumer: text("shop"),
        application: text("web"),
        method: "GET".to_owned(),
        path: text("/pets/{id}"),
        status: Some(502),
        class: "upstream_closed".to_owned(),
        blame: "upstream".to_owned(),
        total_us: 1_000,
        upstream_us: None,
        policy_us: 50,
        gateway_us: 200,
        bytes_in: 10,
        bytes_out: 100,
        retries: 0,
        generation: 1,
        client: text("192.0.2.0/24"),
        policies: Said {
            calls: vec![Call { policy: "jwt".into(), hook: "request".into(), said: "edit".into(), us: 40 }],
            left_out: 0,
        },
    };
    assert_eq!(found.samples, [expected]);
}

#[test]
fn conditions_hold_for_samples_as_they_do_for_sums() {
    let name = |name: &str| Some(Arc::from(name));
    let odd = "x' OR 1=1 --";
    let state = kept(&[
        Finished { consumer: name(odd), ..of(1, NOON) },
        Finished { operation: None, status: Some(404), class: "no_route", ..of(2, NOON) },
        Finished { status: None, operation: of_api("a/b", "getPet"), ..of(3, NOON) },
    ]);
    for (text, expected) in [
        ("status=5xx", &[1][..]),
        ("policy=jwt verdict=edit,trap", &[1, 2, 3]),
        ("policy=jwt verdict=trap", &[]),
        ("hook=response", &[]),
        ("status=4xx,__none__", &[2, 3]),
        ("code=404", &[2]),
        ("blame=upstream", &[1, 2, 3]),
        ("blame=client", &[]),
        ("operation=petstore/getPet", &[1]),
        ("operation=a/b/getPet", &[3]),
        ("operation=getPet", &[1, 3]),
        ("operation=petstore/__none__", &[]),
        ("operation=__none__", &[2]),
        ("application=shop/web", &[2, 3]),
        ("class=no_route api=__none__", &[2]),
        ("consumer=shop status=5xx", &[]),
    ] {
        let mut found = numbers(state.path(), text, Pick::NewestErrors);
        found.sort_unstable();
        assert_eq!(found, expected, "{text}");
    }
    let asked = Asked { conditions: vec![format!("consumer={odd}")], ..Asked::default() };
    let query = Query::parse(&asked, UNIX_EPOCH + Duration::from_secs(NOON + 90)).unwrap();
    let folder = state.path().join("report");
    let found = samples(&folder, &query, Pick::Newest, &Interrupt::default()).unwrap();
    assert_eq!(found.samples.len(), 1);
}

#[test]
fn a_file_that_cannot_be_read_is_told_of_and_the_others_are() {
    let state = kept(&[of(3, NOON - 2 * DAY), of(2, NOON - DAY), of(1, NOON)]);
    let folder = state.path().join("report");
    fs::write(folder.join("samples-20270114.db"), "this was a database once, and is no more").unwrap();
    let found = samples(&folder, &query(""), Pick::Newest, &Interrupt::default()).unwrap();
    assert_eq!(found.samples.len(), 2);
    assert!(found.unread[0].contains("samples-20270114.db is damaged"), "{:?}", found.unread);
}

#[test]
fn one_is_found_by_its_name_and_its_time() {
    let state = kept(&[of(8, NOON - 13 * DAY), of(7, NOON - DAY), of(7, NOON), of(1, NOON)]);
    let folder = state.path().join("report");
    let now = UNIX_EPOCH + Duration::from_secs(NOON);
    let found = |id: &str, time| {
        let found = named(&folder, id, time, now, &Interrupt::default()).unwrap();
        found.samples.first().map(|it| it.time_us / 1_000_000)
    };
    let id = "0000000000000007";
    assert_eq!(found(id, None), Some(NOON));
    assert_eq!(found("0000000000000008", None), Some(NOON - 13 * DAY));
    assert_eq!(found(id, Some((NOON - DAY) * 1_000_000)), Some(NOON - DAY));
    assert_eq!([found(id, Some(5)), found(id, Some(u64::MAX)), found("' OR 1=1 --", None)], [None; 3]);
}

#[test]
fn nobody_reads_on_for_whom_it_is_over() {
    let state = kept(&[of(1, NOON)]);
    let interrupt = Interrupt::default();
    interrupt.end();
    assert!(samples(&state.path().join("report"), &query(""), Pick::Newest, &interrupt).is_err());
}

#[test]
fn operation_and_consumer_and_policy_are_asked_about_together() {
    let call = Called { policy: "quota".into(), hook: Hook::Request, outcome: CallOutcome::Pass, took_us: 1 };
    let shop = Finished { calls: vec![call], ..of(1, NOON) };
    let other = Finished { consumer: Some("depot".into()), ..of(2, NOON - 1) };
    let state = kept(&[shop, other, Finished { operation: of_api("orders", "list"), ..of(3, NOON - 2) }]);
    assert_eq!(numbers(state.path(), "operation=petstore/getPet consumer=shop", Pick::Newest), [1]);
    assert_eq!(numbers(state.path(), "operation=petstore/getPet consumer=shop,depot", Pick::Newest), [1, 2]);
    assert_eq!(numbers(state.path(), "operation=getPet,list consumer=shop policy=quota", Pick::Newest), [1]);
    let asked = Asked { conditions: vec!["operation=a".to_owned(), "consumer=b".to_owned()], ..Asked::default() };
    assert!(Query::parse(&asked, UNIX_EPOCH + Duration::from_secs(NOON)).is_err(), "sums are not asked so");
}

#[test]
fn one_of_a_name_is_found_by_an_index_also_where_the_file_is_of_before_there_was_one() {
    let state = kept(&[of(1, NOON)]);
    let path = state.path().join("report/samples-20270115.db");
    let plan = || -> String {
        let sql = "EXPLAIN QUERY PLAN SELECT * FROM sample WHERE request = '1' ORDER BY time DESC LIMIT 1";
        Connection::open(&path).unwrap().query_row(sql, [], |row| row.get("detail")).unwrap()
    };
    assert!(plan().contains("sample_request"), "{}", plan());
    Connection::open(&path).unwrap().execute_batch("DROP INDEX sample_request").unwrap();
    assert!(!plan().contains("sample_request"), "{}", plan());
    assert_eq!(numbers(state.path(), "", Pick::Newest), [1]);
    let mut report = report(state.path());
    report.record_at(&[of(2, NOON)], NOON);
    report.flush_at(NOON).unwrap();
    assert!(plan().contains("sample_request"), "{}", plan());
}
