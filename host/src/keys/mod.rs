//! Keys that stay in the host: sets to verify with, and keys to sign and to seal with. Nothing here reaches the network or a policy's memory.

mod algorithm;
mod debug;
pub(crate) mod file;
mod jwk;
mod material;
mod pem;
mod sealer;
mod set;
mod signer;
mod signing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

use std::path::PathBuf;

use thiserror::Error;

pub(crate) use algorithm::Algorithm;
pub(crate) use debug::{DebugKey, MAX_LIFE as MAX_DEBUG_LIFE};
pub(crate) use sealer::{SealError, Sealer};
pub(crate) use set::{KeySet, VerifyError, verify_jwk};
pub(crate) use signer::{SignError, Signer};
pub(crate) use signing::SigningKey;

/// Why key material was refused. No variant holds any of it.
#[derive(Debug, Error)]
pub(crate) enum KeyError {
    /// The text is longer than a key set may be.
    #[error("larger than {} KiB", set::MAX_BYTES / 1024)]
    TooLarge,
    #[error("more than {} keys", set::MAX_KEYS)]
    TooManyKeys,
    #[error("not a JSON object with an array `keys` (RFC 7517 section 5)")]
    NotAKeySet,
    /// Every key was refused; the source is the reason for the first, absent when there was none at all.
    #[error("no key of the set can verify a signature")]
    NoUsableKey(#[source] Option<Unusable>),
    /// Verifying by id would not know which of the two to take.
    #[error("two keys for {0} share one key id")]
    DuplicateKeyId(Algorithm),
    #[error("not one PEM block (RFC 7468)")]
    NotPem,
    #[error("this is a private key; give only the public half, e.g. `openssl pkey -in FILE -pubout`")]
    PrivateKey,
    #[error(
        "a block `PUBLIC KEY` is needed, e.g. `openssl x509 -in FILE -noout -pubkey` or `openssl rsa -RSAPublicKey_in -pubout`"
    )]
    NotAPublicKey,
    #[error("not a PKCS#8 private key for EdDSA, ES256 or ES384")]
    NotASigningKey,
    #[error("not a secret to seal with")]
    NotASealingKey(#[source] Unusable),
    #[error("the key does not fit {0}")]
    WrongAlgorithm(Algorithm),
    /// This use of the key does not exist for the algorithm.
    #[error("{0} cannot be used here")]
    UnsupportedAlgorithm(Algorithm),
    #[error("the key cannot be used with {0}")]
    Unusable(Algorithm, #[source] Unusable),
    /// A key of the gateway's own that is not one.
    #[error("{} holds no key that can sign", path.display())]
    KeyFile { path: PathBuf, source: Box<KeyError> },
    /// A key of the gateway's own that was made for another algorithm.
    #[error("{} holds a key for {is}, not for {wanted}", path.display())]
    OtherAlgorithm { path: PathBuf, is: Algorithm, wanted: Algorithm },
    #[error("a key's name has 1 to 64 of the characters a-z, A-Z, 0-9, `-`, `_`")]
    Name,
    #[error("the key file cannot be used")]
    File(#[from] std::io::Error),
    /// The random source or the library failed.
    #[error("cryptography failed")]
    Failed,
}

impl KeyError {
    /// What to do about it.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::TooLarge | Self::TooManyKeys => "leave out the keys that are not needed",
            Self::NotAKeySet => "give a JWK set, `{\"keys\": [..]}`, as identity providers publish it",
            Self::NoUsableKey(_) => {
                "give at least one key for RS, PS, ES or EdDSA signatures, of 2048 bits or more if it is RSA"
            }
            Self::DuplicateKeyId(_) => "give each key a `kid` of its own",
            Self::NotPem | Self::PrivateKey | Self::NotAPublicKey => "give one block `PUBLIC KEY`",
            Self::NotASigningKey => "give one block `PRIVATE KEY`, e.g. `openssl genpkey -algorithm ed25519`",
            Self::NotASealingKey(_) => "give a random secret of 32 bytes or more, e.g. `openssl rand -base64 32`",
            Self::WrongAlgorithm(_) | Self::UnsupportedAlgorithm(_) => "write the `algorithm` this key is for",
            Self::Unusable(..) => "make a longer key, or correct this one",
            Self::KeyFile { .. } | Self::OtherAlgorithm { .. } => {
                "put back what was there, or delete that file: a new key is made, and what the old one signed is refused"
            }
            Self::Name => "rename it",
            Self::File(_) => "see that the gateway may read and write `keys` in its state directory",
            Self::Failed => "try again; the random source of this system may be at fault",
        }
    }
}

/// Why one key cannot verify signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Unusable {
    #[error("a member is missing or malformed")]
    Malformed,
    #[error("its use is not to verify signatures")]
    NotForVerifying,
    #[error("its type, curve or algorithm is not supported, or they do not fit each other")]
    Unsupported,
    #[error("a secret that is published is none")]
    Secret,
    #[error("RSA keys need 2048 to 8192 bits, HMAC keys the length of their hash, secrets to seal with 32 bytes")]
    Size,
}
