//! Owns tests of services that policies may ask.

use std::time::Duration;

use http::Method;

use crate::config::{AuthScheme, Config, Grant, Zone};

use super::{assert_fault, gateway};

const SECRETS: &str = "[secret.k]\nenv = 'K'\n[tls.own]\nverify = false\n";

fn egress(more: &str) -> Result<Config, Vec<String>> {
    gateway(&format!("{SECRETS}[egress.idp]\nurl = 'https://idp.example.com/base/'\npaths = ['/token']\n{more}"))
}

fn at(url: &str, more: &str) -> Result<Config, Vec<String>> {
    gateway(&format!("[egress.idp]\nurl = '{url}'\npaths = ['/*']\n{more}"))
}

#[test]
fn a_service_has_a_place_bounds_and_credentials() {
    let config = egress("").unwrap();
    let (terms, service) = (&config.egress["idp"].terms, &config.egress["idp"]);
    assert_eq!((terms.endpoint.origin.port, terms.endpoint.path.as_str()), (443, "/base"));
    assert_eq!((terms.methods.as_slice(), terms.private_ips), (&[Method::GET][..], false));
    assert_eq!((terms.timeout, terms.connect_timeout), (Duration::from_millis(500), Duration::from_secs(1)));
    assert_eq!((terms.max_response, terms.max_request, terms.max_in_flight), (256 << 10, 64 << 10, 64));
    assert!(service.credentials.is_empty() && service.tls.is_none());
    let config = egress(
        "methods = ['GET', 'POST']\ntls = 'own'\nbasic = 'secret:k'\nheaders = { x-api-key = 'secret:k' }\n\
        [policy.a]\nsource = 'builtin:cors'\ngrant = ['egress:idp']",
    )
    .unwrap();
    let service = &config.egress["idp"];
    assert_eq!((service.terms.methods.len(), service.tls.as_deref()), (2, Some("own")));
    let credentials: Vec<_> =
        service.credentials.iter().map(|it| (it.field.as_str(), it.scheme, &*it.secret)).collect();
    assert_eq!(credentials, [("authorization", AuthScheme::Basic, "k"), ("x-api-key", AuthScheme::Whole, "k")]);
    assert_eq!(config.policies["a"].grants, [Grant::Egress("idp".to_owned())]);
}

#[test]
fn what_cannot_be_meant_is_a_fault_with_its_place() {
    for (more, fault) in [
        ("methods = []", "egress.idp.methods: is empty: nothing could be asked for"),
        ("methods = ['get']", "egress.idp.methods[0]: \"get\" does not fit"),
        ("methods = ['CONNECT']", "egress.idp.methods[0]: \"CONNECT\" does not fit"),
        ("timeout = '61s'", "egress.idp.timeout: \"61s\" does not fit"),
        ("max_response = '17MiB'", "egress.idp.max_response"),
        ("max_in_flight = 0", "egress.idp.max_in_flight: is 0"),
        ("timout = '1s'", "gateway.toml:10: egress.idp.timout: is not a known key; did you mean `timeout`?"),
        ("tls = 'owm'", "egress.idp.tls: names no TLS that is declared; did you mean `own`?"),
        ("bearer = 'hunter2'", "egress.idp.bearer: names no secret"),
        ("bearer = 'secret:absent'", "egress.idp.bearer: names a secret that is not declared"),
        ("bearer = 'secret:k'\nbasic = 'secret:k'", "egress.idp.basic: says `authorization`, and so does `bearer`"),
        (
            "basic = 'secret:k'\nheaders = { authorization = 'secret:k' }",
            "egress.idp.headers: says `authorization`, and so does `basic`",
        ),
        ("headers = { host = 'secret:k' }", "egress.idp.headers.host: is no field that can be set"),
        ("headers = { X-Key = 'secret:k' }", "egress.idp.headers.X-Key: is no field that can be set"),
        (
            "[policy.a]\nsource = 'builtin:cors'\ngrant = ['egress:ipd']",
            "policy.a.grant[0]: names the service `ipd`, which is not declared; did you mean `idp`?",
        ),
    ] {
        assert_fault(egress(more), fault);
        assert!(!format!("{:?}", egress(more)).contains("hunter2"));
    }
    let all = gateway("[egress.idp]\nbearer = 'x'\n").unwrap_err();
    assert_eq!(all.len(), 3, "{all:?}");
    assert_fault(
        at("https://idp", "[tls.own]\n").map(|_| ()).and(at("http://idp", "private_ips = true\ntls = 'a'\n[tls.a]\n")),
        "has no meaning without https",
    );
}

#[test]
fn a_service_is_given_up_before_the_policy_that_waits_for_it() {
    let with = |timeout: &str, wall: &str| {
        egress(&format!("{timeout}\n[policy.a]\nsource = 'builtin:cors'\ngrant = ['egress:idp']\n{wall}"))
    };
    assert!(with("", "").is_ok(), "the defaults agree");
    assert!(with("timeout = '999ms'", "").is_ok() && with("timeout = '2s'", "limits.wall = '3s'").is_ok());
    assert_fault(with("timeout = '1s'", ""), "egress.idp.timeout: may take 1s, and [policy.a] may run for 1s");
    assert_fault(with("", "limits.wall = '500ms'"), "egress.idp.timeout: may take 500ms");
    assert!(egress("timeout = '9s'\n[policy.a]\nsource = 'builtin:cors'\n").is_ok(), "nobody waits for it");
}

#[test]
fn rules_of_paths_are_in_the_form_paths_come_in() {
    let with = |path: &str| gateway(&format!("[egress.idp]\nurl = 'https://idp'\npaths = ['{path}']\n"));
    for path in ["/", "/*", "/token", "/keys/*", "/.well-known/*", "/a%20b", "/users/@me", "/v*"] {
        assert_eq!(with(path).unwrap().egress["idp"].terms.paths[0].to_string(), path);
    }
    for (path, fault) in [
        ("token", "the path does not begin with `/`"),
        ("*", "the path does not begin with `/`"),
        ("/a/*/b", "`*` stands only at the end"),
        ("/a?x=1", "queries are not matched"),
        ("/a/../b", "no path is like that after the rule of paths; `/b` would be"),
        ("//a", "`/a` would be"),
        ("/%61", "`/a` would be"),
        ("/a%2", "`%` without two hexadecimal digits"),
        ("/a;b", "path parameter"),
        ("/a\\b", "must be percent-encoded"),
    ] {
        assert_fault(with(path), fault);
    }
}

#[test]
fn a_service_is_reached_by_tls_or_lies_where_the_operator_says() {
    let private = "private_ips = true\n";
    for (url, more) in [
        ("https://idp.example.com", ""),
        ("https://1.1.1.1", ""),
        ("https://10.0.0.1", private),
        ("http://10.0.0.1:9000", private),
        ("http://idp.internal", private),
        ("http://localhost:9000/base", private),
        ("http://[::1]:9000", private),
    ] {
        at(url, more).unwrap();
    }
    for (url, more, fault) in [
        ("http://idp.example.com", "", "egress.idp.url: is not encrypted; write https://, or `private_ips = true`"),
        ("http://1.1.1.1", private, "egress.idp.url: is not encrypted; write https://"),
        ("https://10.0.0.1", "", "egress.idp.url: is no address of the internet; write `private_ips = true`"),
        ("https://localhost", "", "is no address of the internet"),
        ("https://[::ffff:127.0.0.1]", "", "is no address of the internet"),
        ("https://[64:ff9b::10.0.0.1]", "", "is no address of the internet"),
        ("https://169.254.169.254", private, "is a link-local or metadata address"),
        ("https://metadata.google.internal", private, "is a link-local or metadata address"),
        ("https://[2002:a9fe:a9fe::1]", private, "is a link-local or metadata address"),
        ("http://127.0.0.1:8080", private, "is this gateway itself"),
        ("http://localhost:8081", private, "is this gateway itself"),
        ("https://0.0.0.0", private, "is the address of no host"),
        ("https://224.0.0.1", private, "is the address of no host"),
        ("unix:/run/idp.sock", private, "the path does not begin with /"),
        ("https://user@idp", "", "there is more than host and port"),
        ("https://idp/a/../b", "", "or parts that are empty"),
        ("https://idp/a//b", "", "or parts that are empty"),
    ] {
        assert_fault(at(url, more), fault);
    }
}

#[test]
fn a_private_network_is_no_loopback_unless_the_url_says_so() {
    let zones = |url: &str, more: &str| {
        let config = at(url, more).unwrap();
        let admits = |zone: &Zone| config.egress["idp"].terms.admits(*zone);
        let all = [Zone::Public, Zone::Private, Zone::Loopback, Zone::Metadata, Zone::Nowhere];
        all.into_iter().filter(admits).collect::<Vec<_>>()
    };
    assert_eq!(zones("https://idp", ""), [Zone::Public]);
    assert_eq!(zones("https://idp", "private_ips = true"), [Zone::Public, Zone::Private]);
    assert_eq!(zones("http://idp", "private_ips = true"), [Zone::Private]);
    assert_eq!(zones("http://idp.localhost", "private_ips = true"), [Zone::Private, Zone::Loopback]);
}
