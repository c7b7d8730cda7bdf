//! What signs for policies: what it signs verifies, with its own algorithm only.

use super::*;
use crate::keys::{SignError, Signer, verify_jwk};

fn rsa_pem() -> String {
    let der: Vec<u8> = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&*RSA).unwrap().as_ref().into();
    encode_string("PRIVATE KEY", LineEnding::LF, &der).unwrap()
}

fn pem(algorithm: Algorithm) -> String {
    match algorithm {
        Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512 => rsa_pem(),
        other => SigningKey::generate(other).unwrap().to_pkcs8_pem().unwrap(),
    }
}

#[test]
fn what_a_private_key_signs_its_public_half_verifies() {
    for algorithm in Algorithm::PRIVATE {
        let signer = Signer::from_pkcs8_pem(pem(algorithm).as_bytes(), algorithm).unwrap();
        let signature = signer.sign(algorithm, MESSAGE).unwrap();
        let public = signer.public().unwrap();
        assert_eq!(public.verify(algorithm, None, MESSAGE, &signature), Ok(()), "{algorithm}");
        assert_eq!(public.verify(algorithm, None, b"massage", &signature), Err(BadSignature), "{algorithm}");
        for other in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            assert_eq!(signer.sign(other, MESSAGE), Err(SignError::WrongAlgorithm), "{algorithm} for {other}");
        }
    }
}

#[test]
fn a_secret_makes_what_whoever_has_it_verifies() {
    let signer = Signer::from_hmac(&[7; 64], Algorithm::Hs384).unwrap();
    let mac = signer.sign(Algorithm::Hs384, MESSAGE).unwrap();
    let set = KeySet::from_hmac(&[7; 64], Algorithm::Hs384).unwrap();
    assert_eq!(set.verify(Algorithm::Hs384, None, MESSAGE, &mac), Ok(()));
    assert!(matches!(signer.public(), Err(KeyError::UnsupportedAlgorithm(Algorithm::Hs384))));
    assert!(matches!(Signer::from_hmac(&[7; 47], Algorithm::Hs384), Err(KeyError::Unusable(..))));
    assert_eq!(format!("{signer:?}"), "Signer { algorithm: Hs384, .. }");
}

#[test]
fn a_key_signs_for_the_algorithm_it_is_for_and_no_other() {
    for (text, algorithm) in [
        (pem(Algorithm::EdDsa), Algorithm::Es256),
        (pem(Algorithm::Es256), Algorithm::Es384),
        (pem(Algorithm::Es256), Algorithm::Ps512),
    ] {
        let refused = Signer::from_pkcs8_pem(text.as_bytes(), algorithm);
        assert!(matches!(refused, Err(KeyError::WrongAlgorithm(it)) if it == algorithm), "{refused:?}");
    }
    // Of v1.5 nothing is signed.
    assert!(Signer::from_pkcs8_pem(rsa_pem().as_bytes(), Algorithm::Rs256).is_err());
    assert!(matches!(Signer::from_pkcs8_pem(b"x", Algorithm::Ps512), Err(KeyError::NotPem)));
}

#[test]
fn a_key_that_a_message_brings_verifies_what_it_signed() {
    for algorithm in Algorithm::SIGNING {
        let key = SigningKey::generate(algorithm).unwrap();
        let set: Value = serde_json::from_str(&key.public_jwks()).unwrap();
        let mut jwk = set["keys"][0].clone();
        let signature = key.sign(MESSAGE).unwrap();
        let verify = |jwk: &Value, message| verify_jwk(&jwk.to_string(), algorithm, message, &signature);
        assert_eq!(verify(&jwk, MESSAGE), Ok(()));
        assert_eq!(verify(&jwk, b"massage"), Err(BadSignature));
        let other = Algorithm::SIGNING.into_iter().find(|other| *other != algorithm).unwrap();
        assert_eq!(verify_jwk(&jwk.to_string(), other, MESSAGE, &signature), Err(UnknownKey));
        jwk["d"] = "AAAA".into();
        assert_eq!(verify(&jwk, MESSAGE), Err(UnknownKey), "a private key is nobody's");
    }
}

#[test]
fn what_a_message_brings_and_is_no_public_key_verifies_nothing() {
    let mac = Signer::from_hmac(&[7; 32], Algorithm::Hs256).unwrap().sign(Algorithm::Hs256, MESSAGE).unwrap();
    let secret = URL_SAFE_NO_PAD.encode([7; 32]);
    let secret = format!(r#"{{"kty":"oct","alg":"HS256","k":"{secret}"}}"#);
    for text in [secret.as_str(), "", "{}", "[]", "null", r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#] {
        assert_eq!(verify_jwk(text, Algorithm::Hs256, MESSAGE, &mac), Err(UnknownKey), "{text}");
    }
}
