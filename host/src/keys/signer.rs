//! What signs for policies: a private key or a secret that both sides hold, bound to one algorithm.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair};
use thiserror::Error;

use super::material::{hmac_key, rsa_size};
use super::{Algorithm, KeyError, KeySet, SigningKey, Unusable, pem};

/// A key to sign with.
pub(crate) struct Signer {
    algorithm: Algorithm,
    with: With,
}

enum With {
    Key(SigningKey),
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
    Secret(Box<hmac::Key>),
}

/// Why nothing was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum SignError {
    #[error("the key is bound to another algorithm")]
    WrongAlgorithm,
    #[error("cryptography failed")]
    Failed,
}

impl Signer {
    /// One block `PRIVATE KEY`, of an algorithm of [`Algorithm::PRIVATE`].
    pub(crate) fn from_pkcs8_pem(text: &[u8], algorithm: Algorithm) -> Result<Self, KeyError> {
        let Some(encoding) = pss(algorithm) else {
            let key = SigningKey::from_pkcs8_pem(text)?;
            return if key.algorithm() == algorithm {
                Ok(key.into())
            } else {
                Err(KeyError::WrongAlgorithm(algorithm))
            };
        };
        let pair = RsaKeyPair::from_pkcs8(&pem::private_der(text)?).map_err(|_| KeyError::WrongAlgorithm(algorithm))?;
        if !rsa_size(pair.public_modulus_len() * 8) {
            return Err(KeyError::Unusable(algorithm, Unusable::Size));
        }
        Ok(Self { algorithm, with: With::Rsa(Box::new(pair), encoding) })
    }

    /// One shared secret, at least as long as the hash (RFC 7518 section 3.2).
    pub(crate) fn from_hmac(secret: &[u8], algorithm: Algorithm) -> Result<Self, KeyError> {
        let key = hmac_key(secret, algorithm).map_err(|reason| KeyError::Unusable(algorithm, reason))?;
        Ok(Self { algorithm, with: With::Secret(Box::new(key)) })
    }

    /// What verifies its signatures; of a secret there is no public half.
    pub(crate) fn public(&self) -> Result<KeySet, KeyError> {
        match &self.with {
            With::Key(key) => KeySet::from_jwks(key.public_jwks().as_bytes()),
            With::Rsa(pair, _) => pem::rsa(pair.public_key().as_ref(), self.algorithm).map(KeySet::one),
            With::Secret(_) => Err(KeyError::UnsupportedAlgorithm(self.algorithm)),
        }
    }

    /// A signature as JWS has it, or a MAC.
    pub(crate) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        if algorithm != self.algorithm {
            return Err(SignError::WrongAlgorithm);
        }
        match &self.with {
            With::Key(key) => key.sign(message).map_err(|_| SignError::Failed),
            With::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let signed = pair.sign(*encoding, &SystemRandom::new(), message, &mut signature);
                signed.map(|()| signature).map_err(|_| SignError::Failed)
            }
            With::Secret(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
        }
    }
}

impl From<SigningKey> for Signer {
    fn from(key: SigningKey) -> Self {
        Self { algorithm: key.algorithm(), with: With::Key(key) }
    }
}

/// Says nothing of the key.
impl fmt::Debug for Signer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Signer").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

fn pss(algorithm: Algorithm) -> Option<&'static dyn RsaEncoding> {
    Some(match algorithm {
        Algorithm::Ps256 => &RSA_PSS_SHA256,
        Algorithm::Ps384 => &RSA_PSS_SHA384,
        Algorithm::Ps512 => &RSA_PSS_SHA512,
        _ => return None,
    })
}
