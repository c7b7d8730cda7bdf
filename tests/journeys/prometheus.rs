//! What a real Prometheus makes of the gateway's durations: native histograms that agree with the buckets of the text formats.

use lockgate_tests::{Gateway, PATIENCE, Prometheus, Request, Upstream, eventually};

const SELECTED: &str = "lockgate_upstream_duration_seconds{api=\"proxy\",route=\"all\"}";
const REQUESTS: f64 = 40.0;

/// Upper bounds and counts below them, as the text format has them.
fn buckets(gateway: &Gateway) -> Vec<(f64, f64)> {
    let text = gateway.ask("/metrics").text();
    let lines = text.lines().filter_map(|line| line.strip_prefix("lockgate_upstream_duration_seconds_bucket{le=\""));
    let parse = |line: &str| {
        let (bound, rest) = line.split_once('"')?;
        Some((bound.parse().ok()?, rest.rsplit_once(' ')?.1.parse().ok()?))
    };
    lines.filter_map(parse).collect()
}

#[test]
fn prometheus_reads_native_histograms_that_agree_with_the_buckets_of_the_text() {
    let upstream = Upstream::with(|exchange| {
        // Not for order: so that durations differ.
        let pause = exchange.target.trim_start_matches('/').parse().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(pause));
        exchange.reply(200, &[], b"")
    });
    let gateway = Gateway::folder().proxy(&upstream).start();
    let mut client = gateway.connect();
    for pause in [0, 1, 3, 20, 50].into_iter().cycle().take(REQUESTS as usize) {
        client.send(&Request::get(&format!("/{pause}"))).assert_status(200);
    }
    let prometheus = Prometheus::following(&gateway);
    eventually("Prometheus to have asked", || {
        let count = prometheus.value(&format!("histogram_count({SELECTED})"));
        (count == Some(REQUESTS)).then_some(())
    });
    let text = buckets(&gateway);
    assert_eq!(text.last(), Some(&(f64::INFINITY, REQUESTS)), "{text:?} within {PATIENCE:?}");
    for (bound, below) in &text {
        let bound = if bound.is_finite() { bound.to_string() } else { "+Inf".to_owned() };
        let share = prometheus.value(&format!("histogram_fraction(-1, {bound}, {SELECTED})")).unwrap();
        assert!(
            (share * REQUESTS - below).abs() < 1e-6,
            "up to {bound}: {share} of {REQUESTS}, and the text has {below}"
        );
    }
    let median = prometheus.value(&format!("histogram_quantile(0.5, {SELECTED})")).unwrap();
    let above = text.iter().position(|(_, below)| *below >= REQUESTS / 2.0).unwrap();
    let lower = above.checked_sub(1).map_or(0.0, |before| text[before].0);
    assert!(lower <= median && median <= text[above].0, "{lower} to {}: {median}", text[above].0);
    let sum = gateway.metric("lockgate_upstream_duration_seconds_sum{api=\"proxy\",route=\"all\"}").unwrap();
    assert_eq!(prometheus.value(&format!("histogram_sum({SELECTED})")), Some(sum));
}

#[test]
fn metrics_come_in_the_format_that_is_asked_for() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    gateway.get("/").assert_status(200);
    let protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
    for (accept, kind) in [
        (protobuf, "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"),
        ("application/openmetrics-text;version=1.0.0", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        ("text/html", "text/plain; version=0.0.4; charset=utf-8"),
    ] {
        let answer = gateway.admin(&Request::get("/metrics").bearer(&gateway.admin_token()).field("accept", accept));
        answer.assert_status(200);
        assert_eq!(answer.field("content-type"), Some(kind));
        assert!(String::from_utf8_lossy(&answer.body).contains("lockgate_requests"));
    }
}
