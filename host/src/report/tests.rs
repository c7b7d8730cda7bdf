//! Tests of the room as others use it: recorded, flushed, asked.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, UNIX_EPOCH};

use super::*;
use crate::telemetry::metrics::{CallOutcome, Hook};
use crate::telemetry::{Blame, Outcome, RequestId};

/// Noon of a day.
pub(crate) const NOON: u64 = 1_800_014_400;

/// A moment at which both clocks are so many seconds on.
pub(super) fn at(second: u64) -> Now {
    static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);
    Now { second, run: *BEGINNING + Duration::from_secs(second) }
}

impl Report {
    pub(super) fn flush_at(&mut self, second: u64) -> Result<(), StoreError> {
        self.flush_as(at(second))
    }
}

/// A request that was over at a second.
pub(crate) fn finished(second: u64) -> Finished {
    let text = |text: &str| Some(Arc::from(text));
    Finished {
        time: UNIX_EPOCH + Duration::from_secs(second),
        request: RequestId::Number(0xa1),
        trace: None,
        operation: of_api("petstore", "getPet"),
        consumer: text("shop"),
        application: text("web"),
        method: "GET",
        status: Some(200),
        class: "ok",
        outcome: Outcome::Ok,
        total_us: 1_000,
        upstream_us: Some(800),
        policy_us: 50,
        gateway_us: 200,
        bytes_in: 10,
        bytes_out: 100,
        retries: 0,
        generation: 1,
        client: Some(IpAddr::from([192, 0, 2, 1]).into()),
        calls: vec![Called { policy: "jwt".into(), hook: Hook::Request, outcome: CallOutcome::Edit, took_us: 40 }],
        calls_left_out: 0,
    }
}

/// An operation of an API.
pub(crate) fn of_api(api: &str, name: &str) -> Option<Arc<Operation>> {
    let (version, pattern) = ("1.2.0".into(), "/pets/{id}".into());
    Some(Arc::new(Operation { api: api.into(), version, name: name.into(), pattern }))
}

pub(crate) fn failed(second: u64) -> Finished {
    Finished {
        status: Some(502),
        class: "upstream_closed",
        outcome: Outcome::Fault(Blame::Upstream),
        upstream_us: None,
        ..finished(second)
    }
}

pub(super) fn report(state: &Path) -> Report {
    opened(state, Caps::default())
}

fn opened(state: &Path, caps: Caps) -> Report {
    let mut report = Report::with(state, caps);
    report.ready(NOON).unwrap();
    report
}

/// An answer at a bit after noon.
pub(super) fn asked(report: &Report, by: &str, conditions: &[&str]) -> Answer {
    let asked = Asked {
        by: if by.is_empty() { Vec::new() } else { vec![by.to_owned()] },
        conditions: conditions.iter().map(|it| (*it).to_owned()).collect(),
        ..Asked::default()
    };
    report.query(&Query::parse(&asked, UNIX_EPOCH + Duration::from_secs(NOON + 90)).unwrap()).unwrap()
}

/// Requests in each table of cells, counted in SQL.
pub(super) fn counts(folder: &Path) -> Vec<i64> {
    let connection = Connection::open(folder.join("report/rollup.db")).unwrap();
    let tables = rollup::Axis::ALL.into_iter().flat_map(|axis| Unit::ALL.map(|unit| store::table(axis, unit)));
    let count = |table| {
        let sql = format!("SELECT coalesce(sum(requests), 0) FROM {table}");
        connection.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    tables.map(count).collect()
}

#[test]
fn what_is_recorded_is_answered_once_it_is_flushed() {
    let state = tempfile::tempdir().unwrap();
    let mut report = report(state.path());
    let requests: Vec<_> = (1..=1000)
        .map(|n| Finished { total_us: n * 1_000, retries: u32::from(n == 1), ..finished(NOON + n % 60) })
        .collect();
    report.record_at(&requests, NOON);
    report.record_at(&[failed(NOON)], NOON);
    assert_eq!(asked(&report, "", &[]).total.requests, 0);
    report.flush_at(NOON).unwrap();
    let Answer { total, from, to, step, points, .. } = asked(&report, "", &[]);
    assert_eq!((&*from, &*to, step, points.len()), ("2027-01-14T12:00:00Z", "2027-01-15T13:00:00Z", 3_600, 25));
    assert_eq!((total.requests, total.errors, total.error_rate), (1001, 1, 0.000_999));
    assert_eq!((total.bytes_in, total.bytes_out, total.retries), (10_010, 100_100, 1));
    assert_eq!(total.per_second, 11.122, "over the 90 s since the first");
    assert_eq!(total.policy_us, Some(50.0));
    let (times, upstream) = (total.total_us.unwrap(), total.upstream_us.unwrap());
    for (read, exact) in [(times.p50, 500e3), (times.p90, 900e3), (times.p99, 990e3), (times.p999, 999e3)] {
        assert!((read - exact).abs() <= 0.011 * exact, "{read} for {exact}");
    }
    assert!((upstream.p99 - 800.0).abs() <= 8.8);
    assert_eq!((points[24].at.as_str(), points[24].figures.requests), ("2027-01-15T12:00:00Z", 1001));
    report.record_at(&requests, NOON);
    report.flush_at(NOON).unwrap();
    assert_eq!(asked(&report, "", &[]).total.requests, 2001, "a flush adds to what is there");
    let earlier = [NOON - 3 * 3_600 + 120, NOON - 50 * 86_400].map(finished);
    report.record_at(&earlier[..1], NOON);
    report.flush_at(NOON).unwrap();
    assert_eq!(asked(&report, "", &[]).total.per_second, 0.186, "over the 2 h and 59.5 min since then");
    report.record_at(&earlier[1..], NOON);
    report.flush_at(NOON).unwrap();
    assert_eq!(asked(&report, "", &[]).total.per_second, 0.023, "over the 24 h and 90 s that have passed");
}

#[test]
fn what_was_written_is_there_for_the_next_process_and_beside_it() {
    let state = tempfile::tempdir().unwrap();
    assert!(matches!(Reader::open(state.path()), Err(StoreError::Missing(_))));
    let mut first = report(state.path());
    first.record_at(&[finished(NOON)], NOON);
    first.flush_at(NOON).unwrap();
    let mut second = report(state.path());
    second.record_at(&[finished(NOON)], NOON);
    second.flush_at(NOON).unwrap();
    first.record_at(&[finished(NOON)], NOON);
    first.flush_at(NOON).unwrap();
    assert_eq!(counts(state.path()), [3; 9], "two that write at once lose nothing of each other");
    let query = Query::parse(&Asked::default(), UNIX_EPOCH + Duration::from_secs(NOON + 90)).unwrap();
    assert_eq!(Reader::open(state.path()).unwrap().query(&query).unwrap().total.requests, 3);
}

#[test]
fn requests_count_where_their_time_says_and_those_of_the_far_future_now() {
    let state = tempfile::tempdir().unwrap();
    let mut report = report(state.path());
    let at = [NOON, NOON - 7_200, NOON + 3_600, NOON + 10 * 365 * 86_400];
    report.record_at(&at.map(finished), NOON);
    report.flush_at(NOON).unwrap();
    assert_eq!(report.tally(), Tally { moved: 1, ..Tally::default() });
    let points = asked(&report, "", &[]).points;
    let busy: Vec<_> = points.iter().filter(|point| point.figures.requests > 0).collect();
    let busy: Vec<_> = busy.iter().map(|point| (&point.at[11..13], point.figures.requests)).collect();
    assert_eq!(busy, [("10", 1), ("12", 2)]);
    assert_eq!(counts(state.path()), [4; 9]);
}

#[test]
fn what_cannot_be_written_is_part_of_the_next_flush() {
    for (fault, mended, told) in [
        ("query_only = 1", "query_only = 0", "attempt to write a readonly database"),
        ("max_page_count = 1", "max_page_count = 1000000", "database or disk is full"),
    ] {
        let state = tempfile::tempdir().unwrap();
        let mut report = report(state.path());
        report.record_at(&[finished(NOON)], NOON);
        report.flush_at(NOON).unwrap();
        let many: Vec<_> =
            (0..500).map(|n| Finished { operation: of_api("petstore", &format!("op{n}")), ..failed(NOON) }).collect();
        report.record_at(&many, NOON);
        report.store.connection().unwrap().execute_batch(&format!("PRAGMA {fault}")).unwrap();
        let error = report.flush_at(NOON).unwrap_err();
        let path = state.path().join("report/rollup.db");
        assert_eq!(error.to_string(), format!("{} cannot be read or written: {told}", path.display()));
        assert_eq!(counts(state.path()), [1; 9], "{fault}: all of a flush or none");
        report.record_at(&many, NOON);
        report.store.connection().unwrap().execute_batch(&format!("PRAGMA {mended}")).unwrap();
        report.flush_at(NOON).unwrap();
        assert_eq!((counts(state.path()), report.tally()), (vec![1001; 9], Tally::default()), "{fault}");
    }
}

#[test]
fn what_comes_before_the_store_can_be_opened_waits_for_it() {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("report");
    std::fs::write(&folder, "a file where a folder should be").unwrap();
    let mut report = Report::new(state.path());
    for _ in 0..2 {
        report.record_at(&[failed(NOON)], NOON);
        assert!(matches!(report.flush_at(NOON), Err(StoreError::File { .. })));
    }
    assert!(matches!(Report::open(state.path()), Err(StoreError::File { .. })));
    std::fs::remove_file(folder).unwrap();
    report.flush_at(NOON).unwrap();
    assert_eq!((counts(state.path()), report.tally()), (vec![2; 9], Tally::default()));
}

#[test]
fn where_samples_cannot_be_written_sums_are_and_the_error_says_so() {
    let state = tempfile::tempdir().unwrap();
    let mut report = report(state.path());
    let path = state.path().join("report/samples-20270115.db");
    std::fs::create_dir(&path).unwrap();
    report.record_at(&[failed(NOON)], NOON);
    let error = report.flush_at(NOON).unwrap_err().to_string();
    let path = path.display();
    let told = "all requests are counted, but none is kept one by one";
    assert_eq!(error, format!("{told}: {path} cannot be read or written: unable to open database file: {path}"));
    assert_eq!(counts(state.path()), [1; 9]);
}

#[test]
fn what_waits_too_long_is_lost_and_counted() {
    let state = tempfile::tempdir().unwrap();
    let mut report = report(state.path());
    report.rollup = Rollup::bounded(6);
    let requests: Vec<_> = (0..5).map(|minute| failed(NOON + 60 * minute)).collect();
    report.record_at(&requests, NOON);
    report.record_at(&[failed(NOON + 60)], NOON);
    assert_eq!(report.tally(), Tally { lost: 3, samples_lost: 2, moved: 0 });
    report.flush_at(NOON).unwrap();
    assert_eq!(counts(state.path()), [3; 9], "those of minutes that have a place count");
    report.record_at(&requests, NOON);
    assert_eq!(report.tally().lost, 6, "there is place again");
}

#[test]
fn names_beyond_the_caps_are_counted_as_one_after_a_restart_too() {
    let state = tempfile::tempdir().unwrap();
    let caps = Caps { operations: 2, consumers: 2, applications: 3 };
    let of = |n: u64| {
        let name = |kind: &str| Some(format!("{kind}{n}").into());
        let operation = of_api("petstore", &format!("op{n}"));
        Finished { operation, consumer: name("c"), application: name("a"), ..finished(NOON) }
    };
    for round in 0..2 {
        let mut report = opened(state.path(), caps);
        let order: Vec<_> = if round == 0 { (0..4).collect() } else { (0..4).rev().collect() };
        report.record_at(&order.into_iter().map(of).collect::<Vec<_>>(), NOON);
        report.flush_at(NOON).unwrap();
        for (by, expected) in [
            ("operation", ["__other__", "petstore/op0", "petstore/op1"]),
            ("consumer", ["__other__", "c0", "c1"]),
            ("application", ["__other__", "c0/a0", "c1/a1"]),
        ] {
            let rows = &asked(&report, by, &[]).tables[0].rows;
            let names: Vec<_> = rows.iter().map(|row| &*row.name).collect();
            assert_eq!((names, rows[0].figures.requests), (expected.to_vec(), 2 * (round + 1)), "{by}");
        }
    }
}
