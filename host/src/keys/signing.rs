//! A private key of the gateway's own: it signs, shows its public half, and is never shown itself.

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::{Algorithm, KeyError, pem};

/// A private key for `EdDSA`, `ES256` or `ES384`.
pub(crate) struct SigningKey {
    pair: Pair,
    id: String,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
}

impl SigningKey {
    /// A new key from the system's random source.
    pub(crate) fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let ecdsa = |kind: &'static EcdsaSigningAlgorithm| EcdsaKeyPair::generate(kind);
        let pair = match algorithm {
            Algorithm::EdDsa => Ed25519KeyPair::generate().map(Pair::Ed25519),
            Algorithm::Es256 => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Pair::P256),
            Algorithm::Es384 => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING).map(Pair::P384),
            other => return Err(KeyError::UnsupportedAlgorithm(other)),
        };
        Ok(Self::new(pair.map_err(|_| KeyError::Failed)?))
    }

    /// An unencrypted PKCS#8 key (RFC 5958); its kind decides the algorithm.
    pub(crate) fn from_pkcs8_pem(text: &[u8]) -> Result<Self, KeyError> {
        let der = pem::private_der(text)?;
        let ecdsa = |kind: &'static EcdsaSigningAlgorithm| EcdsaKeyPair::from_pkcs8(kind, &der);
        Ed25519KeyPair::from_pkcs8(&der)
            .map(Pair::Ed25519)
            .or_else(|_| ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Pair::P256))
            .or_else(|_| ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING).map(Pair::P384))
            .map(Self::new)
            .map_err(|_| KeyError::NotASigningKey)
    }

    /// The secret itself, to be stored; version 1 of PKCS#8, which other tools read.
    pub(crate) fn to_pkcs8_pem(&self) -> Result<String, KeyError> {
        let document = match &self.pair {
            Pair::Ed25519(pair) => pair.to_pkcs8v1(),
            Pair::P256(pair) | Pair::P384(pair) => pair.to_pkcs8v1(),
        };
        pem::private_pem(document.map_err(|_| KeyError::Failed)?.as_ref())
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        match self.pair {
            Pair::Ed25519(_) => Algorithm::EdDsa,
            Pair::P256(_) => Algorithm::Es256,
            Pair::P384(_) => Algorithm::Es384,
        }
    }

    /// The SHA-256 thumbprint of the public half (RFC 7638), base64url.
    pub(crate) fn key_id(&self) -> &str {
        &self.id
    }

    /// A JWK Set with the public half.
    pub(crate) fn public_jwks(&self) -> String {
        let mut key = self.pair.public().members();
        key["use"] = "sig".into();
        key["alg"] = self.algorithm().name().into();
        key["kid"] = self.id.as_str().into();
        json!({ "keys": [key] }).to_string()
    }

    /// A signature as JWS has it: for ECDSA `r` and `s` at full length.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = match &self.pair {
            Pair::Ed25519(pair) => pair.try_sign(message),
            Pair::P256(pair) | Pair::P384(pair) => pair.sign(&SystemRandom::new(), message),
        };
        Ok(signature.map_err(|_| KeyError::Failed)?.as_ref().to_vec())
    }

    fn new(pair: Pair) -> Self {
        let id = pair.public().thumbprint();
        Self { pair, id }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm()).field("id", &self.id).finish_non_exhaustive()
    }
}

impl Pair {
    fn public(&self) -> Public {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let point = |curve, point: &[u8]| {
            // An uncompressed point is a tag and two coordinates of one length.
            let (x, y) = point[1..].split_at(point.len() / 2);
            Public::Ec { curve, x: text(x), y: text(y) }
        };
        match self {
            Self::Ed25519(pair) => Public::Ed25519 { x: text(pair.public_key().as_ref()) },
            Self::P256(pair) => point("P-256", pair.public_key().as_ref()),
            Self::P384(pair) => point("P-384", pair.public_key().as_ref()),
        }
    }
}

/// The public half in the words of a JWK.
enum Public {
    Ed25519 { x: String },
    Ec { curve: &'static str, x: String, y: String },
}

impl Public {
    fn members(&self) -> serde_json::Value {
        match self {
            Self::Ed25519 { x } => json!({ "kty": "OKP", "crv": "Ed25519", "x": x }),
            Self::Ec { curve, x, y } => json!({ "kty": "EC", "crv": curve, "x": x, "y": y }),
        }
    }

    /// RFC 7638 section 3: the required members alone, in lexical order, without white space. Written out because the
    /// order of a JSON value depends on a feature of the JSON library that any crate may turn on.
    fn thumbprint(&self) -> String {
        let canonical = match self {
            Self::Ed25519 { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
            Self::Ec { curve, x, y } => {
                format!(r#"{{"crv":"{curve}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
        };
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()))
    }
}
