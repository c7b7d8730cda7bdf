//! What the answer of `/metrics` holds after known events.

use std::time::Duration;

use http::StatusCode;

use super::counters::CounterFault;
use super::*;
use crate::telemetry::{Blame, Outcome};

fn metrics() -> Metrics {
    Metrics::new("1.2.3", "48.0.8")
}

/// The lines about samples, without those that describe.
fn samples(metrics: &Metrics) -> Vec<String> {
    let text = metrics.encode();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples.map(str::to_owned).collect()
}

fn has(metrics: &Metrics, sample: &str) -> bool {
    samples(metrics).iter().any(|line| line == sample)
}

fn mentions(metrics: &Metrics, part: &str) -> bool {
    samples(metrics).iter().any(|line| line.contains(part))
}

#[test]
fn metrics_may_be_used_from_every_thread() {
    fn shared<T: Send + Sync>() {}
    shared::<Metrics>();
    shared::<PolicyCounters>();
}

#[test]
fn every_family_has_the_name_it_is_documented_with() {
    let metrics = metrics();
    metrics.route("pets", "getPet").upstream(Duration::from_millis(1));
    let route = metrics.route("pets", "getPet");
    route.finished(StatusCode::OK, Outcome::Ok, Duration::from_millis(2));
    let policy = metrics.policy("jwt");
    policy.called(Hook::Request, CallOutcome::Pass);
    policy.retired(Retirement::Memory);
    let _instance = policy.instance();
    metrics.set_generation(7);
    let _connection = metrics.listener("public").connection();
    metrics.listener("public").refused(Refusal::HeadTooLarge);
    metrics.access_log_dropped().inc_by(3);
    metrics.egress("idp").begin().ended(EgressOutcome::TooLarge);
    drop(metrics.egress("idp").begin());
    metrics.egress("idp").remembered();
    for sample in [
        r#"lockgate_requests_total{api="pets",route="getPet",status_class="2xx",outcome="ok"} 1"#,
        r#"lockgate_request_duration_seconds_count{api="pets",route="getPet"} 1"#,
        r#"lockgate_upstream_duration_seconds_count{api="pets",route="getPet"} 1"#,
        r#"lockgate_policy_calls_total{policy="jwt",hook="request",outcome="pass"} 1"#,
        r#"lockgate_policy_instances{policy="jwt"} 1"#,
        r#"lockgate_instance_retirements_total{policy="jwt",reason="memory"} 1"#,
        r#"lockgate_egress_calls_total{egress="idp",outcome="too_large"} 1"#,
        r#"lockgate_egress_calls_total{egress="idp",outcome="cancelled"} 1"#,
        r#"lockgate_egress_duration_seconds_count{egress="idp"} 2"#,
        r#"lockgate_egress_remembered_total{egress="idp"} 1"#,
        "lockgate_generation 7",
        r#"lockgate_connections{listener="public"} 1"#,
        r#"lockgate_refused_total{listener="public",reason="head_too_large"} 1"#,
        "lockgate_access_log_dropped_total 3",
        r#"lockgate_build_info{version="1.2.3",wasmtime="48.0.8"} 1"#,
    ] {
        assert!(has(&metrics, sample), "{sample}\n{}", metrics.encode());
    }
    assert!(metrics.encode().ends_with("# EOF\n"));
}

#[test]
fn a_family_is_described_once() {
    let metrics = metrics();
    for api in ["a", "b"] {
        metrics.policy_counters(api, "p").count("hits", 1, &[]).unwrap();
    }
    let text = metrics.encode();
    let mut types: Vec<_> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
    let described = types.len();
    types.sort_unstable();
    types.dedup();
    assert_eq!(types.len(), described, "{text}");
}

#[test]
fn two_handles_of_one_route_count_together() {
    let metrics = metrics();
    for status in [200, 204, 404, 503] {
        let status = StatusCode::from_u16(status).unwrap();
        let outcome = if status.is_success() { Outcome::Ok } else { Outcome::Fault(Blame::Upstream) };
        metrics.route("a", "r").finished(status, outcome, Duration::ZERO);
    }
    for (class, outcome, count) in [("2xx", "ok", 2), ("4xx", "upstream", 1), ("5xx", "upstream", 1)] {
        let labels = format!(r#"api="a",route="r",status_class="{class}",outcome="{outcome}""#);
        assert!(has(&metrics, &format!("lockgate_requests_total{{{labels}}} {count}")));
    }
}

#[test]
fn a_status_outside_the_classes_is_counted_in_the_nearest() {
    let metrics = metrics();
    let status = StatusCode::from_u16(999).unwrap();
    metrics.route("a", "r").finished(status, Outcome::Fault(Blame::Upstream), Duration::ZERO);
    assert!(mentions(&metrics, r#"status_class="5xx""#));
}

#[test]
fn durations_fall_into_the_bucket_whose_bound_they_reach() {
    let metrics = metrics();
    let route = metrics.route("a", "r");
    for us in [0, 1_000, 1_953, 8_000_000, 8_000_001, 40_000_000] {
        route.upstream(Duration::from_micros(us));
    }
    let counts = [("0.000244140625", 1), ("0.0009765625", 1), ("0.001953125", 3), ("4.0", 3), ("8.0", 4), ("16.0", 5)];
    for (bound, count) in counts.into_iter().chain([("32.0", 5), ("+Inf", 6)]) {
        let sample = format!(r#"lockgate_upstream_duration_seconds_bucket{{le="{bound}",api="a",route="r"}} {count}"#);
        assert!(has(&metrics, &sample), "{sample}\n{}", metrics.encode());
    }
    assert!(has(&metrics, r#"lockgate_upstream_duration_seconds_sum{api="a",route="r"} 56.002954"#));
}

#[test]
fn protobuf_holds_the_same_durations_as_a_native_histogram() {
    let metrics = metrics();
    let route = metrics.route("a", "r");
    for us in [0, 900_000, 1_000_000, 1_000_001, 4_000_000] {
        route.upstream(Duration::from_micros(us));
    }
    let families = metrics.families();
    let family = families.iter().find(|family| family.name == "lockgate_upstream_duration_seconds").unwrap();
    let histogram = family.metric[0].histogram.as_ref().unwrap();
    assert_eq!((histogram.schema, histogram.zero_count, histogram.sample_count), (2, 1, 5));
    assert!(histogram.zero_threshold > 0.0 && histogram.zero_threshold < 1e-6);
    let spans: Vec<_> = histogram.positive_span.iter().map(|span| (span.offset, span.length)).collect();
    // The buckets that end at 1, at 2^(1/4) and at 4.
    assert_eq!((spans, &histogram.positive_delta[..]), (vec![(0, 2), (6, 1)], &[2, -1, 0][..]));
    let one = histogram.bucket.iter().find(|bucket| bucket.upper_bound == 1.0).unwrap();
    assert_eq!((one.cumulative_count, histogram.bucket.last().unwrap().cumulative_count), (3, 5));
    assert!(!metrics.encode_protobuf().is_empty());
}

#[test]
fn what_is_no_longer_live_disappears_and_the_rest_keeps_its_numbers() {
    let metrics = metrics();
    for name in ["old", "new"] {
        metrics.route("a", name).finished(StatusCode::OK, Outcome::Ok, Duration::ZERO);
        metrics.policy(name).called(Hook::Body, CallOutcome::Edit);
        metrics.policy_counters("a", name).count("hits", 1, &[]).unwrap();
        drop(metrics.listener(name).connection());
    }
    let before = samples(&metrics);
    metrics.retain_routes(|api, route| (api, route) == ("a", "new"));
    metrics.retain_policies(|policy| policy == "new");
    metrics.retain_policy_counters(|api, policy| (api, policy) == ("a", "new"));
    let kept: Vec<_> =
        before.into_iter().filter(|line| !line.contains(r#""old""#) || line.contains("listener")).collect();
    assert_eq!(samples(&metrics), kept);
}

#[test]
fn guards_count_down_when_they_go() {
    let metrics = metrics();
    let (first, second) = (metrics.policy("p").instance(), metrics.policy("p").instance());
    let connection = metrics.listener("l").connection();
    drop((first, connection));
    assert!(has(&metrics, r#"lockgate_policy_instances{policy="p"} 1"#));
    assert!(has(&metrics, r#"lockgate_connections{listener="l"} 0"#));
    drop(second);
    assert!(has(&metrics, r#"lockgate_policy_instances{policy="p"} 0"#));
}

#[test]
fn label_values_are_escaped() {
    let metrics = metrics();
    let counters = metrics.policy_counters("a\"b", "p");
    counters.count("hits", 1, &[("l", "x\\\n\"y")]).unwrap();
    let sample = r#"lockgate_policy_hits_total{api="a\"b",policy="p",l="x\\\n\"y"} 1"#;
    assert!(has(&metrics, sample), "{}", metrics.encode());
}

#[test]
fn a_policys_counter_is_one_whatever_the_order_of_its_labels() {
    let metrics = metrics();
    let counters = metrics.policy_counters("a", "p");
    counters.count("hits", 2, &[("x", "1"), ("y", "2")]).unwrap();
    counters.count("hits_total", 3, &[("y", "2"), ("x", "1")]).unwrap();
    assert!(has(&metrics, r#"lockgate_policy_hits_total{api="a",policy="p",x="1",y="2"} 5"#));
}

#[test]
fn names_that_the_contract_does_not_allow_are_faults() {
    let metrics = metrics();
    let counters = metrics.policy_counters("a", "p");
    let long = "a".repeat(65);
    for bad in ["", "A", "1a", "_a", "a-b", "a:b", "é", "a b", "_total", &long] {
        assert_eq!(counters.count(bad, 1, &[]), Err(CounterFault::Name), "{bad}");
        assert_eq!(counters.count("ok", 1, &[(bad, "v")]), Err(CounterFault::Name), "{bad}");
    }
    for taken in ["calls", "calls_total", "instances"] {
        assert_eq!(counters.count(taken, 1, &[]), Err(CounterFault::Reserved));
    }
    for taken in ["api", "policy"] {
        assert_eq!(counters.count("ok", 1, &[(taken, "v")]), Err(CounterFault::Reserved));
    }
    let twice = [("l", "1"), ("l", "2")];
    assert_eq!(counters.count("ok", 1, &twice), Err(CounterFault::Duplicate));
    let five = ["a", "b", "c", "d", "e"].map(|name| (name, ""));
    assert_eq!(counters.count("ok", 1, &five), Err(CounterFault::TooManyLabels));
    assert_eq!(counters.count("ok", 1, &five[1..]), Ok(()));
    assert_eq!(counters.count(&long[1..], 1, &[]), Ok(()));
}

#[test]
fn a_policy_has_at_most_sixteen_names() {
    let metrics = metrics();
    let counters = metrics.policy_counters("a", "p");
    for n in 0..16 {
        assert_eq!(counters.count(&format!("n{n}"), 1, &[]), Ok(()));
    }
    assert_eq!(counters.count("n16", 1, &[]), Err(CounterFault::TooManyNames));
    assert_eq!(counters.count("n0", 1, &[("new", "set")]), Ok(()));
    assert_eq!(metrics.policy_counters("b", "p").count("n16", 1, &[]), Ok(()));
}

#[test]
fn label_sets_beyond_the_limit_are_counted_as_other() {
    let metrics = metrics();
    let counters = metrics.policy_counters("a", "p");
    for n in 0..300 {
        counters.count("hits", 1, &[("l", &n.to_string())]).unwrap();
        counters.count("hits", 1, &[(&format!("l{n}"), "v")]).unwrap();
    }
    counters.count("hits", 1, &[("l", "0")]).unwrap();
    counters.count("hits", 1, &[]).unwrap();
    let hits: Vec<_> = samples(&metrics).into_iter().filter(|line| line.starts_with("lockgate_policy_hits")).collect();
    assert_eq!(hits.len(), 256 + 2);
    assert!(has(&metrics, r#"lockgate_policy_hits_total{api="a",policy="p",l="0"} 2"#));
    assert!(has(&metrics, r#"lockgate_policy_hits_total{api="a",policy="p"} 1"#));
    assert!(has(&metrics, r#"lockgate_policy_hits_total{api="a",policy="p",l="other"} 344"#));
}

#[test]
fn a_set_that_calls_itself_other_is_not_given_twice() {
    let metrics = metrics();
    let counters = metrics.policy_counters("a", "p");
    counters.count("hits", 1, &[("l", "other")]).unwrap();
    for n in 0..256 {
        counters.count("hits", 1, &[("l", &n.to_string())]).unwrap();
    }
    assert!(has(&metrics, r#"lockgate_policy_hits_total{api="a",policy="p",l="other"} 2"#));
}

#[test]
fn a_long_label_value_is_counted_as_other() {
    let metrics = metrics();
    let counters = metrics.policy_counters("a", "p");
    counters.count("hits", 1, &[("l", &"v".repeat(129))]).unwrap();
    assert!(has(&metrics, r#"lockgate_policy_hits_total{api="a",policy="p",l="other"} 1"#));
}

#[test]
fn the_plain_format_names_families_as_their_samples() {
    let metrics = metrics();
    metrics.route("a", "r").finished(StatusCode::OK, Outcome::Ok, Duration::from_millis(1));
    let plain = metrics.encode_plain();
    for line in [
        "# HELP lockgate_requests_total Requests answered",
        "# TYPE lockgate_requests_total counter",
        "# TYPE lockgate_request_duration_seconds histogram",
        "# TYPE lockgate_build_info gauge",
        "# TYPE lockgate_generation gauge",
    ] {
        assert!(plain.lines().any(|known| known == line), "{line} is not in\n{plain}");
    }
    let comments = plain.lines().filter(|line| line.starts_with('#'));
    assert!(comments.into_iter().all(|line| line.starts_with("# HELP ") || line.starts_with("# TYPE ")));
    let samples = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(samples(&plain), samples(&metrics.encode()));
}
