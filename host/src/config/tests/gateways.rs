//! Owns tests of gateway.toml apart from keys and policies.

use std::time::Duration;

use http::Version;

use super::{LISTEN, assert_fault, gateway, parse};
use crate::config::{ForwardingField, Said, Tracing};

#[test]
fn a_listener_alone_is_a_configuration_with_every_default() {
    let config = gateway("").unwrap();
    let listener = &config.listeners[0];
    assert_eq!((listener.name.as_str(), listener.address.to_string()), ("public", "127.0.0.1:8080".to_owned()));
    assert_eq!((listener.header_timeout, listener.idle_timeout), (Duration::from_secs(10), Duration::from_secs(75)));
    assert_eq!((listener.max_connections, listener.max_headers), (10_000, 100));
    assert_eq!((listener.max_header_bytes, listener.max_body_bytes), (32 << 10, None));
    assert_eq!((listener.max_connections_per_address, listener.max_target_bytes), (2_500, 8 << 10));
    assert_eq!((listener.body_timeout, listener.min_rate), (Duration::from_secs(30), 256));
    assert_eq!((config.runtime.workers, config.state_dir), (None, None));
    let (drain, drain_delay) = (config.runtime.drain, config.runtime.drain_delay);
    assert_eq!((config.runtime.max_requests, drain, drain_delay), (20_000, Duration::from_secs(30), Duration::ZERO));
    assert_eq!((config.admin.to_string().as_str(), config.access_log), ("127.0.0.1:8081", true));
    let fields: Vec<String> = config.identity_headers.iter().map(ToString::to_string).collect();
    assert_eq!(fields, ["x-consumer-*", "x-authenticated-*", "x-lockgate-*"]);
}

#[test]
fn everything_can_be_said() {
    let config = parse(&[(
        "gateway.toml",
        r#"
        state.dir = "/var/lib/lockgate"
        runtime.workers = 4
        admin.address = "[::1]:9000"
        access_log.enabled = false
        request.identity_headers = ["x-user", "x-team-*"]
        upstreams.allow = ["*.svc", "10.0.0.0/8"]
        secret.a.env = "A"
        secret.b.file = "/run/secrets/b"
        store.counts = { namespace = "shared", max_entries = 5, max_bytes = "1MiB" }
        [listen.public]
        address = "0.0.0.0:443"
        header_timeout = "500ms"
        idle_timeout = "2m"
        max_connections = 7
        max_header_bytes = "8KiB"
        max_headers = 9
        max_body_bytes = "512B"
        [listen.internal]
        address = "127.0.0.1:80"
        "#,
    )])
    .unwrap();
    assert_eq!(config.runtime.workers, Some(4));
    assert_eq!(config.state_dir.unwrap().to_str(), Some("/var/lib/lockgate"));
    assert!(!config.access_log);
    assert_eq!(config.secrets.len(), 2);
    assert_eq!(config.stores["counts"].namespace.as_deref(), Some("shared"));
    let names: Vec<&str> = config.listeners.iter().map(|listener| listener.name.as_str()).collect();
    assert_eq!(names, ["internal", "public"]);
    assert_eq!(config.listeners[1].max_body_bytes, Some(512));
    assert_eq!(config.listeners[1].header_timeout, Duration::from_millis(500));
}

#[test]
fn what_does_not_fit_is_a_fault() {
    let cases = [
        ("runtime.workers = 0", "gateway.toml:3: runtime.workers: is 0; write an integer from 1 to 256"),
        ("runtime.workers = 257", "is 257"),
        ("runtime.max_requests = 0", "runtime.max_requests: is 0"),
        ("runtime.drain = \"25h\"", "runtime.drain: \"25h\" does not fit"),
        (
            "listen.b = { address = \"127.0.0.1:1\", max_header_bytes = \"8KiB\", max_target_bytes = \"9KiB\" }",
            "listen.b.max_target_bytes: is more than `max_header_bytes`",
        ),
        ("runtime.workers = 99999999999999999999", "is an integer; write"),
        ("runtime.workers = \"4\"", "is a string; write an integer"),
        ("runtime = 4", "runtime: is an integer; write a table"),
        ("admin.address = \"0.0.0.0:8081\"", "admin.address: \"0.0.0.0:8081\" does not fit; write a loopback address"),
        ("admin.address = \"localhost\"", "\"localhost\" does not fit"),
        ("access_log.enabled = \"no\"", "write `true` or `false`"),
        ("request.identity_headers = [\"*\"]", "request.identity_headers[0]: \"*\" does not fit"),
        ("request.identity_headers = [\":client\"]", "\":client\" does not fit"),
        ("request.identity_headers = [\"X-User\"]", "\"X-User\" does not fit"),
        ("request.identity_headers = \"x-user\"", "is a string; write a list"),
        (
            "request.id_header = \"Request-Id\"",
            "\"Request-Id\" does not fit; write the lower-case name of a header field",
        ),
        ("request.id_header = \"authorization\"", "\"authorization\" does not fit"),
        ("request.id_header = \"a b-id\"", "\"a b-id\" does not fit"),
        ("upstreams.allow = [\"10.0.0.0/40\"]", "upstreams.allow[0]: \"10.0.0.0/40\" is not valid"),
        ("state.dir = \"\"", "\"\" does not fit; write a string that is not empty"),
        ("secret.x = {}", "secret.x: lacks its kind; give exactly one of `env`, `file`"),
        ("secret.x = { env = \"A\", file = \"b\" }", "is of several kinds at once"),
        ("secret.x.env = 1979-05-27", "is a datetime"),
        ("secret.\"a b\".env = \"A\"", "secret.\"a b\": is not a name"),
        ("secret = \"hunter2\"", "secret: is a string; write a table of names"),
        ("store.x.max_bytes = 5", "store.x.max_bytes: is an integer; write a size"),
        ("store.x.max_bytes = \"1TB\"", "\"1TB\" does not fit"),
        ("listen.b.address = \"127.0.0.1:8080\"", "is the address of [listen.b] too"),
        ("listen.b.address = \"unix:b.sock\"", "is not valid: the path does not begin with /"),
        (
            "listen.b = { address = \"127.0.0.1:1\", mode = \"0600\" }",
            "listen.b.mode: has no meaning without a Unix socket",
        ),
        ("listen.b = { address = \"unix:/b\", mode = \"0900\" }", "listen.b.mode: \"0900\" is not valid"),
        ("listen.b.address = \"unix:/b\"\nlisten.c.address = \"unix:/b\"", "is the address of [listen.b] too"),
        ("upstreams.sockets = [\"/run/app.sock\"]", "upstreams.sockets[0]: \"/run/app.sock\" is not valid"),
        ("listen.b.address = \"127.0.0.1:8081\"", "is the address of [admin] too"),
        (
            "listen.b = { address = \"127.0.0.1:1\", max_header_bytes = \"4KiB\" }",
            "write a size from \"8KiB\" to \"1MiB\"",
        ),
    ];
    for (text, fault) in cases {
        assert_fault(parse(&[("gateway.toml", &format!("\n\n{text}\n{LISTEN}"))]), fault);
    }
}

#[test]
fn unknown_keys_are_faults_with_the_nearest_known_key() {
    let cases = [
        ("[listne.x]", "listne: is not a known key; did you mean `listen`?"),
        ("[runtime]\nworker = 1", "runtime.worker: is not a known key; did you mean `workers`?"),
        ("[runtime]\nquantum = 1", "remove it; known here: `workers`"),
        ("[[route]]", "`route` belongs in the api.toml of an API's folder"),
        ("[upstream.x]", "`upstream` belongs in the api.toml of an API's folder"),
    ];
    for (text, fault) in cases {
        assert_fault(gateway(text), fault);
    }
}

#[test]
fn a_gateway_needs_a_file_and_a_listener() {
    assert_fault(parse(&[]), "gateway.toml: is missing");
    assert_fault(parse(&[("gateway.toml", "")]), "gateway.toml: listen: is missing");
    assert_fault(parse(&[("gateway.toml", "listen = 3")]), "listen: is an integer");
    assert_fault(parse(&[("gateway.toml", "[listen.a]")]), "gateway.toml:1: listen.a.address: is missing");
}

#[test]
fn duplicate_names_are_faults() {
    assert_fault(gateway("[store.a]\n[store.a]"), "gateway.toml:4: is not TOML: duplicate key");
}

#[test]
fn all_syntax_faults_of_a_file_come_at_once() {
    let faults = gateway("a = \nb = [1\n\n[c]\nd = 'x\n").unwrap_err();
    assert!(faults.len() > 1, "{faults:?}");
    assert!(faults[0].starts_with("gateway.toml:3: is not TOML"), "{faults:?}");
}

#[test]
fn text_that_is_not_utf8_is_a_fault_with_its_line() {
    let tree = crate::config::Tree::from_files([("gateway.toml", b"# one\n# \xff\n".to_vec())]);
    let faults = crate::config::Config::parse(&tree).unwrap_err();
    assert_eq!(faults[0].to_string(), "gateway.toml:2: is not UTF-8; save the file as UTF-8");
}

#[test]
fn stores_that_share_a_namespace_have_the_same_limits() {
    let with = |more: &str| {
        gateway(&format!("[store.a]\nnamespace = 'n'\nmax_entries = 5\n[store.b]\nnamespace = 'n'\n{more}"))
    };
    assert!(with("max_entries = 5\n").is_ok());
    let fault =
        "gateway.toml:6: store.b: has other limits than `a`, with which it shares the namespace \"n\"; give both";
    assert_fault(with(""), fault);
    assert!(gateway("[store.a]\nmax_entries = 5\n[store.b]\n").is_ok(), "those without one are apart");
}

#[test]
fn ids_and_traces_are_passed_on_where_that_is_said() {
    let config = gateway("[tracing]\nsampled = true\n").unwrap();
    assert_eq!((config.id_header, config.tracing), (None, None));
    let config = gateway("[request]\nid_header = 'x-request-id'\n[tracing]\npropagate = true\n").unwrap();
    assert_eq!(config.id_header.unwrap(), "x-request-id");
    assert_eq!(config.tracing, Some(Tracing { sampled: false }));
}

#[test]
fn whose_word_is_taken_and_what_is_told_can_be_said() {
    let told = |more: &str| gateway(&format!("[forwarding]\n{more}\n")).map(|config| config.forwarding);
    let silent = told("").unwrap();
    assert!(!silent.trusts_anyone() && !silent.trusts(None) && silent.says(Said::XForwarded));
    assert_eq!((silent.read, silent.via(Version::HTTP_11)), (ForwardingField::XForwarded, None));
    let all = told(
        "trusted = ['10.0.0.0/8', '::1', 'unix']\nread = 'forwarded'\nsend = ['via', 'forwarded']\nname = 'edge'\nby = '_e'",
    )
    .unwrap();
    assert!(all.trusts(None) && all.trusts("10.1.2.3".parse().ok()) && all.trusts("::1".parse().ok()));
    assert!(!all.trusts("11.0.0.1".parse().ok()) && !all.says(Said::XForwarded));
    let via = [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2].map(|version| all.via(version).unwrap().clone());
    assert_eq!(via, ["1.0 edge", "1.1 edge", "2 edge"]);
    assert_eq!(all.by.as_deref(), Some("_e"));
    let cases = [
        ("trusted = ['10.0.0.0/33']", "forwarding.trusted[0]: \"10.0.0.0/33\" is not valid"),
        ("trusted = ['proxy.example']", "write an IP address, a network like `10.0.0.0/8`, or `unix`"),
        ("read = 'both'", "write \"x-forwarded\" or \"forwarded\""),
        ("send = ['x-real-ip']", "forwarding.send[0]: \"x-real-ip\" is not valid: it names nothing that is sent"),
        ("name = 'a b'", "it is no token"),
        ("by = 'edge'", "it does not begin with `_`"),
    ];
    for (text, fault) in cases {
        assert_fault(told(text), fault);
    }
}
