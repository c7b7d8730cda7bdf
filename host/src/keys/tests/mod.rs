//! What key sets and signing keys promise, with keys made on the spot: what the tests share.

mod jwks;
mod signer;
mod signing;
mod single;

use std::sync::LazyLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA512, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use spki::der::pem::{LineEnding, encode_string};

use super::VerifyError::{BadSignature, UnknownKey, WrongAlgorithm};
use super::*;

static RSA: LazyLock<RsaKeyPair> = LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
const MESSAGE: &[u8] = b"message";

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn set(keys: &[Value]) -> Result<KeySet, KeyError> {
    KeySet::from_jwks(json!({ "keys": keys }).to_string().as_bytes())
}

fn with(key: &Value, members: Value) -> Value {
    let mut key = key.clone();
    for (name, value) in members.as_object().unwrap() {
        key[name] = value.clone();
    }
    key
}

fn rsa_jwk() -> Value {
    // 2048 bits: the modulus is the 256 octets before the exponent's five (tag, length, 01 00 01).
    let der = RSA.public_key().as_ref();
    let n = &der[der.len() - 261..der.len() - 5];
    json!({ "kty": "RSA", "n": text(n), "e": "AQAB" })
}

fn rsa_signature(scheme: &'static dyn aws_lc_rs::signature::RsaEncoding) -> Vec<u8> {
    let mut signature = vec![0; RSA.public_modulus_len()];
    RSA.sign(scheme, &SystemRandom::new(), MESSAGE, &mut signature).unwrap();
    signature
}

fn oct(bytes: usize, algorithm: &str) -> Value {
    json!({ "kty": "oct", "k": text(&vec![7; bytes]), "alg": algorithm })
}

fn signer(algorithm: Algorithm) -> (SigningKey, Value) {
    let key = SigningKey::generate(algorithm).unwrap();
    let set: Value = serde_json::from_str(&key.public_jwks()).unwrap();
    (key, set["keys"][0].clone())
}
