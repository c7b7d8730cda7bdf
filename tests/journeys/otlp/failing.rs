//! A collector that is gone, slow or does not want what it gets: nobody waits for it, it is counted, and said once.

use lockgate_tests::{Collector, Folder, Gateway, Upstream, eventually};

/// What the log says when a collector begins to fail.
const SAID: &str = "the collector does not take what is sent";

fn folder(collector: &str, settings: &str) -> Folder {
    Gateway::folder().gateway_toml(&format!("[otlp]\nendpoint = \"{collector}\"\n{settings}\n"))
}

fn spans(gateway: &Gateway, outcome: &str) -> f64 {
    gateway.metric(&format!("lockgate_otlp_spans_total{{outcome=\"{outcome}\"}}")).unwrap_or_default()
}

fn failed(gateway: &Gateway, signal: &str) -> f64 {
    let sample = format!("lockgate_otlp_requests_total{{signal=\"{signal}\",outcome=\"failed\"}}");
    gateway.metric(&sample).unwrap_or_default()
}

#[test]
fn a_collector_that_never_answers_delays_nobody_and_what_does_not_fit_is_counted() {
    let (collector, upstream) = (Upstream::silent(), Upstream::echo());
    let settings = "traces = { sample = 1.0 }\ntimeout = \"60s\"\nqueue = 16";
    let mut gateway = folder(&format!("http://{}", collector.address()), settings).proxy(&upstream).start();
    let mut client = gateway.connect();
    // A batch on its way, the queue, and more.
    for _ in 0..600 {
        client.send(&lockgate_tests::Request::get("/")).assert_status(200);
    }
    eventually("spans to be dropped", || (spans(&gateway, "queue_full") > 0.0).then_some(()));
    gateway.terminate();
    assert!(gateway.wait_for_end().success(), "the end does not wait for the collector");
}

#[test]
fn a_collector_that_is_gone_is_said_once_however_often_it_is_tried() {
    let upstream = Upstream::echo();
    let settings = "traces = { sample = 1.0 }\nmetrics = { interval = \"1s\" }";
    let mut gateway = folder("http://127.0.0.1:1", settings).proxy(&upstream).start();
    gateway.get("/").assert_status(200);
    for signal in ["traces", "metrics"] {
        eventually("two tries", || (failed(&gateway, signal) >= 2.0).then_some(()));
    }
    let written = gateway.all_written();
    let said = written.lines().filter(|line| line.contains(SAID)).count();
    assert_eq!(said, 2, "once for traces, once for metrics:\n{written}");
}

#[test]
fn what_a_collector_refuses_is_not_sent_again() {
    let (collector, upstream) = (Upstream::answering(400, &[], "s3cret-answer"), Upstream::echo());
    let url = format!("http://{}", collector.address());
    let mut gateway = folder(&url, "traces = { sample = 1.0 }").proxy(&upstream).start();
    gateway.get("/").assert_status(200);
    eventually("the spans to be given up", || (spans(&gateway, "undelivered") == 2.0).then_some(()));
    assert_eq!(collector.requests(), 1);
    assert!(!gateway.all_written().contains("s3cret"), "what the collector says is not for the log");
}

#[test]
fn what_a_collector_cannot_take_now_is_sent_again() {
    let (collector, upstream) = (super::reluctant().0, Upstream::echo());
    let url = format!("http://{}", collector.address());
    let gateway = folder(&url, "traces = { sample = 1.0 }").proxy(&upstream).start();
    gateway.get("/").assert_status(200);
    eventually("the spans to be taken", || (spans(&gateway, "sent") == 2.0).then_some(()));
    assert_eq!((collector.requests(), failed(&gateway, "traces")), (2, 1.0));
    gateway.wait_for_log("that the collector is back", |line| {
        (line["message"] == "the collector takes again what is sent").then_some(())
    });
}

#[test]
fn what_a_collector_says_it_did_not_take_is_counted() {
    let (collector, upstream) = (Collector::rejecting(1), Upstream::echo());
    let gateway = folder(&collector.url(), "traces = { sample = 1.0 }").proxy(&upstream).start();
    gateway.get("/").assert_status(200);
    eventually("a span to be counted as rejected", || (spans(&gateway, "rejected") == 1.0).then_some(()));
    assert_eq!(spans(&gateway, "sent"), 1.0);
}

#[test]
fn an_answer_without_end_is_no_answer() {
    let upstream = Upstream::echo();
    let collector = Upstream::with(|exchange| {
        exchange.body()?;
        exchange.begin(200, &[])?;
        loop {
            exchange.chunk(&[0; 16 * 1024])?;
        }
    });
    let url = format!("http://{}", collector.address());
    let gateway = folder(&url, "traces = { sample = 1.0 }").proxy(&upstream).start();
    gateway.get("/").assert_status(200);
    eventually("it to be counted as failed", || (failed(&gateway, "traces") > 0.0).then_some(()));
    assert_eq!(spans(&gateway, "sent"), 0.0);
}

#[test]
fn without_a_collector_there_is_no_thread_and_no_number_for_one() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    gateway.get("/").assert_status(200);
    assert!(!gateway.ask("/metrics").text().contains("lockgate_otlp_spans_total{"));
    assert!(!gateway.threads().contains(&"otlp".to_owned()), "{:?}", gateway.threads());
    let other = folder("http://127.0.0.1:1", "traces = { sample = 1.0 }").proxy(&upstream).start();
    eventually("the thread", || other.threads().contains(&"otlp".to_owned()).then_some(()));
}
