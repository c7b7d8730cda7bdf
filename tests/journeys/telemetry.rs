//! What the gateway writes down about requests, and what it must not.

use std::sync::mpsc;

use lockgate_tests::{Gateway, PATIENCE, Request, Upstream, eventually};

#[test]
fn the_access_log_has_a_line_for_each_request() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    gateway.send(&Request::post("/a/b?token=hidden", "text/plain", "12345")).assert_status(200);
    let line = gateway.access_log("/a/b");
    assert_eq!(line["method"], "POST");
    assert_eq!(line["status"], 200);
    assert_eq!(line["class"], "ok");
    assert!(line["blame"].is_null());
    assert_eq!((&line["api"], &line["route"]), (&"proxy".into(), &"all".into()));
    assert_eq!(line["pattern"], "/{*rest}");
    assert_eq!(line["client"], "127.0.0.0/24", "the address is truncated");
    assert_eq!(line["bytes_in"], 5);
    assert!(line["bytes_out"].as_u64() > Some(50));
    let took = |part: &str| line[part].as_u64().unwrap();
    assert!(took("upstream_us") + took("policy_us") + took("gateway_us") <= took("duration_us"), "{line}");
    assert!(took("gateway_us") > 0, "{line}");
    let time = line["time"].as_str().unwrap();
    assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
}

#[test]
fn the_id_a_client_is_told_is_that_of_the_log() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().api("a", "name = \"a\"\nversion = \"1\"\n").upstream(&upstream).start();
    let problem = gateway.get("/missing").json();
    let line = gateway.access_log("/missing");
    assert_eq!(line["id"], problem["request_id"]);
    assert!(line["route"].is_null() && line["upstream_us"].is_null());
    assert_eq!(line["blame"], "client");
}

#[test]
fn logs_hold_no_queries_no_credentials_and_no_bodies() {
    let upstream = Upstream::with(|exchange| {
        exchange.body()?;
        Err(std::io::ErrorKind::ConnectionAborted.into())
    });
    let mut gateway = Gateway::folder().proxy(&upstream).start();
    let request = Request::post("/private?code=s3cret-query", "text/plain", "s3cret-body")
        .bearer("s3cret-token")
        .field("cookie", "id=s3cret-cookie")
        .field("x-s3cret-name", "1");
    // It fails, so that the log has something to say about it.
    gateway.send(&request).assert_problem(502);
    gateway.access_log("/private");
    let written = gateway.all_written();
    assert!(written.contains("upstream_closed"), "{written}");
    assert!(!written.contains("s3cret"), "{written}");
}

#[test]
fn the_access_log_can_be_switched_off() {
    let upstream = Upstream::echo();
    let mut gateway = Gateway::folder().gateway_toml("[access_log]\nenabled = false").proxy(&upstream).start();
    gateway.get("/quiet").assert_status(200);
    assert!(!gateway.all_written().contains("/quiet"));
}

#[test]
fn a_log_that_nobody_reads_keeps_no_request_waiting() {
    let upstream = Upstream::echo();
    let mut gateway = Gateway::folder()
        .guest("flood-log")
        .gateway_toml(
            "chain = [\"flood\"]\n[policy.flood]\nsource = \"file:components/flood-log.wasm\"\n\
             grant = [\"read:x-test-break\"]\nlimits = { cpu = \"100ms\" }\n",
        )
        .proxy(&upstream)
        .start_with_a_stuck_log();
    // Several times what a pipe holds.
    for _ in 0..50 {
        gateway.send(&Request::get("/").field("x-test-break", "1")).assert_status(200);
    }
    gateway.terminate();
    assert!(gateway.wait_for_end().success());
}

#[test]
fn the_log_names_an_api_where_there_is_one() {
    let gateway = Gateway::folder()
        .guest("flood-log")
        .guest("trap-request")
        .gateway_toml(
            "chain = [\"flood\", \"trap\"]\n\
             [policy.flood]\nsource = \"file:components/flood-log.wasm\"\ngrant = [\"read:x-test-break\"]\n\
             [policy.trap]\nsource = \"file:components/trap-request.wasm\"\ngrant = [\"read:x-test-break\"]\nbreaker = { failures = 1 }\n",
        )
        .start();
    gateway.send(&Request::get("/nowhere").field("x-test-break", "1")).assert_status(503);
    for said in ["flood begins", "policy broke", "policy fails again and again"] {
        let line = gateway.wait_for_log(said, |line| line["message"].as_str()?.starts_with(said).then(|| line.clone()));
        assert_eq!((line.get("api"), line.get("route")), (None, None), "{line}");
        assert!(line["policy"].is_string(), "{line}");
    }
}

#[test]
fn metrics_count_requests_by_route_and_outcome() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    for _ in 0..3 {
        gateway.get("/counted").assert_status(200);
    }
    let requests = "lockgate_requests_total{api=\"proxy\",route=\"all\",status_class=\"2xx\",outcome=\"ok\"}";
    // An exchange is counted when its last byte has left, which the client may see a moment before.
    eventually("three requests to be counted", || (gateway.metric(requests) == Some(3.0)).then_some(()));
    let count = gateway.metric("lockgate_request_duration_seconds_count{api=\"proxy\",route=\"all\"}");
    assert_eq!(count, Some(3.0));
    assert_eq!(gateway.metric("lockgate_generation"), Some(1.0));
    let metrics = gateway.ask("/metrics");
    let kind = metrics.field("content-type").unwrap();
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    let text = metrics.text();
    for family in ["lockgate_build_info", "lockgate_connections", "lockgate_upstream_duration_seconds"] {
        assert!(text.contains(&format!("# HELP {family}")) || text.contains(family), "{family} is missing");
    }
    assert_eq!(gateway.metric("lockgate_log_dropped_total"), Some(0.0));
    assert!(!text.contains("/counted"), "paths are no labels: anybody could make endless ones");
}

#[test]
fn an_open_connection_is_counted_and_forgotten() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    let open = "lockgate_connections{listener=\"public\"}";
    let mut client = gateway.connect();
    client.send(&Request::get("/")).assert_status(200);
    assert_eq!(gateway.metric(open), Some(1.0));
    drop(client);
    eventually("the connection to be gone", || (gateway.metric(open) == Some(0.0)).then_some(()));
}

#[test]
fn a_client_that_leaves_before_it_was_answered_is_logged_as_gone() {
    let (ended, end) = mpsc::channel();
    let upstream = Upstream::with(move |exchange| {
        let closed = exchange.until_closed();
        ended.send(()).map_err(std::io::Error::other)?;
        closed
    });
    let gateway = Gateway::folder().proxy(&upstream).start();
    let mut client = gateway.connect();
    client.send_only(&Request::get("/impatient")).unwrap();
    upstream.wait_for_requests(1);
    drop(client);
    let line = gateway.access_log("/impatient");
    assert_eq!((&line["class"], &line["blame"]), (&"client_gone".into(), &"client".into()));
    assert_eq!((&line["status"], &line["bytes_out"]), (&499.into(), &0.into()));
    assert!(line["upstream_us"].is_u64(), "who was waited for is said though no answer came: {line}");
    end.recv_timeout(PATIENCE).expect("the upstream is left working for nobody");
}
