//! Tokens of a certified identity provider, whose keys change while they are used.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use lockgate_tests::foreign::ForeignServer;
use lockgate_tests::{Gateway, Request, Response, Upstream, eventually};

fn gateway(upstream: &Upstream, provider: &ForeignServer) -> Gateway {
    Gateway::folder()
        .upstream(upstream)
        .word("idp", provider.address())
        .gateway_toml(
            "[egress.idp]\nurl = \"http://$idp\"\npaths = [\"/.well-known/openid-configuration\", \"/jwks\"]\nprivate_ips = true\n\
             timeout = \"2s\"\n[keys.idp]\ndiscover = \"http://$idp\"\negress = [\"idp\"]\nrefresh = \"1s\"\ncool_down = \"50ms\"\n\
             [policy.jwt]\nsource = \"builtin:jwt\"\n\
             grant = [\"key:idp\", \"read:authorization\", \"write:authorization\", \"attribute-write:auth.*\", \"respond\", \"write:x-app\"]\n",
        )
        .api(
            "api",
            "name = \"api\"\nversion = \"1\"\n[upstream.main]\ntargets = [\"http://$upstream\"]\n\
             [[route]]\nname = \"all\"\nmatch = { path = \"/{*rest}\" }\nupstream = \"main\"\n\
             chain = [{ policy = \"jwt\", config = { keys = \"idp\", issuer = \"http://$idp\", audience = \"api\", \
             scopes = [\"pets:read\"], headers = { client_id = \"x-app\" } } }]\n",
        )
        .start()
}

fn ask(gateway: &Gateway, token: &str) -> Response {
    gateway.send(&Request::get("/x").bearer(token))
}

#[test]
fn tokens_of_a_certified_provider_pass_while_its_keys_change_under_load() {
    let (upstream, mut provider) = (Upstream::echo(), ForeignServer::node("identity", "provider"));
    let gateway = gateway(&upstream, &provider);
    let first = provider.tell("token");
    let response = ask(&gateway, &first);
    response.assert_status(200);
    assert_eq!(response.echoed("x-app"), ["app"]);
    let (newest, is_over, sent) = (Mutex::new(first.clone()), AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = gateway.connect();
                while !is_over.load(Ordering::Relaxed) {
                    let token = newest.lock().unwrap().clone();
                    client.send(&Request::get("/x").bearer(&token)).assert_status(200);
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..4 {
            assert_eq!(provider.tell("rotate"), "rotated");
            let token = provider.tell("token");
            ask(&gateway, &token).assert_status(200);
            *newest.lock().unwrap() = token;
            let seen = sent.load(Ordering::Relaxed);
            eventually("load with the new key", || (sent.load(Ordering::Relaxed) > seen + 50).then_some(()));
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert_eq!(provider.tell("retire"), "retired");
    eventually("the first key to be forgotten", || (ask(&gateway, &first).status == 401).then_some(()));
    let last = newest.into_inner().unwrap();
    ask(&gateway, &last).assert_status(200);
    drop(provider);
    let failed = "lockgate_key_set_fetches_total{keys=\"idp\",outcome=\"failed\"}";
    eventually("a fetch in vain", || (gateway.metric(failed) > Some(0.0)).then_some(()));
    ask(&gateway, &last).assert_status(200);
}

#[test]
fn a_certified_provider_that_is_silent_or_lies_costs_no_token_that_is_known_and_makes_none_good() {
    let (upstream, mut provider) = (Upstream::echo(), ForeignServer::node("identity", "provider"));
    let gateway = gateway(&upstream, &provider);
    let known = provider.tell("token");
    ask(&gateway, &known).assert_status(200);
    assert_eq!(provider.tell("rotate"), "rotated");
    let unknown = provider.tell("token");
    provider.fall_silent();
    // It may have been fetched just before.
    let answer = ask(&gateway, &unknown).status;
    assert!(
        [200, 503].contains(&answer),
        "nobody can say whether that key is good, and nobody says it is not: {answer}"
    );
    for _ in 0..20 {
        ask(&gateway, &known).assert_status(200);
    }
    provider.wake();
    eventually("the new key to be fetched", || (ask(&gateway, &unknown).status == 200).then_some(()));
    assert_eq!(provider.tell("lie"), "lying");
    let late = self::gateway(&upstream, &provider);
    ask(&late, &known).assert_status(503);
    ask(&gateway, &known).assert_status(200);
    assert_eq!(provider.tell("repent"), "honest");
    eventually("the set to be believed", || (ask(&late, &known).status == 200).then_some(()));
}
