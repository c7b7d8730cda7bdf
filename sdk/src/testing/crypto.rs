//! Digests computed here, and signatures judged by the test.

use sha2::{Digest, Sha256, Sha384, Sha512};
use std::cell::RefCell;

type Verifier = Box<dyn Fn(&Verification<'_>) -> Result<(), VerifyError>>;

thread_local! {
    static VERIFIER: RefCell<Option<Verifier>> = const { RefCell::new(None) };
}

/// Signature algorithms, named as in RFC 7518 section 3.1 and RFC 8037.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Algorithm {
    Hs256,
    Hs384,
    Hs512,
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
    Eddsa,
}

/// Why a signature was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyError {
    /// No key of the set has this id, or, without an id, none fits the algorithm.
    UnknownKey,
    /// The key is bound to another algorithm or is not for verifying.
    WrongAlgorithm,
    /// The signature does not match.
    BadSignature,
    /// The key set cannot be used at present; a `dependency` failure.
    Unavailable,
}

/// Digest algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum HashAlgorithm {
    Sha256,
    Sha384,
    Sha512,
}

/// The arguments of one `verify`.
#[derive(Clone, Copy)]
pub struct Verification<'a> {
    /// The name of the key set.
    pub keys: &'a str,
    /// The algorithm asked for.
    pub algorithm: Algorithm,
    /// The key asked for.
    pub key_id: Option<&'a str>,
    /// What was signed.
    pub message: &'a [u8],
    /// The signature.
    pub signature: &'a [u8],
}

/// Answer each `verify` by a closure. Without one every answer is `UnknownKey`.
pub fn verify_with(verifier: impl Fn(&Verification<'_>) -> Result<(), VerifyError> + 'static) {
    VERIFIER.set(Some(Box::new(verifier)));
}

pub(crate) fn verify(
    keys: &str,
    algorithm: Algorithm,
    key_id: Option<&str>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    super::refuse_while_configuring("crypto");
    let verification = Verification { keys, algorithm, key_id, message, signature };
    VERIFIER.with_borrow(|verifier| match verifier {
        Some(verifier) => verifier(&verification),
        None => Err(VerifyError::UnknownKey),
    })
}

pub(crate) fn hash(algorithm: HashAlgorithm, data: &[u8]) -> Vec<u8> {
    super::refuse_while_configuring("crypto");
    match algorithm {
        HashAlgorithm::Sha256 => Sha256::digest(data).to_vec(),
        HashAlgorithm::Sha384 => Sha384::digest(data).to_vec(),
        HashAlgorithm::Sha512 => Sha512::digest(data).to_vec(),
    }
}

pub(super) fn reset() {
    VERIFIER.set(None);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto;

    #[test]
    fn the_closure_judges_signatures() {
        let verify = || crypto::verify("idp", Algorithm::Rs256, Some("k1"), b"m", b"s");
        assert_eq!(verify(), Err(VerifyError::UnknownKey));
        verify_with(|asked| match asked.key_id {
            Some("k1") if asked.keys == "idp" && asked.signature == b"s" => Ok(()),
            _ => Err(VerifyError::BadSignature),
        });
        assert_eq!(verify(), Ok(()));
    }

    #[test]
    fn digests_have_the_length_of_their_algorithm() {
        let length = |algorithm| crypto::hash(algorithm, b"").len();
        assert_eq!(length(HashAlgorithm::Sha256), 32);
        assert_eq!(length(HashAlgorithm::Sha384), 48);
        assert_eq!(length(HashAlgorithm::Sha512), 64);
    }
}
