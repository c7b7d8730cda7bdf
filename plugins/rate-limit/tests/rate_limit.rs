//! The policy as the gateway sees it: both hooks of an exchange, with what is left carried between them.
#![allow(clippy::panic, reason = "a helper fails the test that calls it")]

use lockgate_plugin_rate_limit::RateLimit;
use lockgate_sdk::limiter::Error;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing::{self, Facts};

fn policy(config: &str) -> RateLimit {
    testing::configure(config).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn ask(policy: &RateLimit, client: &str) -> Verdict {
    policy.on_request(&Facts::request().client(client).build().head())
}

const TWO: &str = r#"{"amount":2,"per":"10s","by":["client"]}"#;

#[test]
fn requests_pass_until_a_limit_is_reached_and_are_told_what_is_left() {
    let policy = policy(&format!(r#"{{"limits":[{TWO}]}}"#));
    let told = |verdict: Verdict| {
        let state = verdict.edits().and_then(Edits::new_state).map(<[u8]>::to_vec).unwrap_or_default();
        let response = Facts::response().status(200).build();
        policy.on_response(&response.head(), &state).edits().cloned().unwrap_or_default()
    };
    let first = told(ask(&policy, "192.0.2.1"));
    assert_eq!(first.appends("ratelimit-policy"), [r#""default";q=2;w=10"#]);
    assert_eq!(first.appends("ratelimit"), [r#""default";r=1;t=10"#]);
    assert_eq!(told(ask(&policy, "192.0.2.1")).appends("ratelimit"), [r#""default";r=0;t=10"#]);
    let refused = ask(&policy, "192.0.2.1");
    let refused = refused.response().unwrap();
    assert_eq!(refused.status_code(), 429);
    assert_eq!(refused.values("retry-after"), ["10"]);
    assert_eq!(refused.values("ratelimit"), [r#""default";r=0;t=10"#]);
    assert_eq!(
        refused.text(),
        r#"{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded","title":"Too Many Requests","status":429,"#
            .to_owned()
            + r#""detail":"as many requests as may be have been made already","violated-policies":["default"]}"#
    );
    assert!(ask(&policy, "192.0.2.2").edits().is_some(), "another client has its own");
}

#[test]
fn of_several_limits_those_that_are_reached_are_named() {
    let policy = policy(
        r#"{"limits":[{"name":"burst","amount":100,"per":"1s","algorithm":"bucket","burst":500},
                      {"name":"month","amount":1,"per":"month"}]}"#,
    );
    assert!(ask(&policy, "192.0.2.1").edits().is_some());
    let refused = ask(&policy, "192.0.2.1");
    let refused = refused.response().unwrap();
    assert!(refused.text().ends_with(r#""violated-policies":["month"]}"#), "{}", refused.text());
    assert_eq!(refused.values("ratelimit-policy"), [r#""burst";q=100;w=1;lockgate-burst=500, "month";q=1"#]);
}

#[test]
fn how_many_are_under_way_at_once_is_a_limit_of_its_own_unit() {
    let policy = policy(r#"{"limits":[{"amount":1,"algorithm":"concurrent"}]}"#);
    assert!(ask(&policy, "192.0.2.1").edits().is_some());
    let refused = ask(&policy, "192.0.2.1");
    let refused = refused.response().unwrap();
    assert_eq!(refused.values("ratelimit-policy"), [r#""default";q=1;qu="concurrent-requests""#]);
    assert_eq!(refused.values("retry-after"), ["1"]);
}

#[test]
fn fields_are_left_out_where_nobody_wants_them() {
    for (fields, refused_with) in [("refused", 1), ("never", 0)] {
        testing::reset();
        let policy = policy(&format!(r#"{{"limits":[{TWO}],"fields":"{fields}"}}"#));
        assert!(policy.interest().idle_on_response);
        assert_eq!(ask(&policy, "192.0.2.1"), Verdict::Pass);
        assert_eq!(ask(&policy, "192.0.2.1"), Verdict::Pass);
        let refused = ask(&policy, "192.0.2.1");
        assert_eq!(refused.response().unwrap().values("ratelimit").len(), refused_with, "{fields}");
    }
}

#[test]
fn while_the_store_does_not_answer_what_is_declared_happens() {
    for (declared, expected) in [("open", Verdict::Pass), ("closed", Failure::Dependency.into())] {
        testing::reset();
        let policy = policy(&format!(r#"{{"limits":[{TWO}],"unavailable":"{declared}"}}"#));
        testing::limiter::fail_with(Some(Error::Unavailable));
        assert_eq!(ask(&policy, "192.0.2.1"), expected);
    }
    testing::reset();
    let policy = policy(&format!(r#"{{"limits":[{TWO}]}}"#));
    testing::limiter::fail_with(Some(Error::Unavailable));
    for _ in 0..2 {
        assert!(ask(&policy, "192.0.2.1").edits().is_some());
    }
    assert_eq!(ask(&policy, "192.0.2.1").response().unwrap().status_code(), 429, "counted here");
}
