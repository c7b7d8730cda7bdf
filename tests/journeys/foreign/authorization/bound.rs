//! Tokens bound to a key: who shows one proves that they hold it, once for each request (RFC 9449).

use serde_json::{Value, json};

use super::*;

const DPOP: &str = "[chain.config.dpop]\nreplays = \"proofs\"";

impl Guarded {
    fn proving(more: &str) -> Self {
        Self::start(&format!("{}\n{DPOP}\n{more}", introspecting("5m")))
    }

    /// A proof for `GET /x` with this token, but for what `changes`.
    fn proof(&mut self, token: &str, changes: Value) -> String {
        let mut said = json!({ "htm": "GET", "htu": format!("http://{}/x", self.gateway.public()), "token": token });
        said.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        self.server.tell(&format!("proof {said}"))
    }

    fn show(&self, token: &str, proof: &str) -> Response {
        self.gateway.send(&Request::get("/x").field("authorization", &format!("DPoP {token}")).field("dpop", proof))
    }
}

#[test]
fn a_bound_token_passes_with_a_proof_and_the_proof_once() {
    let mut guarded = Guarded::proving("");
    // Whoever stole it has no proof; of one that is asked about, the server says besides that it is no bearer token.
    for (kind, stolen) in [("opaque", "scheme_not_accepted"), ("jwt", "token_bound")] {
        let token = guarded.server.tell(&format!("bound {kind}"));
        let proof = guarded.proof(&token, json!({}));
        let response = guarded.show(&token, &proof);
        response.assert_status(200);
        assert_eq!((response.echoed("authorization").len(), response.echoed("dpop").len()), (0, 0));
        refused(&guarded.show(&token, &proof), 401, "proof_replayed");
        let again = guarded.proof(&token, json!({}));
        guarded.show(&token, &again).assert_status(200);
        refused(&guarded.ask(&token), 401, stolen);
    }
    let unbound = guarded.server.tell("opaque");
    guarded.ask(&unbound).assert_status(200);
    let proof = guarded.proof(&unbound, json!({}));
    // What the server says is a bearer token is none to be shown with a proof.
    guarded.show(&unbound, &proof).assert_status(401);
}

#[test]
fn a_proof_for_anything_else_is_refused() {
    let mut guarded = Guarded::proving("");
    let (token, other) = (guarded.server.tell("bound opaque"), guarded.server.tell("bound opaque"));
    let at = guarded.gateway.public();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let cases = [
        (json!({ "htm": "POST" }), "proof_for_other_request"),
        (json!({ "htm": "get" }), "proof_for_other_request"),
        (json!({ "htu": format!("https://{at}/x") }), "proof_for_other_request"),
        (json!({ "htu": format!("http://{at}/y") }), "proof_for_other_request"),
        (json!({ "htu": "http://evil.example/x" }), "proof_for_other_request"),
        (json!({ "token": other }), "proof_for_other_token"),
        (json!({ "token": null }), "proof_for_other_token"),
        (json!({ "claims": { "ath": "" } }), "proof_for_other_token"),
        (json!({ "claims": { "iat": now - 3600 } }), "proof_too_old"),
        (json!({ "claims": { "iat": now + 3600 } }), "proof_from_future"),
        (json!({ "claims": { "iat": "now" } }), "proof_malformed"),
        (json!({ "claims": { "jti": "" } }), "proof_malformed"),
        (json!({ "claims": { "jti": "x".repeat(300) } }), "proof_malformed"),
        (json!({ "claims": { "htu": 5 } }), "proof_malformed"),
        (json!({ "typ": "JWT" }), "proof_malformed"),
        (json!({ "key": "other" }), "token_bound_to_other_key"),
        (
            json!({ "header": { "jwk": { "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" } } }),
            "token_bound_to_other_key",
        ),
    ];
    for (changes, kind) in cases {
        let proof = guarded.proof(&token, changes.clone());
        let response = guarded.show(&token, &proof);
        assert_eq!(
            (response.status, response.json()["type"].as_str()),
            (401, Some(&*format!("urn:problem-type:lockgate:{kind}"))),
            "{changes}"
        );
    }
    let proof = guarded.proof(&token, json!({}));
    let (at, mut forged) = (proof.len() - 10, proof.clone());
    forged.replace_range(at..=at, if proof.as_bytes()[at] == b'A' { "B" } else { "A" });
    refused(&guarded.show(&token, &forged), 401, "proof_signature_invalid");
    let both =
        Request::get("/x").field("authorization", &format!("DPoP {token}")).field("dpop", &proof).field("dpop", &proof);
    refused(&guarded.gateway.send(&both), 401, "proof_sent_twice");
    // None of this used it up.
    guarded.show(&token, &proof).assert_status(200);
    assert_eq!(guarded.upstream.requests(), 1);
}

#[test]
fn a_nonce_is_demanded_given_and_taken() {
    let mut guarded = Guarded::proving("nonces = \"nonces\"");
    let token = guarded.server.tell("bound jwt");
    let without = guarded.proof(&token, json!({}));
    let demanded = guarded.show(&token, &without);
    refused(&demanded, 401, "nonce_needed");
    assert!(demanded.values("www-authenticate").concat().contains("error=\"use_dpop_nonce\""));
    let nonce = demanded.field("dpop-nonce").unwrap().to_owned();
    let with = guarded.proof(&token, json!({ "claims": { "nonce": nonce } }));
    guarded.show(&token, &with).assert_status(200);
    let made_up = guarded.proof(&token, json!({ "claims": { "nonce": "made up" } }));
    let stale = guarded.show(&token, &made_up);
    refused(&stale, 401, "nonce_stale");
    assert!(stale.field("dpop-nonce").is_some());
    // A gateway that has the same key knows it, as this one does after it began anew.
    guarded.gateway.restart();
    let with = guarded.proof(&token, json!({ "claims": { "nonce": nonce } }));
    guarded.show(&token, &with).assert_status(200);
}
