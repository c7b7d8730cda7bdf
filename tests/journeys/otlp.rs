//! Traces and metrics for a collector: what it is told, what it is not, and that nobody waits for it.

mod failing;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use lockgate_tests::collector::{Span, attributes};
use lockgate_tests::{Authority, Collector, Folder, Gateway, Request, Upstream};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

/// A gateway that sends to a collector what `settings` say.
fn folder(collector: &Collector, settings: &str) -> Folder {
    Gateway::folder()
        .variable("OTLP_TOKEN", "Bearer s3cret-otlp")
        .gateway_toml(&format!("[otlp]\nendpoint = \"{}\"\n{settings}\n", collector.url()))
}

fn traced(target: &str, traceparent: &str) -> Request {
    Request::get(target).field("traceparent", traceparent)
}

fn of_kind<'a>(spans: &'a [Span], kind: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.kind == kind).collect()
}

/// An upstream that refuses its first request, and the traceparents it saw.
fn reluctant() -> (Upstream, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let (asked, shared) = (AtomicUsize::new(0), seen.clone());
    let upstream = Upstream::with(move |exchange| {
        shared.lock().unwrap().extend(exchange.field("traceparent").map(str::to_owned));
        let status = if asked.fetch_add(1, Ordering::SeqCst) == 0 { 503 } else { 200 };
        exchange.reply(status, &[], b"")
    });
    (upstream, seen)
}

/// Those of the request for a pet.
fn assert_attributes(server: &Span) {
    for (name, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/pets/{id}"),
        ("http.response.status_code", "200"),
        ("url.path", "/pets/7"),
        ("url.scheme", "http"),
        ("server.address", "pets.example"),
        ("network.protocol.version", "1.1"),
        ("lockgate.api", "pets"),
        ("lockgate.route", "getPet"),
        ("error.type", ""),
        ("lockgate.blame", ""),
    ] {
        assert_eq!(server.get(name), value, "{name}");
    }
}

#[test]
fn a_request_is_a_span_with_its_policies_and_tries_within() {
    let (collector, (upstream, told)) = (Collector::start(), reluctant());
    let settings = "traces = { sample = 0.0 }\nheaders = { authorization = \"secret:otlp\" }\n\
         resource = { \"service.name\" = \"edge\", \"deployment.environment.name\" = \"test\" }\n[secret.otlp]\n\
         env = \"OTLP_TOKEN\"\n[policy.trail]\nsource = \"file:components/trail.wasm\"\ngrant = [\"write:x-test-trail\"]";
    let api = "name = \"pets\"\nversion = \"1\"\n[upstream.main]\ntargets = [\"http://$upstream\"]\n\
         retry = { status = [503], budget = 100 }\neject = { failures = 0 }\n[[route]]\nname = \"getPet\"\n\
         match = { path = \"/pets/{id}\" }\nupstream = \"main\"\n\
         chain = [{ policy = \"trail\", config = { name = \"a\" } }, { policy = \"trail\", config = { name = \"b\" } }]\n";
    let folder = folder(&collector, settings).guest("trail").upstream(&upstream);
    let mut gateway = folder.api("pets", api).start();
    let request = traced("/pets/7?code=s3cret-query", SAMPLED).field("x-private", "s3cret-field");
    gateway.send(&request.field("host", "pets.example")).assert_status(200);
    let spans = collector.wait_for_spans(7);
    assert_eq!(spans.len(), 7, "{spans:#?}");
    assert!(spans.iter().all(|span| span.trace == TRACE && span.begun <= span.ended), "{spans:#?}");

    let [server] = of_kind(&spans, "server")[..] else { panic!("{spans:#?}") };
    assert_eq!((&*server.name, &*server.parent, server.failed), ("GET /pets/{id}", PARENT, false));
    assert_attributes(server);
    let policies = of_kind(&spans, "internal");
    let hooks: Vec<_> = policies.iter().map(|span| (span.get("lockgate.hook"), span.get("lockgate.verdict"))).collect();
    assert_eq!(hooks, [("request", "edit"), ("request", "edit"), ("response", "edit"), ("response", "edit")]);
    assert!(policies.iter().all(|span| span.name == "policy trail" && span.parent == server.id));

    let tries = of_kind(&spans, "client");
    let ends: Vec<_> = tries.iter().map(|span| (span.get("http.response.status_code"), span.failed)).collect();
    assert_eq!(ends, [("503", true), ("200", false)]);
    assert_eq!((tries[0].get("error.type"), tries[1].get("http.request.resend_count")), ("503", "1"));
    let port = upstream.address().port().to_string();
    for tried in &tries {
        assert_eq!((tried.parent.as_str(), tried.get("lockgate.upstream")), (server.id.as_str(), "pets/main"));
        assert_eq!((tried.get("server.address"), tried.get("server.port")), ("127.0.0.1", port.as_str()));
    }
    let names: Vec<_> = tries.iter().map(|span| format!("00-{TRACE}-{}-01", span.id)).collect();
    assert_eq!(*told.lock().unwrap(), names, "the upstream's parent is the try it saw");

    assert_eq!(collector.credentials(), [Some("Bearer s3cret-otlp".to_owned())]);
    let resource = collector.resource();
    assert_eq!((&*resource["service.name"], &*resource["deployment.environment.name"]), ("edge", "test"));
    assert!(resource.contains_key("service.version") && resource["service.instance.id"].len() == 16);
    assert!(!collector.was_told("s3cret") && !collector.was_told("127.0.0.0"), "more was told than is meant for it");
    assert!(!gateway.all_written().contains("s3cret"));
}

#[test]
fn only_what_is_sampled_is_sent() {
    let (collector, upstream) = (Collector::start(), Upstream::echo());
    let mut gateway = folder(&collector, "traces = { sample = 0.0 }").proxy(&upstream).start();
    gateway.get("/begun-here").assert_status(200);
    let echoed = gateway.send(&traced("/not-sampled", UNSAMPLED));
    let passed = &echoed.echoed("traceparent")[0];
    assert!(passed.contains(TRACE) && passed.ends_with("-00") && !passed.contains(PARENT), "{passed}");
    gateway.send(&traced("/sampled", SAMPLED)).assert_status(200);
    // What is waiting when it ends is sent then.
    gateway.terminate();
    assert!(gateway.wait_for_end().success());
    let spans = collector.spans();
    let paths: Vec<_> = of_kind(&spans, "server").iter().map(|span| span.get("url.path")).collect();
    assert_eq!(paths, ["/sampled"]);
}

#[test]
fn traces_that_begin_here_are_sampled_by_their_share() {
    let (collector, upstream) = (Collector::start(), Upstream::echo());
    let mut gateway = folder(&collector, "traces = { sample = 1 }").proxy(&upstream).start();
    let passed = gateway.get("/begun-here").echoed("traceparent")[0].clone();
    gateway.get("/%2f").assert_problem(400);
    gateway.terminate();
    assert!(gateway.wait_for_end().success());
    let spans = collector.spans();
    let servers = of_kind(&spans, "server");
    assert_eq!(servers.len(), 2, "{spans:#?}");
    let [tried] = of_kind(&spans, "client")[..] else { panic!("{spans:#?}") };
    assert_eq!(passed, format!("00-{}-{}-01", tried.trace, tried.id));
    let about = |path: &str| servers.iter().find(|span| span.get("url.path") == path).unwrap();
    let (good, bad) = (about("/begun-here"), about("/%2f"));
    assert_eq!((&*good.id, good.parent.as_str()), (&*tried.parent, ""));
    assert_ne!(good.trace, bad.trace);
    let told = (bad.get("error.type"), bad.get("lockgate.blame"), bad.get("http.response.status_code"));
    assert_eq!(told, ("bad_path", "client", "400"));
    assert!(!bad.failed && bad.name == "GET", "a client's mistake is no error of the server");
}

#[test]
fn a_failed_try_and_the_gateways_answer_are_errors() {
    let collector = Collector::start();
    let gone = "127.0.0.1:1".parse().unwrap();
    let gateway = folder(&collector, "traces = { sample = 1.0 }").proxy_to(gone).start();
    gateway.get("/").assert_problem(502);
    let spans = collector.wait_for_spans(2);
    for span in &spans {
        assert!(span.failed, "{span:?}");
        assert_eq!(span.get("error.type"), "upstream_connect");
    }
    assert_eq!(of_kind(&spans, "server")[0].get("lockgate.blame"), "upstream");
}

#[test]
fn metrics_are_those_of_the_admin_listener() {
    let (collector, upstream) = (Collector::start(), Upstream::echo());
    let gateway = folder(&collector, "metrics = { interval = \"1s\" }").proxy(&upstream).start();
    for _ in 0..5 {
        gateway.get("/").assert_status(200);
    }
    let (count, sum, buckets) = collector.wait_for_metric("lockgate_request_duration_seconds", |metric| {
        let Some(Data::ExponentialHistogram(histogram)) = &metric.data else { panic!("{metric:?}") };
        let point = histogram.data_points.iter().find(|point| point.count == 5)?;
        assert_eq!((point.scale, metric.unit.as_str()), (2, "s"));
        assert_eq!(attributes(&point.attributes)["route"], "all");
        Some((point.count, point.sum.unwrap(), point.positive.clone().unwrap()))
    });
    assert_eq!(buckets.bucket_counts.iter().sum::<u64>(), count);
    assert!((-80..64).contains(&buckets.offset), "{buckets:?}");
    let name = |part: &str| format!("lockgate_request_duration_seconds_{part}{{api=\"proxy\",route=\"all\"}}");
    assert_eq!(gateway.metric(&name("sum")), Some(sum));
    assert_eq!(gateway.metric(&name("count")), Some(5.0));
    collector.wait_for_metric("lockgate_requests", |metric| {
        let Some(Data::Sum(sum)) = &metric.data else { panic!("{metric:?}") };
        assert!(sum.is_monotonic);
        (!sum.data_points.is_empty()).then_some(())
    });
    collector.wait_for_metric("lockgate_generation", |metric| match &metric.data {
        Some(Data::Gauge(gauge)) => {
            assert_eq!(gauge.data_points.len(), 1);
            Some(())
        }
        other => panic!("{other:?}"),
    });
    assert!(collector.spans().is_empty(), "traces were not asked for");
}

#[test]
fn another_collector_and_none_take_effect_while_it_runs() {
    let (first, second, upstream) = (Collector::start(), Collector::start(), Upstream::echo());
    let mut gateway = folder(&first, "traces = { sample = 1.0 }").proxy(&upstream).start();
    gateway.get("/first").assert_status(200);
    gateway.write(
        "gateway.toml",
        &with_ports(&format!("[otlp]\nendpoint = '{}'\ntraces = {{ sample = 1 }}", second.url())),
    );
    gateway.wait_for_generation(2);
    gateway.get("/second").assert_status(200);
    // The first ends with the last generation that names it, having sent what it had.
    first.wait_for_spans(2);
    gateway.write("gateway.toml", &with_ports(""));
    gateway.wait_for_generation(3);
    gateway.send(&traced("/third", SAMPLED)).assert_status(200);
    gateway.terminate();
    assert!(gateway.wait_for_end().success());
    let paths = |collector: &Collector| -> Vec<String> {
        of_kind(&collector.spans(), "server").iter().map(|span| span.get("url.path").to_owned()).collect()
    };
    assert_eq!((paths(&first), paths(&second)), (vec!["/first".to_owned()], vec!["/second".to_owned()]));
}

fn with_ports(text: &str) -> String {
    format!("{text}\n[listen.public]\naddress = \"127.0.0.1:0\"\n[admin]\naddress = \"127.0.0.1:0\"\n")
}

#[test]
fn a_collector_behind_tls_must_prove_who_it_is() {
    let (collector, upstream, authority) = (Collector::start(), Upstream::echo(), Authority::new());
    let shown = authority.issue(&["localhost"]);
    let front = Gateway::folder()
        .listener("tls = [{ certificate = 'site.pem', key = 'secret:site' }]")
        .gateway_toml("[secret.site]\nenv = 'SITE_KEY'\n")
        .file("site.pem", &shown.certificate)
        .variable("SITE_KEY", &shown.key)
        .proxy(collector.upstream())
        .start();
    let port = front.public().port();
    let start = |trusted: &Authority| {
        Gateway::folder()
            .file("ca.pem", trusted.pem())
            .gateway_toml(&format!(
                "[otlp]\nendpoint = 'https://localhost:{port}'\ntls = 'collector'\ntraces = {{ sample = 1.0 }}\n\
                 [tls.collector]\nca = 'ca.pem'\n"
            ))
            .proxy(&upstream)
            .start()
    };
    let stranger = start(&Authority::new());
    stranger.get("/untrusted").assert_status(200);
    stranger.wait_for_log("the collector to be refused", |line| {
        line["reason"].as_str().filter(|reason| reason.contains("certificate")).map(|_| ())
    });
    let trusting = start(&authority);
    trusting.get("/trusted").assert_status(200);
    let spans = collector.wait_for_spans(2);
    assert!(spans.iter().all(|span| span.get("url.path") != "/untrusted"), "{spans:#?}");
}
