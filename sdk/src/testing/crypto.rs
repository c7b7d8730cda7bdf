//! Digests computed here, signatures judged and made by the test, and seals that hold but hide nothing.

use sha2::{Digest, Sha256, Sha384, Sha512};
use std::cell::{Cell, RefCell};

const MAX_SEALED: usize = 64 * 1024;

type Verifier = Box<dyn Fn(&Verification<'_>) -> Result<(), VerifyError>>;
type Signer = Box<dyn Fn(&Signing<'_>) -> Result<Vec<u8>, SignError>>;

thread_local! {
    static VERIFIER: RefCell<Option<Verifier>> = const { RefCell::new(None) };
    static SEALED: Cell<u32> = const { Cell::new(0) };
    static SIGNER: RefCell<Option<Signer>> = const { RefCell::new(None) };
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

/// Why nothing was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignError {
    /// Not granted, or there is nothing to sign with.
    Denied,
    /// The key is bound to another algorithm.
    WrongAlgorithm,
    /// It could not be done; a `dependency` failure.
    Unavailable,
}

/// Why nothing was sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealError {
    /// Not granted, or there is nothing to seal with.
    Denied,
    /// More than 64 KiB.
    Limit,
    /// It was not sealed with this key in this context, or is not what it was.
    Invalid,
    /// It could not be done; a `dependency` failure.
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

/// The arguments of one `verify`, `verify_by_id` or `verify_jwk`.
#[derive(Clone, Copy)]
pub struct Verification<'a> {
    /// The name of the key set; empty where the message brought its key.
    pub keys: &'a str,
    /// The key the message brought.
    pub jwk: Option<&'a str>,
    /// The algorithm asked for.
    pub algorithm: Algorithm,
    /// The key asked for.
    pub key_id: Option<&'a str>,
    /// Whether keys that have no id are none.
    pub by_id: bool,
    /// What was signed.
    pub message: &'a [u8],
    /// The signature.
    pub signature: &'a [u8],
}

/// The arguments of one `sign`.
#[derive(Clone, Copy)]
pub struct Signing<'a> {
    /// The name of the key.
    pub keys: &'a str,
    /// The algorithm asked for.
    pub algorithm: Algorithm,
    /// What is to be signed.
    pub message: &'a [u8],
}

/// Answer each `verify`, `verify_by_id` and `verify_jwk` by a closure. Without one every answer is `UnknownKey`.
pub fn verify_with(verifier: impl Fn(&Verification<'_>) -> Result<(), VerifyError> + 'static) {
    VERIFIER.set(Some(Box::new(verifier)));
}

/// Answer each `sign` by a closure. Without one every answer is `Denied`.
pub fn sign_with(signer: impl Fn(&Signing<'_>) -> Result<Vec<u8>, SignError> + 'static) {
    SIGNER.set(Some(Box::new(signer)));
}

pub(crate) fn verify(
    keys: &str,
    algorithm: Algorithm,
    key_id: Option<&str>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    judge(&Verification { keys, jwk: None, algorithm, key_id, by_id: false, message, signature })
}

pub(crate) fn verify_by_id(
    keys: &str,
    algorithm: Algorithm,
    key_id: &str,
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    judge(&Verification { keys, jwk: None, algorithm, key_id: Some(key_id), by_id: true, message, signature })
}

pub(crate) fn verify_jwk(jwk: &str, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
    judge(&Verification { keys: "", jwk: Some(jwk), algorithm, key_id: None, by_id: false, message, signature })
}

fn judge(verification: &Verification<'_>) -> Result<(), VerifyError> {
    super::refuse_while_configuring("crypto");
    VERIFIER.with_borrow(|verifier| match verifier {
        Some(verifier) => verifier(verification),
        None => Err(VerifyError::UnknownKey),
    })
}

pub(crate) fn sign(keys: &str, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
    super::refuse_while_configuring("crypto");
    SIGNER.with_borrow(|signer| match signer {
        Some(signer) => signer(&Signing { keys, algorithm, message }),
        None => Err(SignError::Denied),
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

pub(crate) fn seal(keys: &str, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
    super::refuse_while_configuring("crypto");
    if plain.len() > MAX_SEALED {
        return Err(SealError::Limit);
    }
    let number = SEALED.replace(SEALED.get().wrapping_add(1)).to_be_bytes();
    let tag = tag(keys, context, &number, plain);
    Ok([&[1], &number[..], &[0; 8], plain, &tag[..16]].concat())
}

pub(crate) fn open(keys: &str, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    super::refuse_while_configuring("crypto");
    let Some((head, rest)) = sealed.split_at_checked(13) else { return Err(SealError::Invalid) };
    let Some((plain, found)) = rest.len().checked_sub(16).and_then(|at| rest.split_at_checked(at)) else {
        return Err(SealError::Invalid);
    };
    let is_so = head[0] == 1 && head[5..] == [0; 8] && *found == tag(keys, context, &head[1..5], plain)[..16];
    if is_so { Ok(plain.to_vec()) } else { Err(SealError::Invalid) }
}

/// What a seal of the test is told from another by.
fn tag(keys: &str, context: &[u8], number: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut digest = Sha256::new();
    for part in [keys.as_bytes(), context, number, plain] {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    digest.finalize().to_vec()
}

pub(super) fn reset() {
    SEALED.set(0);
    VERIFIER.set(None);
    SIGNER.set(None);
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
    fn a_key_of_exactly_this_id_is_asked_for_by_name() {
        verify_with(
            |asked| if asked.by_id && asked.key_id == Some("k") { Ok(()) } else { Err(VerifyError::UnknownKey) },
        );
        assert_eq!(crypto::verify_by_id("idp", Algorithm::Es256, "k", b"m", b"s"), Ok(()));
        assert_eq!(crypto::verify("idp", Algorithm::Es256, Some("k"), b"m", b"s"), Err(VerifyError::UnknownKey));
    }

    #[test]
    fn a_key_that_a_message_brought_is_told_from_a_set_and_signing_is_a_closure_too() {
        verify_with(|asked| asked.jwk.filter(|_| asked.keys.is_empty()).map(|_| ()).ok_or(VerifyError::BadSignature));
        assert_eq!(crypto::verify_jwk("{}", Algorithm::Es256, b"m", b"s"), Ok(()));
        assert_eq!(crypto::verify("idp", Algorithm::Es256, None, b"m", b"s"), Err(VerifyError::BadSignature));
        assert_eq!(crypto::sign("own", Algorithm::Es256, b"m"), Err(SignError::Denied));
        sign_with(|asked| Ok([asked.keys.as_bytes(), asked.message].concat()));
        assert_eq!(crypto::sign("own", Algorithm::Es256, b"m"), Ok(b"ownm".to_vec()));
        super::super::reset();
        assert_eq!(crypto::sign("own", Algorithm::Es256, b"m"), Err(SignError::Denied));
    }

    #[test]
    fn what_was_sealed_is_opened_in_its_context_only() {
        let sealed = crypto::seal("session", b"login", b"secret").unwrap();
        assert_eq!(sealed.len(), 6 + 29);
        assert_ne!(crypto::seal("session", b"login", b"secret").unwrap(), sealed);
        assert_eq!(crypto::open("session", b"login", &sealed), Ok(b"secret".to_vec()));
        for (keys, context) in [("other", &b"login"[..]), ("session", b"logout"), ("session", b"")] {
            assert_eq!(crypto::open(keys, context, &sealed), Err(SealError::Invalid));
        }
        for at in 0..sealed.len() {
            let mut other = sealed.clone();
            other[at] ^= 1;
            assert_eq!(crypto::open("session", b"login", &other), Err(SealError::Invalid), "{at}");
            assert_eq!(crypto::open("session", b"login", &sealed[..at]), Err(SealError::Invalid), "{at}");
        }
        assert_eq!(crypto::seal("session", b"", &vec![0; MAX_SEALED + 1]), Err(SealError::Limit));
    }

    #[test]
    fn digests_have_the_length_of_their_algorithm() {
        let length = |algorithm| crypto::hash(algorithm, b"").len();
        assert_eq!(length(HashAlgorithm::Sha256), 32);
        assert_eq!(length(HashAlgorithm::Sha384), 48);
        assert_eq!(length(HashAlgorithm::Sha512), 64);
    }
}
