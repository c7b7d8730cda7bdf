//! Key sets that identity providers publish: found, fetched, rotated under load, and kept while the provider is down, slow or lies.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockgate_tests::{Folder, Gateway, Request, Response, Upstream, eventually};
use serde_json::{Value, json};

const DOCUMENT: &str = "/.well-known/openid-configuration";
const SET: &str = "/certs";

/// An identity provider that can be told what to do.
struct Provider {
    server: Upstream,
    does: Arc<Mutex<Does>>,
}

struct Does {
    keys: Vec<(String, Ed25519KeyPair)>,
    mood: Mood,
    /// How often the set itself was asked for.
    asked: usize,
}

#[derive(Clone, Debug)]
enum Mood {
    Well,
    Broken,
    Silent,
    /// What it says in the place of its document.
    Document(Value),
    /// What it says in the place of its set.
    Set(String),
}

impl Provider {
    fn start() -> Self {
        let keys = vec![("first".to_owned(), Ed25519KeyPair::generate().unwrap())];
        let does = Arc::new(Mutex::new(Does { keys, mood: Mood::Well, asked: 0 }));
        let shared = does.clone();
        let server = Upstream::with(move |exchange| {
            let issuer = format!("http://{}", exchange.field("host").unwrap());
            let mood = shared.lock().unwrap().mood.clone();
            let body = match (exchange.target.as_str(), mood) {
                (_, Mood::Broken) => return exchange.reply(500, &[], b"out of order"),
                (_, Mood::Silent) => return exchange.until_closed(),
                (DOCUMENT, Mood::Document(document)) => document.to_string(),
                (DOCUMENT, _) => json!({ "issuer": issuer, "jwks_uri": format!("{issuer}{SET}") }).to_string(),
                (SET, mood) => {
                    let mut does = shared.lock().unwrap();
                    does.asked += 1;
                    match mood {
                        Mood::Set(text) => text,
                        _ => does.set(),
                    }
                }
                _ => return exchange.reply(404, &[], b"?"),
            };
            exchange.reply(200, &[("content-type", "application/json")], body.as_bytes())
        });
        Self { server, does }
    }

    fn issuer(&self) -> String {
        format!("http://{}", self.server.address())
    }

    fn becomes(&self, mood: Mood) {
        self.does.lock().unwrap().mood = mood;
    }

    fn asked(&self) -> usize {
        self.does.lock().unwrap().asked
    }

    /// Have one more key, and sign with that from now on.
    fn add(&self, kid: &str) {
        self.does.lock().unwrap().keys.push((kid.to_owned(), Ed25519KeyPair::generate().unwrap()));
    }

    /// Forget all keys but the newest.
    fn forget(&self) {
        let keys = &mut self.does.lock().unwrap().keys;
        *keys = keys.split_off(keys.len() - 1);
    }

    /// Of the newest key.
    fn token(&self) -> String {
        let does = self.does.lock().unwrap();
        let (kid, key) = does.keys.last().unwrap();
        signed(&self.issuer(), kid, key)
    }

    fn gateway(&self, upstream: &Upstream, more: &str) -> Gateway {
        folder(upstream, &[("idp", self)], more).start()
    }
}

impl Does {
    fn set(&self) -> String {
        let keys: Vec<_> = self.keys.iter().map(|(kid, key)| jwk(kid, key)).collect();
        json!({ "keys": keys }).to_string()
    }
}

fn jwk(kid: &str, key: &Ed25519KeyPair) -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": kid, "x": encode(key.public_key().as_ref()) })
}

fn signed(issuer: &str, kid: &str, key: &Ed25519KeyPair) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({ "iss": issuer, "aud": "api", "sub": "ann", "exp": now + 600 });
    let message = format!(
        "{}.{}",
        encode(json!({ "alg": "EdDSA", "kid": kid }).to_string().as_bytes()),
        encode(claims.to_string().as_bytes())
    );
    format!("{message}.{}", encode(key.sign(message.as_bytes()).as_ref()))
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Where tokens of all these providers are accepted; `more` is said of each key set.
fn folder(upstream: &Upstream, providers: &[(&str, &Provider)], more: &str) -> Folder {
    let (mut declared, mut grants, mut issuers) = (String::new(), String::new(), Vec::new());
    let mut folder = Gateway::folder().upstream(upstream);
    for (name, provider) in providers {
        folder = folder.word(name, provider.server.address());
        declared += &format!(
            "[egress.{name}]\nurl = \"http://${name}\"\npaths = [\"{DOCUMENT}\", \"{SET}\"]\nprivate_ips = true\ntimeout = \"400ms\"\n\
             [keys.{name}]\ndiscover = \"http://${name}\"\negress = [\"{name}\"]\n{more}\n"
        );
        grants += &format!("\"key:{name}\", ");
        issuers.push(format!("{{ issuer = \"http://${name}\", keys = \"{name}\" }}"));
    }
    folder
        .gateway_toml(&format!(
            "{declared}[policy.jwt]\nsource = \"builtin:jwt\"\n\
             grant = [{grants}\"read:authorization\", \"write:authorization\", \"attribute-write:auth.*\", \"respond\"]\n"
        ))
        .api(
            "api",
            &format!(
                "name = \"api\"\nversion = \"1\"\n[upstream.main]\ntargets = [\"http://$upstream\"]\n\
                 [[route]]\nname = \"all\"\nmatch = {{ path = \"/{{*rest}}\" }}\nupstream = \"main\"\n\
                 chain = [{{ policy = \"jwt\", config = {{ audience = \"api\", issuers = [{}] }} }}]\n",
                issuers.join(", ")
            ),
        )
}

fn ask(gateway: &Gateway, token: &str) -> Response {
    gateway.send(&Request::get("/x").bearer(token))
}

#[test]
fn a_set_is_found_by_its_issuer_and_fetched_once_for_all() {
    let (upstream, provider) = (Upstream::echo(), Provider::start());
    let gateway = provider.gateway(&upstream, "cool_down = \"10ms\"");
    let token = provider.token();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    ask(&gateway, &token).assert_status(200);
                }
            });
        }
    });
    assert_eq!(provider.asked(), 1);
    let fetched = "lockgate_key_set_fetches_total{keys=\"idp\",outcome=\"fetched\"}";
    assert_eq!(gateway.metric(fetched), Some(1.0));
    assert!(gateway.metric("lockgate_key_set_fetched_seconds{keys=\"idp\"}") > Some(1_700_000_000.0));
}

#[test]
fn no_token_is_refused_while_keys_are_rotated_under_load() {
    let (upstream, provider) = (Upstream::echo(), Provider::start());
    let gateway = provider.gateway(&upstream, "cool_down = \"50ms\"");
    let old = provider.token();
    thread::scope(|scope| {
        let clients: Vec<_> = (0..6)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = gateway.connect();
                    for _ in 0..60 {
                        let token = provider.token();
                        client.send(&Request::get("/x").bearer(&token)).assert_status(200);
                    }
                })
            })
            .collect();
        for rotation in 0..5 {
            provider.add(&format!("key {rotation}"));
            // Each is used at once.
            ask(&gateway, &provider.token()).assert_status(200);
        }
        clients.into_iter().for_each(|client| client.join().unwrap());
    });
    provider.forget();
    provider.add("last");
    ask(&gateway, &provider.token()).assert_status(200);
    ask(&gateway, &old).assert_status(401);
    assert!(provider.asked() <= 12, "asked {} times", provider.asked());
}

#[test]
fn made_up_key_ids_are_looked_for_at_the_pace_of_the_cool_down() {
    let (upstream, provider) = (Upstream::echo(), Provider::start());
    let gateway = provider.gateway(&upstream, "cool_down = \"1s\"");
    ask(&gateway, &provider.token()).assert_status(200);
    let stranger = Ed25519KeyPair::generate().unwrap();
    let before = provider.asked();
    thread::scope(|scope| {
        for client in 0..20 {
            let (gateway, issuer, stranger) = (&gateway, provider.issuer(), &stranger);
            scope.spawn(move || {
                let token = signed(&issuer, &format!("made up {client}"), stranger);
                for _ in 0..10 {
                    ask(gateway, &token).assert_status(401);
                }
            });
        }
    });
    // They came at once: a fetch may have begun before the last of them was there.
    assert!(provider.asked() - before <= 3, "asked {} times", provider.asked() - before);
    ask(&gateway, &provider.token()).assert_status(200);
}

#[test]
fn while_the_provider_is_down_what_is_known_goes_on() {
    let (upstream, provider) = (Upstream::echo(), Provider::start());
    let mut gateway = provider.gateway(&upstream, "cool_down = \"20ms\"");
    let known = provider.token();
    ask(&gateway, &known).assert_status(200);
    for mood in [Mood::Broken, Mood::Silent, Mood::Set("<html>".to_owned())] {
        let said = format!("{mood:?}");
        provider.becomes(mood);
        provider.add(&said);
        let unknown = ask(&gateway, &provider.token());
        assert_eq!(unknown.status, 503, "{said}: nobody can say whether that key is good");
        ask(&gateway, &known).assert_status(200);
        eventually("it to be told of", || {
            let said = gateway.verb(&["status"]).stdout;
            (said.contains("The key set `idp` cannot be fetched") && said.contains("good for another")).then_some(())
        });
        provider.becomes(Mood::Well);
        eventually("the new key to be fetched", || (ask(&gateway, &provider.token()).status == 200).then_some(()));
    }
    let failed = "lockgate_key_set_fetches_total{keys=\"idp\",outcome=\"failed\"}";
    assert!(gateway.metric(failed) >= Some(3.0));
    assert!(gateway.all_written().contains("key set cannot be fetched"));
}

#[test]
fn what_a_lying_provider_says_is_no_key_set() {
    let (upstream, provider) = (Upstream::echo(), Provider::start());
    let issuer = provider.issuer();
    let elsewhere = Provider::start();
    let good = provider.does.lock().unwrap().set();
    let lies = [
        (
            Mood::Document(json!({ "issuer": "http://other", "jwks_uri": format!("{issuer}{SET}") })),
            "of another issuer",
        ),
        (
            Mood::Document(json!({ "issuer": issuer, "jwks_uri": format!("{}{SET}", elsewhere.issuer()) })),
            "is below the URL of no service",
        ),
        (Mood::Document(json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/other") })), "the path is not granted"),
        (Mood::Document(json!(["issuer"])), "is no such document"),
        (Mood::Set("{}".to_owned()), "not a JSON object with an array `keys`"),
        (Mood::Set("{\"keys\":[]}".to_owned()), "no key of the set can verify"),
        (
            Mood::Set(
                json!({ "keys": [{ "kty": "oct", "alg": "HS256", "kid": "first", "k": encode(&[7; 32]) }] })
                    .to_string(),
            ),
            "a secret that is published is none",
        ),
        (Mood::Set(good.repeat(10_000)), "longer than it may be"),
    ];
    for (lie, reason) in lies {
        let said = format!("{lie:?}").chars().take(80).collect::<String>();
        provider.becomes(lie);
        let mut gateway = provider.gateway(&upstream, "cool_down = \"20ms\"");
        assert_eq!(ask(&gateway, &provider.token()).status, 503, "{said}");
        let told = gateway.wait_for_log("why", |line| {
            (line["message"] == "key set cannot be fetched")
                .then(|| line["reason"].as_str().unwrap_or_default().to_owned())
        });
        assert!(told.contains(reason), "{said}: {told}");
        provider.becomes(Mood::Well);
        eventually("the truth", || (ask(&gateway, &provider.token()).status == 200).then_some(()));
        assert!(!gateway.all_written().contains(&encode(&[7; 32])));
    }
    assert_eq!(elsewhere.server.requests(), 0);
}

#[test]
fn a_set_that_is_too_old_is_good_for_nothing() {
    let (upstream, provider) = (Upstream::echo(), Provider::start());
    let gateway = provider.gateway(&upstream, "cool_down = \"20ms\"\nrefresh = \"1s\"\nstale = \"2s\"");
    let token = provider.token();
    ask(&gateway, &token).assert_status(200);
    provider.becomes(Mood::Broken);
    eventually("the set to be too old", || (ask(&gateway, &token).status == 503).then_some(()));
    provider.becomes(Mood::Well);
    eventually("a new one", || (ask(&gateway, &token).status == 200).then_some(()));
}

#[test]
fn a_key_of_one_issuer_says_nothing_about_tokens_of_another() {
    let (upstream, one, other) = (Upstream::echo(), Provider::start(), Provider::start());
    let gateway = folder(&upstream, &[("one", &one), ("other", &other)], "cool_down = \"20ms\"").start();
    for provider in [&one, &other] {
        ask(&gateway, &provider.token()).assert_status(200);
    }
    let forged = {
        let does = other.does.lock().unwrap();
        let (kid, key) = does.keys.last().unwrap();
        signed(&one.issuer(), kid, key)
    };
    ask(&gateway, &forged).assert_status(401);
    let stranger = Provider::start();
    ask(&gateway, &stranger.token()).assert_status(401);
    // One of them is down: the other's tokens are as good as before.
    one.becomes(Mood::Broken);
    one.add("second");
    ask(&gateway, &one.token()).assert_status(503);
    ask(&gateway, &other.token()).assert_status(200);
}

#[test]
fn a_set_is_kept_when_the_configuration_changes() {
    let (upstream, provider) = (Upstream::echo(), Provider::start());
    let gateway = provider.gateway(&upstream, "");
    let token = provider.token();
    ask(&gateway, &token).assert_status(200);
    provider.becomes(Mood::Broken);
    std::fs::remove_dir_all(gateway.state("key-sets")).unwrap();
    let asked = provider.server.requests();
    let toml = std::fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    gateway.replace("gateway.toml", toml.replace("timeout = \"400ms\"", "timeout = \"300ms\"").as_bytes());
    gateway.wait_for_generation(2);
    provider.server.wait_for_requests(asked + 1);
    ask(&gateway, &token).assert_status(200);
}

#[test]
fn a_gateway_that_starts_while_the_provider_is_down_begins_with_what_was_fetched_last() {
    let (upstream, provider) = (Upstream::echo(), Provider::start());
    let mut gateway = provider.gateway(&upstream, "cool_down = \"20ms\"");
    let token = provider.token();
    ask(&gateway, &token).assert_status(200);
    provider.becomes(Mood::Broken);
    gateway.restart();
    ask(&gateway, &token).assert_status(200);
    provider.add("second");
    assert_eq!(ask(&gateway, &provider.token()).status, 503);
    provider.becomes(Mood::Well);
    eventually("the new key to be fetched", || (ask(&gateway, &provider.token()).status == 200).then_some(()));
}
