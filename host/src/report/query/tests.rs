//! Tests of questions: what is understood, what is refused and with what advice, and what is answered.

use std::time::{Duration, UNIX_EPOCH};

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::tests::{NOON, asked, failed, finished, of_api, report};
use super::super::{Finished, Report};
use super::*;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOON + 90)
}

/// `key=value` of the question, separated by spaces.
fn question(text: &str) -> Asked {
    let mut asked = Asked::default();
    for word in text.split_whitespace() {
        let (key, value) = word.split_once('=').unwrap();
        let value = value.to_owned();
        match key {
            "by" => asked.by.push(value),
            "from" => asked.from = Some(value),
            "to" => asked.to = Some(value),
            "step" => asked.step = Some(value),
            "where" => asked.conditions.push(value),
            "limit" => asked.limit = Some(value),
            other => panic!("{other}"),
        }
    }
    asked
}

fn parse(text: &str) -> Result<Query, Vec<String>> {
    Query::parse(&question(text), now()).map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

fn answered(report: &Report, text: &str) -> Answer {
    report.query(&parse(text).unwrap()).unwrap()
}

#[test]
fn steps_fit_the_range_and_rows_that_are_kept() {
    for (text, step, unit, points) in [
        ("from=-30m", 60, Unit::Minute, 31),
        ("from=-6h", 300, Unit::Minute, 73),
        ("", 3_600, Unit::Hour, 25),
        ("from=-7d", 3_600, Unit::Hour, 169),
        ("from=-30d", 6 * 3_600, Unit::Hour, 121),
        ("from=-90d", 86_400, Unit::Day, 91),
        ("from=-1095d", 7 * 86_400, Unit::Day, 158),
        ("from=-60h to=-59h", 3_600, Unit::Hour, 2),
        ("from=-100d to=-99d", 86_400, Unit::Day, 2),
        ("step=15m", 900, Unit::Minute, 97),
        ("from=-2d step=2h", 7_200, Unit::Hour, 25),
        ("from=2027-01-10 to=2027-01-12T00:00:00Z step=1d", 86_400, Unit::Day, 2),
    ] {
        let query = parse(text).unwrap();
        assert_eq!((query.step, query.unit), (step, unit), "{text}");
        assert_eq!((query.to - query.from) / query.step, points, "{text}");
        assert!(query.from.is_multiple_of(step) && query.to.is_multiple_of(step));
    }
}

#[test]
fn every_fault_is_told_at_once_with_advice() {
    let told =
        parse("by=operatoin,planet where=status=404 where=blame=upsteam where=x from=yesterday limit=0").unwrap_err();
    let expected = [
        r#"where: "404" is a code; write `code=404`"#,
        r#"where: no blame is called "upsteam"; did you mean `blame=upstream`?"#,
        r#"where: "x" has no `=`; write `status=5xx` or `api=petstore,orders`"#,
        r#"by: nothing is counted by "operatoin"; did you mean `operation`?"#,
        r#"by: nothing is counted by "planet"; there are api, version, operation, consumer, application, status, code, class, blame, policy, hook, verdict"#,
        r#"limit: "0" is no number of rows; write one from 1 to 10000"#,
        r#"from: "yesterday" is no time; write `-24h`, `-30m`, `-7d`, `now`, `2026-01-31` or `2026-01-31T12:00:00Z`"#,
    ];
    assert_eq!(told, expected);
}

#[test]
fn ranges_and_steps_that_make_no_sense_are_refused() {
    for (text, told) in [
        ("from=-1h to=-2h", "from: the range ends before it begins; have `from` be before `to`"),
        ("from=2027-02-01 to=2027-02-02", "from: nothing of the future is known; have `from` be in the past"),
        ("to=2030-01-01", "to: it is more than a day ahead; write `now`, or leave it out"),
        ("from=1970-01-01", "from: nothing is kept for more than 1095 days; have it be later"),
        ("step=30s", "step: \"30s\" is no number of whole minutes; write `1m`, `15m`, `1h` or `1d`"),
        ("step=0m", "step: \"0m\" is no number of whole minutes; write `1m`, `15m`, `1h` or `1d`"),
        ("step=2d", "step: \"2d\" is longer than the range; write one of at most 1d"),
        (
            "step=1m",
            "step: 1440 points are more than the 500 an answer may have; write `5m` or longer, or a shorter range",
        ),
        ("from=-3d step=15m", "step: minutes are kept for 2d only; write a multiple of `1h`, or a later `from`"),
        ("from=-100d step=6h", "step: hours are kept for 90d only; write a multiple of `1d`, or a later `from`"),
        ("where=consumer=", "where: `consumer=` has an empty value; write `consumer=__none__` for what has none"),
        ("where=status=6x", "where: \"6x\" is no kind of status; write `status=5xx`, or `code=503`"),
        ("where=code=5xx", "where: \"5xx\" is no status code; write `code=503`, or `status=5xx`"),
    ] {
        assert_eq!(parse(text).unwrap_err(), [told], "{text}");
    }
    let values = ["a"; 101].join(",");
    assert!(parse(&format!("where=api={values}")).unwrap_err()[0].contains("101 values are more than the 100"));
}

#[test]
fn what_no_axis_has_together_is_refused_and_says_why() {
    const WHY: &str =
        "requests are counted by operation and by consumer, never by both together, and calls of policies apart";
    for (text, told) in [
        (
            "where=operation=getPet where=consumer=shop",
            format!(
                "where: `operation=` and `consumer=` cannot both be asked about: {WHY}; write `api=` in place of `operation=`, or leave it out"
            ),
        ),
        (
            "by=application where=operation=getPet",
            format!(
                "by: `application` cannot be told apart where `operation=` is given: {WHY}; write `api=` in place of `operation=`, or leave it out"
            ),
        ),
        (
            "by=operation where=application=web",
            format!(
                "by: `operation` cannot be told apart where `application=` is given: {WHY}; ask by `api` or `version`, or leave the condition out"
            ),
        ),
        (
            "by=status where=policy=jwt",
            format!(
                "by: `status` cannot be told apart where `policy=` is given: {WHY}; ask by `api` or `version`, or leave the condition out"
            ),
        ),
    ] {
        assert_eq!(parse(text).unwrap_err(), [told], "{text}");
    }
    assert!(parse("by=policy,operation,verdict where=api=petstore where=blame=ok").is_ok());
    assert!(parse("by=operation,consumer where=status=5xx,4xx where=api=petstore").is_ok());
}

/// Two APIs, three consumers, some errors.
fn filled(state: &std::path::Path) -> Report {
    let mut report = report(state);
    let mut all = Vec::new();
    for (n, (api, operation, consumer)) in [
        ("petstore", "getPet", "shop"),
        ("petstore", "addPet", "shop"),
        ("orders", "getPet", "depot"),
        ("orders", "list", "kiosk"),
    ]
    .into_iter()
    .enumerate()
    {
        let names = |it| Finished { operation: of_api(api, operation), consumer: Some(consumer.into()), ..it };
        let n = n as u64 + 1;
        all.extend((0..10 * n).map(|at| names(finished(NOON - 3_600 * (at % 2)))));
        all.extend((0..n).map(|_| names(failed(NOON))));
    }
    let unmatched = Finished { operation: None, consumer: None, application: None, ..finished(NOON) };
    all.push(Finished {
        status: Some(404),
        class: "no_route",
        outcome: crate::telemetry::Blame::Client.into(),
        ..unmatched.clone()
    });
    all.push(Finished { status: None, ..unmatched });
    report.record_at(&all, NOON);
    report.flush_at(NOON).unwrap();
    report
}

fn names(table: &Table) -> Vec<(&str, u64)> {
    table.rows.iter().map(|row| (&*row.name, row.figures.requests)).collect()
}

#[test]
fn each_dimension_is_a_table_of_its_own() {
    let state = tempfile::tempdir().unwrap();
    let report = filled(state.path());
    let answer = answered(&report, "by=operation,consumer,api,version,application,status,code by=class,blame,api");
    assert_eq!((answer.total.requests, answer.total.errors), (112, 12));
    let tables: Vec<_> = answer.tables.iter().map(|table| (table.by, names(table))).collect();
    let expected = [
        (
            "operation",
            vec![
                ("orders/list", 44),
                ("orders/getPet", 33),
                ("petstore/addPet", 22),
                ("petstore/getPet", 11),
                ("__none__", 2),
            ],
        ),
        ("consumer", vec![("kiosk", 44), ("depot", 33), ("shop", 33), ("__none__", 2)]),
        ("api", vec![("orders", 77), ("petstore", 33), ("__none__", 2)]),
        ("version", vec![("orders/1.2.0", 77), ("petstore/1.2.0", 33), ("__none__", 2)]),
        ("application", vec![("kiosk/web", 44), ("depot/web", 33), ("shop/web", 33), ("__none__", 2)]),
        ("status", vec![("2xx", 100), ("5xx", 10), ("4xx", 1), ("__none__", 1)]),
        ("code", vec![("200", 100), ("502", 10), ("404", 1), ("__none__", 1)]),
        ("class", vec![("ok", 101), ("upstream_closed", 10), ("no_route", 1)]),
        ("blame", vec![("ok", 101), ("upstream", 10), ("client", 1)]),
    ];
    assert_eq!(tables, expected);
    let orders = &answer.tables[0].rows[0];
    assert_eq!((&orders.trend[22..], orders.figures.errors), (&[0, 20, 24][..], 4));
}

#[test]
fn conditions_hold_together_and_values_of_one_are_any_of_them() {
    let state = tempfile::tempdir().unwrap();
    let report = filled(state.path());
    for (conditions, requests) in [
        (&["api=orders"][..], 77),
        (&["api=orders,petstore"], 110),
        (&["api=orders", "api=petstore"], 110),
        (&["api=orders", "status=5xx"], 7),
        (&["operation=getPet"], 44),
        (&["operation=orders/getPet,petstore/addPet"], 55),
        (&["operation=__none__"], 2),
        (&["consumer=shop,kiosk", "blame=upstream"], 7),
        (&["application=depot/web", "code=200"], 30),
        (&["application=web"], 110),
        (&["version=orders/1.2.0"], 77),
        (&["status=__none__"], 1),
        (&["status=4xx,5xx"], 11),
        (&["class=no_route"], 1),
        (&["consumer=nobody"], 0),
        (&["consumer=' OR 1=1 --"], 0),
        (&["operation=\"; DROP TABLE series; --"], 0),
        (&["api=orders%"], 0),
    ] {
        let answer = asked(&report, "", conditions);
        assert_eq!(answer.total.requests, requests, "{conditions:?}");
        let points = answer.points.iter().map(|point| point.figures.requests).sum::<u64>();
        assert_eq!(points, requests, "{conditions:?}");
    }
    assert_eq!(asked(&report, "", &[]).total.requests, 112, "it is all still there");
}

#[test]
fn names_with_commas_and_slashes_can_be_asked_about_as_they_are_shown() {
    let state = tempfile::tempdir().unwrap();
    let mut report = report(state.path());
    let names = ["CN=shop,O=Acme", "CN=depot,O=Acme", "acme/eu", "acme", "shop"];
    for (consumer, requests) in names.into_iter().zip(1..) {
        let application = Some(if consumer == "acme" { "eu/tv" } else { "web" }.into());
        let finished = Finished { consumer: Some(consumer.into()), application, ..finished(NOON) };
        report.record_at(&vec![finished; requests], NOON);
    }
    report.flush_at(NOON).unwrap();
    for (condition, requests) in [
        (r"consumer=CN=shop\,O=Acme", 1),
        (r"consumer=CN=shop\,O=Acme, CN=depot\,O=Acme,acme/eu", 6),
        ("consumer=CN=shop,shop", 5),
        ("application=acme/eu/web", 3),
        ("application=acme/eu/tv", 4),
        ("application=acme/web", 0),
        (r"application=CN=depot\,O=Acme/web", 2),
    ] {
        assert_eq!(asked(&report, "", &[condition]).total.requests, requests, "{condition}");
    }
}

#[test]
fn rows_beyond_the_limit_are_one() {
    let state = tempfile::tempdir().unwrap();
    let report = filled(state.path());
    let answer = answered(&report, "by=operation limit=2");
    let [table] = &answer.tables[..] else { panic!("{answer:?}") };
    assert_eq!(names(table), [("orders/list", 44), ("orders/getPet", 33)]);
    let other = table.other.as_ref().unwrap();
    assert_eq!((&*other.name, other.figures.requests, other.figures.errors, table.others), ("other", 35, 5, 3));
    assert_eq!(other.trend.iter().sum::<u64>(), 35);
    assert!(answered(&report, "by=operation limit=5").tables[0].other.is_none());
}

#[test]
fn many_series_are_answered_as_few_are() {
    let state = tempfile::tempdir().unwrap();
    let mut report = report(state.path());
    let of =
        |n: u64| Finished { consumer: Some(format!("c{n}").into()), total_us: n, ..finished(NOON - 60 * (n % 120)) };
    report.record_at(&(0..1_000).map(of).collect::<Vec<_>>(), NOON);
    report.flush_at(NOON).unwrap();
    let (all, one) = (answered(&report, "by=consumer limit=1000"), asked(&report, "", &["consumer=c777"]));
    assert_eq!((all.total.requests, all.tables[0].rows.len()), (1_000, 1_000));
    let row = all.tables[0].rows.iter().find(|row| row.name == "c777").unwrap();
    assert_eq!(row.figures, one.total);
    assert_eq!(answered(&report, "from=-1h by=consumer").total.requests, answered(&report, "from=-1h").total.requests);
}

/// Words that questions are made of, and others.
fn word() -> impl Strategy<Value = String> {
    let known = [
        "operation",
        "consumer",
        "status",
        "5xx",
        "=",
        ",",
        "-24h",
        "1m",
        "now",
        "__none__",
        "2026-01-31",
        "T",
        "9999999999999999999d",
        "a/b",
        "404",
    ];
    prop_oneof![prop::sample::select(known.to_vec()).prop_map(str::to_owned), any::<String>()]
}

fn text() -> impl Strategy<Value = String> {
    vec(word(), 0..4).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn any_question_is_understood_or_refused(
        by in vec(text(), 0..3),
        conditions in vec(text(), 0..3),
        times in vec(proptest::option::of(text()), 4),
        now in 0..4_000_000_000_u64,
    ) {
        let [from, to, step, limit] = <[_; 4]>::try_from(times).unwrap();
        let asked = Asked { by, from, to, step, conditions, limit };
        match Query::parse(&asked, UNIX_EPOCH + Duration::from_secs(now)) {
            Ok(query) => prop_assert!(query.from < query.to && (query.to - query.from) / query.step <= MOST_POINTS + 1),
            Err(faults) => prop_assert!(!faults.is_empty()),
        }
    }
}

#[test]
fn calls_of_policies_are_told_apart_and_are_no_requests() {
    let state = tempfile::tempdir().unwrap();
    let report = filled(state.path());
    let requests = asked(&report, "", &[]).total.requests;
    let by_policy = asked(&report, "policy", &[]);
    assert_eq!((by_policy.total.requests, by_policy.tables[0].rows.len()), (requests, 1));
    assert_eq!((by_policy.tables[0].rows[0].name.as_str(), by_policy.tables[0].rows[0].figures.errors), ("jwt", 0));
    // Where calls are asked about, all figures are theirs.
    let calls = asked(&report, "verdict", &["policy=jwt"]);
    let total = calls.total.total_us.unwrap();
    assert!((total.p50 - 40.0).abs() < 1.0, "{total:?}");
    assert_eq!(calls.tables[0].rows[0].name, "edit");
    assert_eq!(asked(&report, "", &["verdict=trap"]).total.requests, 0);
    assert_eq!(asked(&report, "", &["hook=response"]).total.requests, 0);
}
