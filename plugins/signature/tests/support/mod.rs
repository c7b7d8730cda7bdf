//! Keys that sign and verify for real, in the place of those a gateway keeps.
#![allow(dead_code, reason = "each test uses what it needs")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper fails the test that calls it")]

pub(crate) mod rfc;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair, UnparsedPublicKey};
use lockgate_plugin_signature::Signature;
use lockgate_sdk::crypto::{Algorithm, SignError, VerifyError};
use lockgate_sdk::testing::{self, Facts};
use lockgate_sdk::{Edits, Failure, Verdict};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Seconds; where the clock stands.
pub(crate) const NOW: u64 = 1_800_000_000;

/// A key of a set: what it is bound to, and how it signs and verifies.
#[derive(Clone)]
pub(crate) enum Key {
    Ed25519(Rc<Ed25519KeyPair>),
    Ecdsa(Algorithm, Rc<EcdsaKeyPair>),
    Rsa(Algorithm, Rc<RsaKeyPair>),
    /// The public half alone.
    Public(Algorithm, Vec<u8>),
    Secret(Rc<hmac::Key>),
}

impl Key {
    pub(crate) fn ed25519() -> Self {
        Self::Ed25519(Rc::new(Ed25519KeyPair::generate().unwrap()))
    }

    pub(crate) fn p256() -> Self {
        let pair = EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self::Ecdsa(Algorithm::Es256, Rc::new(pair))
    }

    pub(crate) fn p384() -> Self {
        let pair = EcdsaKeyPair::generate(&signature::ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        Self::Ecdsa(Algorithm::Es384, Rc::new(pair))
    }

    pub(crate) fn rsa(algorithm: Algorithm) -> Self {
        Self::Rsa(algorithm, Rc::new(RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap()))
    }

    pub(crate) fn hmac(secret: &[u8]) -> Self {
        Self::Secret(Rc::new(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    fn bound_to(&self) -> Algorithm {
        match self {
            Self::Ed25519(_) => Algorithm::Eddsa,
            Self::Ecdsa(algorithm, _) | Self::Rsa(algorithm, _) | Self::Public(algorithm, _) => *algorithm,
            Self::Secret(_) => Algorithm::Hs256,
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Ecdsa(_, pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Rsa(algorithm, pair) => {
                let mut out = vec![0; pair.public_modulus_len()];
                let padding: &dyn signature::RsaEncoding = match algorithm {
                    Algorithm::Ps512 => &signature::RSA_PSS_SHA512,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                pair.sign(padding, &random, message, &mut out).unwrap();
                out
            }
            Self::Public(..) => panic!("a public key does not sign"),
            Self::Secret(key) => hmac::sign(key, message).as_ref().to_vec(),
        }
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let public = match self {
            Self::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Self::Ecdsa(_, pair) => pair.public_key().as_ref().to_vec(),
            Self::Rsa(_, pair) => pair.public_key().as_ref().to_vec(),
            Self::Public(_, der) => der.clone(),
            Self::Secret(key) => return hmac::verify(key, message, signature).is_ok(),
        };
        let algorithm: &dyn signature::VerificationAlgorithm = match self.bound_to() {
            Algorithm::Eddsa => &signature::ED25519,
            Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
            Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
            Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
            Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            other => panic!("{other:?} is no algorithm of signatures"),
        };
        UnparsedPublicKey::new(algorithm, public).verify(message, signature).is_ok()
    }
}

thread_local! {
    static JUDGED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// The signature bases that were verified since this was asked last.
pub(crate) fn judged() -> Vec<String> {
    JUDGED.take()
}

/// Let every set hold these keys, by their ids, where an empty one is none, and every key to sign with be the one of its name.
pub(crate) fn hold(keys: BTreeMap<&'static str, Key>) {
    let signing = keys.clone();
    testing::crypto::verify_with(move |asked| {
        JUDGED.with_borrow_mut(|judged| judged.push(String::from_utf8(asked.message.to_vec()).unwrap()));
        let nameless = keys.get("").filter(|_| !asked.by_id);
        let known: Vec<&Key> = match asked.key_id {
            Some(id) => keys.get(id).into_iter().chain(nameless).collect(),
            None => keys.values().filter(|key| key.bound_to() == asked.algorithm).collect(),
        };
        let bound = known.iter().filter(|key| key.bound_to() == asked.algorithm);
        match (known.len(), bound.clone().count()) {
            (0, _) => Err(VerifyError::UnknownKey),
            (_, 0) => Err(VerifyError::WrongAlgorithm),
            _ if bound.clone().any(|key| key.verifies(asked.message, asked.signature)) => Ok(()),
            _ => Err(VerifyError::BadSignature),
        }
    });
    testing::crypto::sign_with(move |asked| match signing.get(asked.keys) {
        Some(key) if key.bound_to() == asked.algorithm => Ok(key.sign(asked.message)),
        Some(_) => Err(SignError::WrongAlgorithm),
        None => Err(SignError::Denied),
    });
    testing::clock::set(NOW * 1000);
}

pub(crate) fn policy(config: &Value) -> Signature {
    testing::configure(&config.to_string()).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// Lines of a head by name, facts among them, in order.
pub(crate) type Lines = Vec<(String, String)>;

pub(crate) fn lines(lines: &[(&str, &str)]) -> Lines {
    lines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn facts(lines: &Lines) -> Facts {
    lines.iter().fold(Facts::request(), |facts, (name, value)| facts.field(name, value))
}

/// The head as it goes on: with what was removed and set.
pub(crate) fn edited(lines: &Lines, edits: &Edits) -> Lines {
    let mut out = lines.clone();
    for name in ["signature", "signature-input", "content-digest"] {
        let sets = edits.sets(name);
        if edits.removes(name) || !sets.is_empty() {
            out.retain(|(found, _)| found != name);
        }
        out.extend(sets.into_iter().map(|value| (name.to_owned(), value)));
    }
    out
}

/// The kind of the problem that was answered with, and its status; 200 and nothing where the message goes on.
pub(crate) fn outcome<E>(verdict: &Verdict<E>) -> (u16, String) {
    match (verdict.response(), verdict.failure()) {
        (Some(response), _) => {
            let problem: Value = serde_json::from_str(&response.text()).unwrap();
            let kind = problem["type"].as_str().unwrap().rsplit(':').next().unwrap();
            (response.status_code(), kind.to_owned())
        }
        (None, Some(Failure::Dependency)) => (503, "dependency".to_owned()),
        (None, Some(failure)) => panic!("{failure:?}"),
        (None, None) => (200, String::new()),
    }
}

pub(crate) fn kind<E>(verdict: &Verdict<E>) -> String {
    outcome(verdict).1
}
