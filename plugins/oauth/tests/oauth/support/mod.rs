//! What the tests of `oauth` share: requests, what an authorization server says, and words for what comes of it.

pub(crate) mod client;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use lockgate_plugin_oauth::OAuth;
use lockgate_sdk::crypto::{self, Algorithm, HashAlgorithm, VerifyError};
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing::{self, Facts, OwnedHead};
use serde_json::{Value, json};
use std::cell::Cell;
use std::rc::Rc;

/// Seconds; where the clock double stands.
pub(crate) const NOW: i64 = 1_800_000_000;
/// What an opaque token may look like: every character that may stand in one.
pub(crate) const OPAQUE: &str = "opaque-._~+/09AZaz==";

/// The policy, with doubles as they are at first and signatures judged for real where a message brings its key.
pub(crate) fn policy(config: Value) -> OAuth {
    testing::reset();
    testing::clock::set(NOW as u64 * 1000);
    testing::crypto::verify_with(|asked| match asked.jwk {
        Some(jwk) => client::verify(jwk, asked.algorithm, asked.message, asked.signature),
        None if asked.keys != "idp" => Err(VerifyError::UnknownKey),
        None if asked.algorithm != Algorithm::Rs256 => Err(VerifyError::WrongAlgorithm),
        None if asked.signature == digest(asked.message) => Ok(()),
        None => Err(VerifyError::BadSignature),
    });
    match testing::configure(&config.to_string()) {
        Ok(policy) => policy,
        Err(faults) => panic!("{faults:?}"),
    }
}

/// A policy that introspects tokens, `extra` added.
pub(crate) fn introspecting(extra: Value) -> OAuth {
    let introspect = json!({"service": "idp", "path": "/introspect"});
    policy(merged(json!({"introspect": introspect, "audience": "api", "issuer": "https://idp"}), extra))
}

/// A policy that checks tokens by their signatures, `extra` added.
pub(crate) fn verifying(extra: Value) -> OAuth {
    policy(merged(json!({"keys": "idp", "audience": "api", "issuer": "https://idp"}), extra))
}

/// Let the authorization server say this of each token; counted is how often it was asked.
pub(crate) fn says(answer: Value) -> Rc<Cell<u32>> {
    answers(move |_| Ok(Response::json(200, &answer)))
}

/// Let the authorization server answer so, by how often it was asked before.
pub(crate) fn answers(answer: impl Fn(u32) -> Result<Response, testing::egress::Error> + 'static) -> Rc<Cell<u32>> {
    let asked = Rc::new(Cell::new(0));
    let count = asked.clone();
    testing::egress::answer_with(move |_| {
        count.set(count.get() + 1);
        answer(count.get() - 1)
    });
    asked
}

/// What is said of an active token, changed by `change`; null takes a member away.
pub(crate) fn active(change: Value) -> Value {
    merged(json!({"active": true, "sub": "ann", "aud": "api", "scope": "pets:read", "exp": NOW + 600}), change)
}

/// An access token of good claims changed by `change`.
pub(crate) fn access_token(change: Value) -> String {
    let claims = json!({
        "iss": "https://idp", "aud": "api", "sub": "ann", "client_id": "app", "jti": "1", "iat": NOW, "exp": NOW + 60,
        "scope": "pets:read",
    });
    signed(json!({"alg": "RS256", "typ": "at+jwt"}), &merged(claims, change))
}

/// A JWT that the key set `idp` confirms.
pub(crate) fn signed(header: Value, claims: &Value) -> String {
    let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    format!("{message}.{}", encode(digest(message.as_bytes())))
}

pub(crate) fn digest(message: &[u8]) -> Vec<u8> {
    crypto::hash(HashAlgorithm::Sha256, message)
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Members of `from` replace those of `into`; null takes one away.
pub(crate) fn merged(mut into: Value, from: Value) -> Value {
    let (Value::Object(members), Value::Object(from)) = (&mut into, from) else {
        panic!("both must be objects");
    };
    for (name, value) in from {
        match value {
            Value::Null => members.remove(&name),
            value => members.insert(name, value),
        };
    }
    into
}

/// A request for a pet.
pub(crate) fn request() -> Facts {
    to("GET", "https", "api.example.com", "/pets/7")
}

pub(crate) fn to(method: &str, scheme: &str, authority: &str, path: &str) -> Facts {
    Facts::request().method(method).field(":scheme", scheme).field(":authority", authority).path(path)
}

/// A request for a pet with a bearer token.
pub(crate) fn bearer(token: &str) -> OwnedHead {
    request().field("authorization", format!("Bearer {token}")).build()
}

/// A request for a pet with a token and a proof.
pub(crate) fn proven(token: &str, proof: &str) -> OwnedHead {
    request().field("authorization", format!("DPoP {token}")).field("dpop", proof).build()
}

/// What comes of it: `pass`, status and kind of an answer, or why there is none.
pub(crate) fn outcome(verdict: &Verdict) -> String {
    if let Some(failure) = verdict.failure() {
        return format!("{failure:?}");
    }
    let Some(response) = verdict.response() else {
        return "pass".to_owned();
    };
    let problem: Value = serde_json::from_slice(response.bytes()).unwrap();
    let kind = problem["type"].as_str().unwrap().strip_prefix("urn:problem-type:lockgate:").unwrap();
    format!("{} {kind}", response.status_code())
}

/// What comes of a request with a bearer token.
pub(crate) fn with_bearer(policy: &OAuth, token: &str) -> String {
    outcome(&policy.on_request(&bearer(token).head()))
}

/// The challenges of an answer.
pub(crate) fn challenges(verdict: &Verdict) -> Vec<String> {
    verdict.response().map(|response| response.values("www-authenticate")).unwrap_or_default()
}
