//! Nonces: asked for where they are missing, and replaced before they end (RFC 9449 section 9).

use crate::support::client::Client;
use crate::support::*;
use lockgate_plugin_oauth::OAuth;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing::{self, Facts};
use serde_json::{Value, json};

fn proving(client: &Client) -> OAuth {
    proving_with(client, json!({}))
}

fn proving_with(client: &Client, change: Value) -> OAuth {
    let policy = introspecting(json!({"dpop": merged(json!({"replays": "proofs", "nonces": "nonces"}), change)}));
    says(active(json!({"exp": NOW + 86_400, "cnf": {"jkt": client.thumbprint()}})));
    policy
}

/// What comes of a proof of this moment that holds `nonce`.
fn ask(policy: &OAuth, client: &Client, nonce: Option<&str>) -> Verdict {
    let now = clock::unix_ms() / 1000;
    let change: Value = nonce.map_or(json!({"iat": now}), |nonce| json!({"iat": now, "nonce": nonce}));
    policy.on_request(&proven(OPAQUE, &client.proof(OPAQUE, change)).head())
}

/// The nonce a client is given with the answer to it.
fn given(policy: &OAuth, verdict: &Verdict) -> Option<String> {
    if let Some(response) = verdict.response() {
        return response.values("dpop-nonce").pop();
    }
    let state = verdict.edits().and_then(Edits::new_state).unwrap_or_default().to_vec();
    let told = policy.on_response(&Facts::response().status(200).build().head(), &state);
    told.edits().and_then(|edits| edits.sets("dpop-nonce").pop())
}

#[test]
fn a_client_without_a_nonce_is_given_one_and_gets_in_with_it() {
    let client = Client::new();
    let policy = proving(&client);
    let refused = ask(&policy, &client, None);
    assert_eq!(outcome(&refused), "401 nonce_needed");
    let challenges = challenges(&refused);
    assert!(
        challenges[1].starts_with("DPoP ") && challenges[1].contains(r#"error="use_dpop_nonce""#),
        "{challenges:?}"
    );
    assert!(!challenges[0].contains("error"), "{challenges:?}");
    assert!(testing::store::keys("proofs").is_empty());
    let nonce = given(&policy, &refused).unwrap();
    assert_eq!(outcome(&ask(&policy, &client, Some(&nonce))), "pass");
    assert_eq!(outcome(&ask(&policy, &client, Some(&nonce))), "pass", "as often as it likes, with a proof each");
}

#[test]
fn a_nonce_is_replaced_in_the_second_half_of_its_life() {
    let client = Client::new();
    for (change, lifetime) in [(json!({}), 300), (json!({"nonce_lifetime": "100s"}), 100)] {
        let policy = proving_with(&client, change);
        testing::clock::set(NOW as u64 * 1000);
        let nonce = given(&policy, &ask(&policy, &client, None)).unwrap();
        let at = |seconds: u64, nonce: &str| {
            testing::clock::set((NOW as u64 + seconds) * 1000);
            let verdict = ask(&policy, &client, Some(nonce));
            (outcome(&verdict), given(&policy, &verdict))
        };
        assert_eq!(at(lifetime / 2, &nonce), ("pass".to_owned(), None));
        let (admitted, next) = at(lifetime / 2 + 1, &nonce);
        assert_eq!(admitted, "pass");
        let next = next.unwrap();
        assert_eq!(at(lifetime, &nonce).0, "pass");
        let (stale, another) = at(lifetime + 1, &nonce);
        assert_eq!(stale, "401 nonce_stale");
        assert!(another.is_some());
        assert_eq!(at(lifetime + 1, &next), ("pass".to_owned(), None));
    }
}

#[test]
fn what_is_no_nonce_of_this_server_is_stale() {
    let client = Client::new();
    let policy = proving(&client);
    let good = given(&policy, &ask(&policy, &client, None)).unwrap();
    let mut changed = good.clone().into_bytes();
    changed[30] = if changed[30] == b'A' { b'B' } else { b'A' };
    for nonce in ["", "a", &good[1..], &format!("{good}A"), &String::from_utf8(changed).unwrap()] {
        assert_eq!(outcome(&ask(&policy, &client, Some(nonce))), "401 nonce_stale", "{nonce}");
    }
}

#[test]
fn any_gateway_with_the_key_knows_the_nonce() {
    let client = Client::new();
    let policy = proving(&client);
    let nonce = given(&policy, &ask(&policy, &client, None)).unwrap();
    let another = proving(&client);
    assert_eq!(outcome(&ask(&another, &client, Some(&nonce))), "pass");
}

#[test]
fn without_nonces_none_is_given_and_none_is_looked_at() {
    let client = Client::new();
    let policy = introspecting(json!({"dpop": {"replays": "proofs"}}));
    says(active(json!({"cnf": {"jkt": client.thumbprint()}})));
    let interest = policy.interest();
    assert!(interest.seals.is_empty() && interest.response_write.is_empty());
    let verdict = ask(&policy, &client, Some("whatever"));
    assert_eq!((outcome(&verdict), given(&policy, &verdict)), ("pass".to_owned(), None));
}
