//! Owns the tests of `[alert.NAME]`.

use std::time::Duration;

use super::{Config, assert_fault, gateway};
use crate::config::alert::{Alert, Measure};

/// The first table of gateway.toml that is not about the alert ends in its line 8.
fn alert(more: &str) -> Result<Config, Vec<String>> {
    gateway(&format!(
        "[analytics]\n[egress.pager]\nurl = 'https://pager.example/base'\npaths = ['/hook']\nmethods = ['POST']\n\
         [egress.chat]\nurl = 'https://chat.example'\npaths = ['/services/*']\nmethods = ['POST']\n\
         [egress.idp]\nurl = 'https://idp.example'\npaths = ['/token']\n[alert.orders]\n{more}\n"
    ))
}

fn one(more: &str) -> Alert {
    alert(more).unwrap().alerts.remove("orders").unwrap()
}

#[test]
fn an_alert_has_defaults_and_says_the_rest() {
    let usual = one("when = 'error-rate > 5%'");
    assert_eq!((usual.over, usual.at_least, usual.repeat), (Duration::from_secs(300), 20, Duration::from_secs(14_400)));
    assert_eq!((usual.pending, usual.keep_firing), (Duration::ZERO, Duration::from_secs(60)));
    assert_eq!((usual.when.measure, usual.when.is_above, usual.when.limit()), (Measure::ErrorRate, true, 0.05));
    let said = one(
        "when = 'p99>1500ms'\nover = '1h'\nwhere = ['api=orders', 'status=5xx']\nat_least = 5\nfor = '2m'\nkeep_firing_for = '0ms'\n\
         repeat = '1h'\nnotify = ['egress:pager', 'egress:chat/services/T/B?x=1']",
    );
    assert_eq!((said.when.to_string().as_str(), said.when.limit()), ("p99 > 1500ms", 1_500_000.0));
    let targets: Vec<_> = said.notify.iter().map(|it| (it.service.as_str(), it.target.as_str())).collect();
    assert_eq!(targets, [("pager", "/hook"), ("chat", "/services/T/B?x=1")]);
    assert_eq!(said.conditions, ["api=orders", "status=5xx"]);
    assert_eq!(said.errors, None);
    assert!(one("when = 'error-rate > 5%'\nerrors = ['blame=upstream,gateway']").errors.is_some());
    let requests = one("when = 'requests < 0.5'");
    assert_eq!((requests.when.to_string().as_str(), requests.at_least), ("requests < 0.5", 0));
    assert_eq!(one("when = 'error-rate > 7%'").when.to_string(), "error-rate > 7%");
}

#[test]
fn what_cannot_be_watched_is_a_fault_with_advice() {
    let well = "when = 'error-rate > 5%'\n";
    for (more, fault) in [
        ("", "alert.orders.when: is missing; write a measure"),
        ("when = 'error-rate = 5%'", "alert.orders.when: \"error-rate = 5%\" is not valid: it has neither `>` nor `<`"),
        ("when = 'eror-rate > 5%'", "did you mean `error-rate`?"),
        ("when = 'load > 5'", "there are error-rate, p50, p90, p99, requests"),
        ("when = 'error-rate > 5'", "no part of a hundred"),
        ("when = 'error-rate > 101%'", "no part of a hundred"),
        ("when = 'error-rate > 100%'", "it can never hold"),
        ("when = 'error-rate > -1%'", "no part of a hundred"),
        ("when = 'p99 < 0ms'", "it can never hold"),
        ("when = 'requests < 0'", "it can never hold"),
        ("when = 'p99 > 0ms'", "it always holds"),
        ("when = 'p99 > 500'", "no time, `500ms`"),
        ("when = 'requests > 1e3'", "no number of requests in a minute"),
        ("when = 'requests > nan'", "no number of requests in a minute"),
    ] {
        assert_fault(alert(more), fault);
    }
    for (more, fault) in [
        ("over = '59s'", "alert.orders.over: \"59s\" does not fit; write a duration from \"1m\" to \"24h\""),
        ("repeat = '1s'", "alert.orders.repeat"),
        ("notfy = []", "alert.orders.notfy: is not a known key; did you mean `notify`?"),
        ("where = ['colour=red']", "alert.orders.where[0]: nothing is counted by \"colour\"; there are api"),
        ("where = ['api=a', 'status=500']", "alert.orders.where[1]: \"500\" is a code; write `code=500`"),
        (
            "where = ['class=upstream_conect']",
            "no class is called \"upstream_conect\"; did you mean `class=upstream_connect`?",
        ),
        ("where = ['class=broken']", "alert.orders.where[0]: no class is called \"broken\"; the table of classes"),
        ("where = 'api=a'", "alert.orders.where: is a string"),
        (
            "notify = ['egress:pagr']",
            "alert.orders.notify[0]: names the service `pagr`, which is not declared; did you mean `pager`?",
        ),
        ("notify = ['pager']", "it does not begin with `egress:`"),
        ("notify = ['egress:/hook']", "it names no service"),
        ("notify = ['egress:chat']", "may be asked for more than one path; write which, `egress:chat/PATH`"),
        ("notify = ['egress:pager/other']", "asks for /other, which its service may not be asked for; add \"/other\""),
        ("notify = ['egress:idp']", "is asked for with POST, which its service does not permit"),
        ("notify = ['egress:pager', 'egress:pager/hook']", "alert.orders.notify[1]: is named twice"),
    ] {
        assert_fault(alert(&format!("{well}{more}")), fault);
    }
    assert_fault(alert("when = 'requests < 1'\nat_least = 5"), "alert.orders.at_least: has no meaning here");
    assert_fault(alert("when = 'p99 > 1s'\nerrors = ['status=5xx']"), "alert.orders.errors[0]: has no meaning here");
    let many: Vec<_> = (0..101).map(|n| format!("'api={n}'")).collect();
    assert_fault(alert(&format!("{well}where = [{}]", many.join(", "))), "alert.orders.where: 101 values are more");
}

#[test]
fn what_is_known_of_any_requests_is_not_watched() {
    let all = "gateway.toml:15: alert.orders: all of the requests of `where` are errors";
    let none = "gateway.toml:15: alert.orders: none of the requests of `where` are errors";
    for (more, fault) in [
        ("where = ['status=5xx']", format!("{all}, so that `error-rate > 5%` always holds; have `where` say which")),
        ("where = ['api=a', 'blame=upstream']", all.to_owned()),
        ("where = ['code=503']\nerrors = ['status=5xx']", all.to_owned()),
        ("where = ['status=2xx']\nerrors = ['status=5xx']", format!("{none}, so that `error-rate > 5%` never holds")),
        ("errors = ['status=5xx', 'code=404']", none.to_owned()),
        ("where = ['status=5xx', 'code=404']", "asks for a status and a code that no request has together".to_owned()),
    ] {
        assert_fault(alert(&format!("when = 'error-rate > 5%'\n{more}")), &fault);
    }
    for well in ["where = ['status=5xx,2xx']", "where = ['status=5xx', 'code=503']\nerrors = ['blame=upstream']"] {
        assert!(alert(&format!("when = 'error-rate > 5%'\n{well}")).is_ok(), "{well}");
    }
    assert!(alert("when = 'requests > 10'\nwhere = ['status=5xx']").is_ok());
    assert_fault(alert("when = 'error-rate < 5%'\nwhere = ['status=5xx']"), "never holds");
}

#[test]
fn all_that_is_wrong_with_an_alert_is_said_at_once() {
    let faults = alert("when = 'x'\nover = '1s'\nwhere = ['x']\nnotify = ['y']\nz = 1").unwrap_err();
    assert_eq!(faults.len(), 5, "{faults:#?}");
}

#[test]
fn an_alert_needs_the_account_of_requests() {
    let without = gateway("[alert.a]\nwhen = 'requests > 1'\n[alert.b]\nwhen = 'requests > 1'\n");
    assert_fault(
        without,
        "gateway.toml:3: alert.a: watches requests, and none is kept account of; add the table [analytics]",
    );
}

#[test]
fn there_are_a_hundred_alerts_and_no_more() {
    let with = |count: usize| {
        let alerts: String = (0..count).map(|n| format!("[alert.a{n:03}]\nwhen = 'requests > 1'\n")).collect();
        gateway(&format!("[analytics]\n{alerts}"))
    };
    assert_eq!(with(100).unwrap().alerts.len(), 100);
    assert_fault(with(101), "alert.a100: is one of 101 alerts, and there may be 100");
}
