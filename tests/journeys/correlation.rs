//! Finding a request again elsewhere: its id in a field, and the trace it belongs to.

use lockgate_tests::{Gateway, Request, Upstream};

const IDS: &str = "[request]\nid_header = 'x-request-id'\n";
const TRACES: &str = "[tracing]\npropagate = true\n";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[test]
fn the_id_of_a_request_is_the_same_upstream_in_the_answer_and_in_the_log() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().gateway_toml(IDS).proxy(&upstream).start();
    let forged = Request::get("/").field("x-request-id", "forged").field("x_request_id", "forged");
    let response = gateway.send(&forged);
    let id = response.field("x-request-id").unwrap();
    assert_eq!(response.echoed("x-request-id"), [id]);
    assert!(response.echoed("x_request_id").is_empty() && id.len() == 16, "{response:?}");
    assert_eq!(gateway.access_log_of("id", &id.into())["path"], "/");
}

#[test]
fn an_id_from_a_trusted_proxy_is_taken_over() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .gateway_toml(&format!("{IDS}[forwarding]\ntrusted = ['127.0.0.1']\n"))
        .api("gone", "name = \"gone\"\nversion = \"1\"\n[upstream.gone]\ntargets = [\"http://127.0.0.1:1\"]\n[[route]]\nname = \"gone\"\nmatch = { path = \"/gone\" }\nupstream = \"gone\"\n")
        .proxy(&upstream)
        .start();
    let response = gateway.send(&Request::get("/").field("x-request-id", "edge:4711-a"));
    assert_eq!(response.field("x-request-id"), Some("edge:4711-a"));
    assert_eq!(response.echoed("x-request-id"), ["edge:4711-a"]);
    assert_eq!(gateway.access_log("/")["id"], "edge:4711-a");
    let gone = gateway.send(&Request::get("/gone").field("x-request-id", "edge:4712"));
    gone.assert_problem(502);
    assert_eq!((gone.field("x-request-id"), &gone.json()["request_id"]), (Some("edge:4712"), &"edge:4712".into()));
    gateway.wait_for_log("what happened to the request", |line| (line["request_id"] == "edge:4712").then_some(()));
    let long = "a".repeat(65);
    for bad in ["a b", "a\"b", &long] {
        let response = gateway.send(&Request::get("/").field("x-request-id", bad));
        assert_eq!(response.echoed("x-request-id"), [response.field("x-request-id").unwrap()]);
        assert_ne!(response.field("x-request-id"), Some(bad));
    }
    let twice = Request::get("/").field("x-request-id", "a").field("x-request-id", "b");
    assert_eq!(gateway.send(&twice).field("x-request-id").map(str::len), Some(16));
}

#[test]
fn answers_say_no_id_unless_that_was_asked_for() {
    let upstream = Upstream::answering(200, &[], "");
    let gateway = Gateway::folder().proxy(&upstream).start();
    assert_eq!(gateway.get("/").field("x-request-id"), None);
    let upstream = Upstream::answering(200, &[("x-request-id", "theirs")], "");
    let gateway = Gateway::folder().gateway_toml(IDS).proxy(&upstream).start();
    assert_ne!(gateway.get("/").field("x-request-id"), Some("theirs"));
    let refused = gateway.get("/%2f");
    refused.assert_problem(400);
    assert_eq!(refused.json()["request_id"], refused.field("x-request-id").unwrap());
}

#[test]
fn a_trace_is_continued_and_in_the_log() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().gateway_toml(TRACES).proxy(&upstream).start();
    let request =
        Request::get("/on").field("traceparent", PARENT).field("tracestate", "a=1").field("tracestate", "b=2");
    let response = gateway.send(&request);
    let parent = response.echoed("traceparent").concat();
    assert!(parent.starts_with(&format!("00-{TRACE}-")) && parent.ends_with("-01") && parent != PARENT, "{parent}");
    assert_eq!(response.echoed("tracestate"), ["a=1,b=2"]);
    assert_eq!(gateway.access_log("/on")["trace_id"], TRACE);
}

#[test]
fn a_trace_begins_where_there_is_none() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().gateway_toml(TRACES).proxy(&upstream).start();
    let begun = |request: Request| {
        let response = gateway.send(&request);
        let parent = response.echoed("traceparent").concat();
        assert!(parent.len() == 55 && parent.ends_with("-00") && !parent.contains(TRACE), "{parent}");
        assert!(response.echoed("tracestate").is_empty());
        parent
    };
    let first = begun(Request::get("/first"));
    assert_ne!(first, begun(Request::get("/second")));
    assert_eq!(gateway.access_log("/first")["trace_id"], first[3..35]);
    begun(Request::get("/bad").field("traceparent", &PARENT.to_uppercase()).field("tracestate", "a=1"));
    begun(Request::get("/two").field("traceparent", PARENT).field("traceparent", PARENT));
}

#[test]
fn traces_pass_untouched_where_nothing_was_said_about_them() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    let response = gateway.send(&Request::get("/").field("traceparent", PARENT).field("tracestate", "A"));
    assert_eq!(response.echoed("traceparent"), [PARENT]);
    assert_eq!(response.echoed("tracestate"), ["A"]);
    assert!(gateway.access_log("/")["trace_id"].is_null());
}
