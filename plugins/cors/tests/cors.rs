//! The policy as the gateway sees it: both hooks of an exchange, with state carried between them.
#![allow(clippy::panic, reason = "a helper fails the test that calls it")]

use lockgate_plugin_cors::Cors;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing::{self, Facts};

const APP: &str = "https://app.example.com";

fn cors(config: &str) -> Cors {
    match testing::configure(config) {
        Ok(cors) => cors,
        Err(faults) => panic!("{faults:?}"),
    }
}

/// Origin `APP`, DELETE and X-A beside the defaults.
fn strict() -> Cors {
    cors(
        r#"{"origins":["https://app.example.com"],"methods":["GET","DELETE"],"headers":["X-A","content-type"],
            "expose":["X-B","x-c"],"credentials":true}"#,
    )
}

fn preflight(origin: &str, method: &str) -> Facts {
    Facts::request().method("OPTIONS").field("origin", origin).field("access-control-request-method", method)
}

fn ask(cors: &Cors, facts: Facts) -> Option<Response> {
    let verdict = cors.on_request(&facts.build().head());
    verdict.response().cloned()
}

/// The edits of the response to a GET with these values of Origin.
fn edits(cors: &Cors, origins: &[&str]) -> Edits {
    let facts = origins.iter().fold(Facts::request().method("GET"), |facts, origin| facts.field("origin", origin));
    let state = match cors.on_request(&facts.build().head()) {
        Verdict::Pass => Vec::new(),
        Verdict::Edit(edits) => edits.new_state().map(<[u8]>::to_vec).unwrap_or_default(),
        other => panic!("{other:?}"),
    };
    let facts = Facts::response().build();
    match cors.on_response(&facts.head(), &state) {
        Verdict::Edit(edits) => edits,
        other => panic!("{other:?}"),
    }
}

fn allow_origin(edits: &Edits) -> Vec<String> {
    edits.sets("access-control-allow-origin")
}

#[test]
fn an_allowed_preflight_is_answered_with_all_permissions() {
    let facts = preflight(APP, "DELETE").field("access-control-request-headers", "x-a");
    let response = ask(&strict(), facts).unwrap();
    assert_eq!(response.status_code(), 204);
    assert!(response.bytes().is_empty());
    let expected = [
        ("access-control-allow-origin", APP),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "GET, DELETE"),
        ("access-control-allow-headers", "x-a, content-type"),
        ("access-control-max-age", "600"),
        ("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
    ];
    for (name, value) in expected {
        assert_eq!(response.values(name), [value], "{name}");
    }
    for absent in ["access-control-expose-headers", "access-control-allow-private-network"] {
        assert!(response.values(absent).is_empty(), "{absent}");
    }
}

#[test]
fn a_preflight_is_permitted_only_as_a_whole() {
    let headers = |names: &str| preflight(APP, "GET").field("access-control-request-headers", names);
    let cases = [
        ("plain", preflight(APP, "GET"), true),
        ("listed field", headers("x-a"), true),
        ("field in capitals", headers("X-A"), true),
        ("spaces and empty elements", headers(" x-a ,, content-type,"), true),
        ("no names", headers(""), true),
        ("several lines", headers("x-a").field("access-control-request-headers", "content-type"), true),
        ("one field too many", headers("x-a,x-b"), false),
        ("second line not listed", headers("x-a").field("access-control-request-headers", "x-b"), false),
        ("authorization", headers("authorization"), false),
        ("no field name", headers("x a"), false),
        ("method not listed", preflight(APP, "PUT"), false),
        ("method in lower case", preflight(APP, "delete"), false),
        ("safelisted but not listed", preflight(APP, "POST"), false),
        ("empty method", preflight(APP, ""), false),
        ("two methods", preflight(APP, "GET").field("access-control-request-method", "GET"), false),
        ("other origin", preflight("https://evil.example", "GET"), false),
        ("null", preflight("null", "GET"), false),
        ("other port", preflight("https://app.example.com:8443", "GET"), false),
        ("other scheme", preflight("http://app.example.com", "GET"), false),
        ("two origins", preflight(APP, "GET").field("origin", APP), false),
    ];
    for (what, facts, permitted) in cases {
        let response = ask(&strict(), facts).unwrap();
        assert_eq!(response.status_code(), 204, "{what}");
        assert_eq!(response.values("vary").len(), 1, "{what}");
        for name in ["origin", "credentials", "methods", "headers"] {
            let values = response.values(&format!("access-control-allow-{name}"));
            assert_eq!(!values.is_empty(), permitted, "{what}: {name}");
        }
    }
}

#[test]
fn what_is_not_a_preflight_passes() {
    let request = |method| Facts::request().method(method).field("origin", APP);
    let asking = "access-control-request-method";
    let cases = [
        request("OPTIONS"),
        request("GET").field(asking, "GET"),
        request("options").field(asking, "GET"),
        Facts::request().method("OPTIONS").field(asking, "GET"),
        Facts::request().method("GET"),
    ];
    for facts in cases {
        assert_eq!(ask(&strict(), facts), None);
    }
}

#[test]
fn a_page_of_an_allowed_origin_may_read_the_response() {
    let edits = edits(&strict(), &[APP]);
    assert_eq!(allow_origin(&edits), [APP]);
    assert_eq!(edits.sets("access-control-allow-credentials"), ["true"]);
    assert_eq!(edits.sets("access-control-expose-headers"), ["x-b, x-c"]);
    assert_eq!(edits.appends("vary"), ["Origin"]);
}

#[test]
fn other_pages_and_programs_get_no_permission_and_the_same_vary() {
    let origins: [&[&str]; 7] = [
        &[],
        &["null"],
        &["https://evil.example"],
        &["HTTPS://app.example.com"],
        &["https://app.example.com.evil"],
        &[APP, APP],
        &[APP, "https://evil.example"],
    ];
    for origins in origins {
        let edits = edits(&strict(), origins);
        assert_eq!(edits.appends("vary"), ["Origin"], "{origins:?}");
        for name in ["allow-origin", "allow-credentials", "expose-headers"] {
            let name = format!("access-control-{name}");
            assert!(edits.sets(&name).is_empty(), "{origins:?} {name}");
        }
    }
}

#[test]
fn nothing_the_upstream_said_is_left() {
    for origins in [&[][..], &[APP]] {
        let edits = edits(&strict(), origins);
        for name in [
            "allow-origin",
            "allow-credentials",
            "allow-headers",
            "allow-methods",
            "allow-private-network",
            "expose-headers",
            "max-age",
        ] {
            assert!(edits.removes(&format!("access-control-{name}")), "{name}");
        }
    }
}

#[test]
fn where_all_origins_are_allowed_the_answer_depends_on_none() {
    let cors = cors(r#"{"origins":["*"]}"#);
    for origins in [&[][..], &["null"], &["https://any.example"]] {
        let edits = edits(&cors, origins);
        assert_eq!(allow_origin(&edits), ["*"]);
        assert!(edits.appends("vary").is_empty());
        assert!(edits.sets("access-control-allow-credentials").is_empty());
    }
    let response = ask(&cors, preflight("https://any.example", "POST")).unwrap();
    assert_eq!(response.values("access-control-allow-origin"), ["*"]);
    let defaults = response.values("access-control-allow-headers");
    assert_eq!(defaults, ["accept, accept-language, content-language, content-type"]);
}

#[test]
fn null_is_allowed_where_it_is_listed() {
    let cors = cors(r#"{"origins":["null"]}"#);
    assert_eq!(allow_origin(&edits(&cors, &["null"])), ["null"]);
    assert!(allow_origin(&edits(&cors, &[APP])).is_empty());
}

#[test]
fn a_wildcard_origin_is_answered_by_the_very_origin() {
    let cors = cors(r#"{"origins":["https://*.example.com"]}"#);
    assert_eq!(allow_origin(&edits(&cors, &[APP])), [APP]);
    for attack in ["https://evilexample.com", "https://a.example.com.evil", "https://*.example.com"] {
        assert!(allow_origin(&edits(&cors, &[attack])).is_empty(), "{attack}");
    }
}

#[test]
fn a_wildcard_for_fields_does_not_stand_for_authorization() {
    let asking = |name| preflight(APP, "PATCH").field("access-control-request-headers", name);
    let permitted = |config: &str, name| {
        let response = ask(&cors(config), asking(name)).unwrap();
        !response.values("access-control-allow-origin").is_empty()
    };
    let all = r#"{"origins":["*"],"methods":["*"],"headers":["*"]}"#;
    assert!(permitted(all, "x-any"));
    assert!(!permitted(all, "Authorization"));
    let named = r#"{"origins":["*"],"methods":["*"],"headers":["*","authorization"]}"#;
    assert!(permitted(named, "Authorization"));
}

#[test]
fn private_networks_are_permitted_only_where_configured_and_asked() {
    let name = "access-control-allow-private-network";
    let asking = || preflight(APP, "GET").field("access-control-request-private-network", "true");
    let silent = ask(&strict(), asking()).unwrap();
    assert!(silent.values(name).is_empty());
    assert_eq!(silent.values("access-control-allow-origin"), [APP]);

    let open = cors(r#"{"origins":["https://app.example.com"],"private_network":true}"#);
    let asked = ask(&open, asking()).unwrap();
    assert_eq!(asked.values(name), ["true"]);
    assert!(asked.values("vary")[0].ends_with("Access-Control-Request-Private-Network"));
    let unasked = ask(&open, preflight(APP, "GET")).unwrap();
    assert!(unasked.values(name).is_empty());
}

#[test]
fn the_example_of_the_readme_needs_exactly_the_grants_it_shows() {
    let readme = include_str!("../README.md");
    let example = readme.split("```toml").nth(1).unwrap();
    let example: toml::Table = example.split("```").next().unwrap().parse().unwrap();
    let config = serde_json::to_string(&example["chain"][0]["config"]).unwrap();
    let interest = cors(&config).interest();
    let reads = [":method", "origin", "access-control-request-method", "access-control-request-headers"];
    assert_eq!(interest.request_read, reads);
    assert_eq!(interest.response_write, ["access-control-*", "vary"]);
    assert!(interest.may_respond && interest.request_write.is_empty() && interest.response_read.is_empty());
    let granted = example["policy"]["cors"]["grant"].as_array().unwrap();
    let granted: Vec<_> = granted.iter().filter_map(toml::Value::as_str).collect();
    let expected = [
        "read::method",
        "read:origin",
        "read:access-control-request-*",
        "write:access-control-*",
        "write:vary",
        "respond",
    ];
    assert_eq!(granted, expected);
}
