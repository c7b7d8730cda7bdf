//! Whatever is changed of a good request with a proof, it is a good request no more.

use crate::support::client::Client;
use crate::support::*;
use lockgate_plugin_oauth::OAuth;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing::{self, Facts};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

/// A request, as far as a proof is about it.
#[derive(Clone, Debug, PartialEq)]
struct Asked {
    method: String,
    scheme: String,
    authority: String,
    path: String,
    token: String,
    proof: String,
    now_ms: u64,
}

impl Asked {
    fn send(&self, policy: &OAuth) -> String {
        testing::clock::set(self.now_ms);
        let facts: Facts = to(&self.method, &self.scheme, &self.authority, &self.path);
        let facts = facts.field("authorization", format!("DPoP {}", self.token)).field("dpop", &self.proof);
        outcome(&policy.on_request(&facts.build().head()))
    }
}

#[derive(Clone, Debug)]
enum Change {
    Method(String),
    Scheme,
    Authority(String),
    Path(String),
    Token(Index, char),
    Proof(Index, char),
    Shorter(Index),
    Earlier(u64),
    Later(u64),
}

fn change() -> impl Strategy<Value = Change> {
    let letter = || proptest::char::ranges(vec!['0'..='9', 'A'..='Z', 'a'..='z', '-'..='-', '_'..='_'].into());
    prop_oneof![
        1 => "[A-Z]{1,8}".prop_map(Change::Method),
        1 => Just(Change::Scheme),
        1 => "[a-z]{1,4}\\.example\\.com(:[1-9][0-9]{3})?".prop_map(Change::Authority),
        1 => "(/[A-Za-z0-9~.-]{1,6}){0,4}/?".prop_map(Change::Path),
        1 => (any::<Index>(), letter()).prop_map(|(at, letter)| Change::Token(at, letter)),
        4 => (any::<Index>(), letter()).prop_map(|(at, letter)| Change::Proof(at, letter)),
        1 => any::<Index>().prop_map(Change::Shorter),
        1 => (30_001..3_600_000_u64).prop_map(Change::Earlier),
        1 => (90_001..3_600_000_u64).prop_map(Change::Later),
    ]
}

fn with_letter(text: &str, at: Index, letter: char) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let at = at.index(letters.len());
    letters[at] = letter;
    letters.into_iter().collect()
}

fn changed(good: &Asked, change: &Change) -> Asked {
    let mut asked = good.clone();
    match change {
        Change::Method(method) => asked.method = method.clone(),
        Change::Scheme => asked.scheme = "http".to_owned(),
        Change::Authority(authority) => asked.authority = authority.clone(),
        Change::Path(path) => asked.path = path.clone(),
        Change::Token(at, letter) => asked.token = with_letter(&good.token, *at, *letter),
        Change::Proof(at, letter) => asked.proof = with_letter(&good.proof, *at, *letter),
        Change::Shorter(at) => asked.proof.truncate(at.index(good.proof.len())),
        Change::Earlier(ms) => asked.now_ms -= ms,
        Change::Later(ms) => asked.now_ms += ms,
    }
    asked
}

proptest! {
    #[test]
    fn a_changed_request_is_refused_and_uses_nothing_up(change in change()) {
        let client = Client::new();
        // Nonces outlive the proofs here, so that it is not for them that a request is refused.
        let dpop = json!({"replays": "proofs", "nonces": "nonces", "nonce_lifetime": "1h"});
        let policy = introspecting(json!({"dpop": dpop}));
        // Any token is a good one, bound to the client.
        says(active(json!({"exp": NOW + 86_400, "iat": 1, "cnf": {"jkt": client.thumbprint()}})));
        let refused = policy.on_request(&proven(OPAQUE, &client.proof(OPAQUE, json!({}))).head());
        let nonce = refused.response().unwrap().values("dpop-nonce").remove(0);
        let good = Asked {
            method: "GET".to_owned(),
            scheme: "https".to_owned(),
            authority: "api.example.com".to_owned(),
            path: "/pets/7".to_owned(),
            token: OPAQUE.to_owned(),
            proof: client.proof(OPAQUE, json!({"nonce": nonce})),
            now_ms: NOW as u64 * 1000,
        };
        let asked = changed(&good, &change);
        prop_assume!(asked != good);
        let refusal = asked.send(&policy);
        prop_assert!(refusal.starts_with("40"), "{}", refusal);
        prop_assert!(testing::store::keys("proofs").is_empty());
        prop_assert_eq!(good.send(&policy), "pass");
    }
}
