//! Owns tests of api.toml apart from chains.

use std::time::Duration;

use crate::config::Backend;
use crate::route::{Condition, Wanted};

use super::{LISTEN, PETS, api, assert_fault, parse};

#[test]
fn an_api_has_upstreams_and_routes() {
    let api = api(r#"
        name = "petstore"
        version = "1.2.0"
        hosts = ["pets.example", "*.pets.example"]
        [upstream.pets]
        targets = ["http://127.0.0.1:9001", "http://127.0.0.1:9002"]
        timeouts = { connect = "1s" }
        max_idle = 5
        [[route]]
        name = "getPet"
        match = { path = "/pets/{id}", methods = ["GET", "HEAD"], headers = { x-env = "beta" }, query = { "a b" = "c", d = true } }
        upstream = "pets"
        timeout = "5s"
        [[route]]
        name = "rest"
        match.path = "/{*rest}"
        upstream = "pets"
    "#)
    .unwrap();
    assert_eq!((api.name.as_str(), api.version.as_str()), ("petstore", "1.2.0"));
    assert_eq!(api.hosts.len(), 2);
    let pets = &api.upstreams["pets"];
    assert_eq!(pets.targets[1].target.to_string(), "http://127.0.0.1:9002");
    assert_eq!((pets.timeouts.connect, pets.timeouts.first_byte), (Duration::from_secs(1), Duration::from_secs(30)));
    assert_eq!(pets.max_idle, 5);
    let [get, rest] = &api.routes[..] else { panic!("{api:?}") };
    assert_eq!(get.matching.methods, ["GET", "HEAD"]);
    let beta = Condition { name: "x-env".parse().unwrap(), wanted: Wanted::Exactly("beta".parse().unwrap()) };
    assert_eq!(get.matching.headers, [beta]);
    let query = [("a b", Wanted::Exactly("c".into())), ("d", Wanted::Present)];
    assert_eq!(get.matching.query, query.map(|(name, wanted)| Condition { name: name.into(), wanted }));
    assert_eq!(get.backend, Backend::Upstream("pets".to_owned()));
    assert_eq!((get.timeout, rest.timeout), (Duration::from_secs(5), Duration::from_secs(60)));
    assert!(rest.matching.methods.is_empty());
    assert_eq!((rest.place.line, rest.place.key.as_str()), (Some(14), "route[1]"));
}

#[test]
fn apis_that_make_no_sense_are_faults() {
    let cases = [
        ("version = '1'", "pets/api.toml: name: is missing"),
        ("name = 'a'", "pets/api.toml: version: is missing"),
        ("name = 'a b'\nversion = '1'", "pets/api.toml:1: name: \"a b\" does not fit"),
        ("name = 'a'\nversion = '1'\nhosts = ['']", "hosts[0]: \"\" does not fit"),
        ("name = 'a'\nversion = '1'\nhosts = ['a/b']", "hosts[0]: \"a/b\" is not valid"),
        ("name = 'a'\nversion = '1'\nhosts = []", "hosts: is empty; leave it out for any"),
        ("name = 'a'\nversion = '1'\nroute = 3", "route: is an integer"),
    ];
    for (text, fault) in cases {
        assert_fault(api(text), fault);
    }
}

#[test]
fn powers_belong_in_the_gateways_file() {
    for key in ["listen", "keys", "secret", "policy", "store", "admin", "state", "grant", "upstreams", "limits"] {
        let fault = format!("pets/api.toml:3: {key}: is not a known key; `{key}` belongs in gateway.toml");
        assert_fault(api(&format!("name = 'a'\nversion = '1'\n[{key}]\n")), &fault);
    }
}

#[test]
fn upstreams_that_make_no_sense_are_faults() {
    let cases = [
        ("", "upstream.u.targets: is missing"),
        ("targets = []", "upstream.u.targets: is empty"),
        ("targets = 'http://a'", "upstream.u.targets: is a string"),
        ("targets = ['http://a', 'https://b']", "upstream.u.targets: holds both targets with TLS and without"),
        ("targets = ['http://a']\nserver_name = 'a'", "upstream.u.server_name: has no meaning without https://"),
        ("targets = ['http://a']\nprotocol = 'auto'", "upstream.u.protocol: needs TLS"),
        ("targets = ['http://a']\nprotocol = 'h3'", "write \"auto\", \"http/1.1\" or \"h2\""),
        ("targets = ['https://a']\ntls = 'own'", "upstream.u.tls: names \"own\", which is not declared"),
        ("targets = ['http://a/v1']", "there is more than host and port"),
        ("targets = ['http://user:hunter2@a']", "targets[0]: \"http://…@a\" is not valid"),
        (
            "targets = ['http://169.254.169.254']",
            "pets/api.toml:4: upstream.u.targets[0]: is a link-local or metadata address",
        ),
        ("targets = ['http://localhost:8080']", "is this gateway itself"),
        ("targets = ['http://127.0.0.1:8081']", "is this gateway itself"),
        ("targets = ['http://a']\ntimeouts.idle = '0ms'", "upstream.u.timeouts.idle: \"0ms\" does not fit"),
        ("targets = ['http://a']\ntimeout = '1s'", "did you mean `timeouts`?"),
        ("targets = ['http://a']\nmax_idle = -1", "is -1"),
    ];
    for (text, fault) in cases {
        assert_fault(api(&format!("name = 'a'\nversion = '1'\n[upstream.u]\n{text}\n")), fault);
    }
}

#[test]
fn a_target_the_operator_does_not_allow_is_a_fault() {
    let gateway = format!("{LISTEN}[upstreams]\nallow = ['*.svc']\n");
    let files = [("gateway.toml", gateway.as_str()), ("pets/api.toml", PETS)];
    assert_fault(parse(&files), "pets/api.toml:4: upstream.pets.targets[0]: is outside [upstreams] allow");
}

#[test]
fn routes_that_make_no_sense_are_faults() {
    let cases = [
        ("match.path = '/'\nupstream = 'pets'", "route[0].name: is missing"),
        ("name = 'a b'\nmatch.path = '/'\nupstream = 'pets'", "route[0].name: \"a b\" does not fit"),
        ("name = 'a'\nupstream = 'pets'", "route[0].match: is missing"),
        ("name = 'a'\nmatch = {}\nupstream = 'pets'", "route[0].match.path: is missing"),
        ("name = 'a'\nmatch.path = 'pets'\nupstream = 'pets'", "route[0].match.path: \"pets\" is not valid"),
        (
            "name = 'a'\nmatch = { path = '/', methods = ['G T'] }\nupstream = 'pets'",
            "methods[0]: \"G T\" does not fit",
        ),
        ("name = 'a'\nmatch = { path = '/', method = 'GET' }\nupstream = 'pets'", "did you mean `methods`?"),
        (
            "name = 'a'\nmatch = { path = '/', headers = { 'a b' = '' } }\nupstream = 'pets'",
            "headers.\"a b\": is no name of a header field",
        ),
        (
            "name = 'a'\nmatch = { path = '/', headers = { a = \"\\n\" } }\nupstream = 'pets'",
            "headers.a: \"\\n\" does not fit",
        ),
        (
            "name = 'a'\nmatch = { path = '/', headers = { a = '', A = '' } }\nupstream = 'pets'",
            "headers.a: is there twice",
        ),
        (
            "name = 'a'\nmatch = { path = '/', methods = [] }\nupstream = 'pets'",
            "methods: is empty; leave it out for any",
        ),
        ("name = 'a'\nmatch = { path = '/', hosts = [] }\nupstream = 'pets'", "hosts: is empty; leave it out for any"),
        (
            "name = 'a'\nmatch = { path = '/', headers = {} }\nupstream = 'pets'",
            "headers: is empty; leave it out for any",
        ),
        (
            "name = 'a'\nmatch = { path = '/', headers = { a = false } }\nupstream = 'pets'",
            "headers.a: is a boolean; write a string fit for a header field, or `true`",
        ),
        (
            "name = 'a'\nmatch = { path = '/', query = { a = 1 } }\nupstream = 'pets'",
            "query.a: is an integer; write a string or `true`",
        ),
        (
            "name = 'a'\nmatch.path = '/'",
            "route[0]: lacks its kind; give exactly one of `upstream`, `split`, `responder`, `redirect`, `respond`",
        ),
        (
            "name = 'a'\nmatch.path = '/'\nupstream = 'pets'\nresponder = 'cors'",
            "route[0]: is of several kinds at once",
        ),
        (
            "name = 'a'\nmatch.path = '/'\nupstream = 'x'",
            "pets/api.toml:8: route[0].upstream: names the upstream \"x\"",
        ),
        ("name = 'a'\nmatch.path = '/'\nupstream = 'pets'\ntimeout = 5", "route[0].timeout: is an integer"),
    ];
    for (text, fault) in cases {
        assert_fault(api(&format!("{PETS}[[route]]\n{text}\n")), fault);
    }
}

#[test]
fn names_of_routes_and_apis_are_unique() {
    let route = "[[route]]\nname = 'a'\nmatch.path = '/'\nupstream = 'pets'\n";
    let fault = "pets/api.toml:10: route[1].name: is the name of the route in line 6 too";
    assert_fault(api(&format!("{PETS}{route}{route}")), fault);
    let files = [("gateway.toml", LISTEN), ("a/api.toml", PETS), ("b/api.toml", PETS)];
    assert_fault(parse(&files), "b/api.toml:1: name: is the name of the API in a/api.toml too");
}

#[test]
fn folders_without_toml_are_no_apis() {
    let files = [("gateway.toml", LISTEN), ("components/guard.wasm", "guard"), ("docs/deep/readme.md", "")];
    assert_eq!(parse(&files).unwrap().apis, []);
    let files = [("gateway.toml", LISTEN), ("pets/apis.toml", "")];
    assert_fault(parse(&files), "pets/api.toml: is missing beside other TOML files");
}

#[test]
fn names_are_not_complained_about_while_the_gateways_file_cannot_be_read() {
    let text = format!("{PETS}[[chain]]\npolicy = 'absent'\n");
    assert_fault(parse(&[("pets/api.toml", &text)]), "gateway.toml: is missing");
}
