//! Owns the tests of `[otlp]`.

use std::time::Duration;

use super::{Config, assert_fault, gateway};

fn otlp(more: &str) -> Result<Config, Vec<String>> {
    gateway(&format!("[otlp]\nendpoint = 'http://collector:4318'\n{more}"))
}

#[test]
fn a_collector_is_told_what_is_wanted() {
    assert_eq!(gateway("").unwrap().otlp, None);
    let config = otlp("traces = { sample = 0.25 }\n").unwrap().otlp.unwrap();
    assert_eq!((config.traces, config.metrics, config.queue), (Some(0.25), None, 2048));
    assert_eq!((config.endpoint.origin.port, config.endpoint.path.as_str()), (4318, ""));
    let config = otlp(
        "traces = { sample = 1 }\nmetrics = {}\nheaders = { x-key = 'secret:k' }\nresource = { 'service.name' = 'edge' }\n[secret.k]\nenv = 'K'\n",
    );
    let config = config.unwrap().otlp.unwrap();
    assert_eq!((config.traces, config.metrics), (Some(1.0), Some(Duration::from_secs(30))));
    assert_eq!((&*config.headers["x-key"], &*config.resource["service.name"]), ("k", "edge"));
    let prefixed = gateway("[otlp]\nendpoint = 'https://[::1]/otlp/'\nmetrics = {}\n").unwrap().otlp.unwrap();
    assert_eq!((prefixed.endpoint.path.as_str(), prefixed.endpoint.origin.port), ("/otlp", 443));
}

#[test]
fn what_a_collector_cannot_be_told_is_a_fault() {
    for (text, fault) in [
        ("", "gateway.toml:3: otlp: sends nothing"),
        ("traces = { sample = 1.5 }", "otlp.traces.sample: is 1.5; write a number from 0 to 1"),
        ("traces = { sample = nan }", "otlp.traces.sample: is a float"),
        ("traces = { sample = '1%' }", "otlp.traces.sample: is a string"),
        ("traces = {}", "otlp.traces.sample: is missing"),
        ("metrics = { interval = '10ms' }", "otlp.metrics.interval"),
        ("metrics = {}\ntls = 'own'", "otlp.tls: names no TLS that is declared"),
        ("metrics = {}\ntls = 'own'\n[tls.own]", "otlp.tls: has no meaning without https"),
        ("metrics = {}\nheaders = { authorization = 'Bearer x' }", "otlp.headers.authorization: names no secret"),
        ("metrics = {}\nheaders = { authorization = 'secret:absent' }", "names a secret that is not declared"),
        (
            "metrics = {}\nheaders = { Host = 'secret:k' }\n[secret.k]\nenv = 'K'",
            "otlp.headers.Host: is no field that can be set",
        ),
        ("metrics = {}\nheaders = { content-type = 'secret:k' }\n[secret.k]\nenv = 'K'", "is no field that can be set"),
        ("metrics = {}\nresource = { 'a b' = 'c' }", "is not a name"),
        ("traces = { sample = 1 }\n[tracing]\nsampled = true", "otlp.traces: decides which traces are recorded"),
    ] {
        assert_fault(otlp(&format!("{text}\n")), fault);
    }
    for endpoint in ["collector:4318", "ftp://a", "http://a/b?c", "http://user@a", "unix:/run/a", "http://a/%2f", ""] {
        assert_fault(gateway(&format!("[otlp]\nendpoint = '{endpoint}'\nmetrics = {{}}\n")), "otlp.endpoint");
    }
}
