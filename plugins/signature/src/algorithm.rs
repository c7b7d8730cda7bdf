//! Signature algorithms by their names in the registry of RFC 9421 section 6.2.2, and what the gateway calls them.

use lockgate_sdk::crypto;
use serde::Deserialize;

/// An algorithm of RFC 9421 section 3.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Algorithm {
    #[serde(rename = "ed25519")]
    Ed25519,
    #[serde(rename = "ecdsa-p256-sha256")]
    EcdsaP256,
    #[serde(rename = "ecdsa-p384-sha384")]
    EcdsaP384,
    #[serde(rename = "rsa-pss-sha512")]
    RsaPss,
    #[serde(rename = "rsa-v1_5-sha256")]
    RsaPkcs1,
    #[serde(rename = "hmac-sha256")]
    Hmac,
}

impl Algorithm {
    /// The value of the parameter `alg`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256 => "ecdsa-p256-sha256",
            Self::EcdsaP384 => "ecdsa-p384-sha384",
            Self::RsaPss => "rsa-pss-sha512",
            Self::RsaPkcs1 => "rsa-v1_5-sha256",
            Self::Hmac => "hmac-sha256",
        }
    }

    /// The same under the name that keys are bound to.
    pub(crate) fn of_keys(self) -> crypto::Algorithm {
        match self {
            Self::Ed25519 => crypto::Algorithm::Eddsa,
            Self::EcdsaP256 => crypto::Algorithm::Es256,
            Self::EcdsaP384 => crypto::Algorithm::Es384,
            Self::RsaPss => crypto::Algorithm::Ps512,
            Self::RsaPkcs1 => crypto::Algorithm::Rs256,
            Self::Hmac => crypto::Algorithm::Hs256,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_configurations_use() {
        for name in
            ["ed25519", "ecdsa-p256-sha256", "ecdsa-p384-sha384", "rsa-pss-sha512", "rsa-v1_5-sha256", "hmac-sha256"]
        {
            let algorithm: Algorithm = serde_json::from_value(name.into()).unwrap();
            assert_eq!(algorithm.name(), name);
        }
    }
}
