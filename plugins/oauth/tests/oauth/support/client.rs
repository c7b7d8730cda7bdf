//! A client that holds a key of P-256, makes proofs with it, and is judged by the same arithmetic as in the gateway.

use super::{NOW, digest, encode, merged};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use lockgate_sdk::crypto::{Algorithm, VerifyError};
use serde_json::{Value, json};
use std::cell::Cell;

/// A client with a key of its own.
pub(crate) struct Client {
    key: EcdsaKeyPair,
    proofs: Cell<u32>,
}

impl Client {
    pub(crate) fn new() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { key, proofs: Cell::new(0) }
    }

    pub(crate) fn jwk(&self) -> Value {
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)})
    }

    pub(crate) fn thumbprint(&self) -> String {
        let jwk = self.jwk();
        let text = |name: &str| jwk[name].as_str().unwrap().to_owned();
        encode(digest(format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, text("x"), text("y")).as_bytes()))
    }

    /// A proof for a request for a pet with `token`, its claims changed by `change`.
    pub(crate) fn proof(&self, token: &str, change: Value) -> String {
        self.proof_with(token, json!({}), change)
    }

    /// The same with its header changed too.
    pub(crate) fn proof_with(&self, token: &str, header: Value, change: Value) -> String {
        let id = self.proofs.replace(self.proofs.get() + 1);
        let claims = json!({
            "jti": format!("id-{id}"), "htm": "GET", "htu": "https://api.example.com/pets/7", "iat": NOW,
            "ath": encode(digest(token.as_bytes())),
        });
        let whole = merged(json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk()}), header);
        self.sign(&whole.to_string(), &merged(claims, change).to_string())
    }

    /// Any header and claims, signed.
    pub(crate) fn sign(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = self.key.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", encode(signature.as_ref()))
    }
}

/// What the gateway says of a signature by a key the message brought.
pub(crate) fn verify(jwk: &str, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
    let jwk: Value = serde_json::from_str(jwk).map_err(|_| VerifyError::UnknownKey)?;
    if (algorithm, &jwk["crv"]) != (Algorithm::Es256, &json!("P-256")) {
        return Err(VerifyError::UnknownKey);
    }
    let member = |name: &str| jwk[name].as_str().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    let (x, y) = member("x").zip(member("y")).ok_or(VerifyError::UnknownKey)?;
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [&[4], &x[..], &y[..]].concat());
    key.verify(message, signature).map_err(|_| VerifyError::BadSignature)
}
