//! Sets of one key, from PEM or a shared secret.

use super::*;

#[test]
fn a_public_key_as_pem_is_bound_to_the_algorithm_named() {
    let der: Vec<u8> =
        AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(RSA.public_key()).unwrap().as_ref().into();
    let pem = encode_string("PUBLIC KEY", LineEnding::CRLF, &der).unwrap();
    let signature = rsa_signature(&RSA_PKCS1_SHA256);
    let set = KeySet::from_pem(pem.as_bytes(), Algorithm::Rs256).unwrap();
    assert_eq!(set.verify(Algorithm::Rs256, None, MESSAGE, &signature), Ok(()));
    assert_eq!(set.verify(Algorithm::Rs384, None, MESSAGE, &signature), Err(UnknownKey));
    // Issuers name their keys; a key that was given without a name is meant for all of them.
    assert_eq!(set.verify(Algorithm::Rs256, Some("k"), MESSAGE, &signature), Ok(()));
    for other in [Algorithm::Es256, Algorithm::EdDsa] {
        assert!(matches!(
            KeySet::from_pem(pem.as_bytes(), other),
            Err(KeyError::WrongAlgorithm(named)) if named == other
        ));
    }
    assert!(matches!(
        KeySet::from_pem(pem.as_bytes(), Algorithm::Hs256),
        Err(KeyError::UnsupportedAlgorithm(Algorithm::Hs256))
    ));
}

#[test]
fn elliptic_public_keys_are_read_from_pem_too() {
    let ed25519 = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
    let set = KeySet::from_pem(ed25519.as_bytes(), Algorithm::EdDsa).unwrap();
    assert_eq!(set.verify(Algorithm::EdDsa, None, MESSAGE, &[0; 64]), Err(BadSignature));
    let (key, jwk) = signer(Algorithm::Es256);
    let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    let prefix =
        b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04";
    let der = [&prefix[..], &coordinate("x"), &coordinate("y")].concat();
    let pem = encode_string("PUBLIC KEY", LineEnding::LF, &der).unwrap();
    let set = KeySet::from_pem(pem.as_bytes(), Algorithm::Es256).unwrap();
    assert_eq!(set.verify(Algorithm::Es256, None, MESSAGE, &key.sign(MESSAGE).unwrap()), Ok(()));
    assert!(matches!(
        KeySet::from_pem(pem.as_bytes(), Algorithm::Es384),
        Err(KeyError::WrongAlgorithm(Algorithm::Es384))
    ));
}

#[test]
fn pem_that_is_no_public_key_is_refused_with_advice() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap().to_pkcs8_pem().unwrap();
    let refused = |text: &str| KeySet::from_pem(text.as_bytes(), Algorithm::Es256).unwrap_err();
    assert!(matches!(refused(&key), KeyError::PrivateKey));
    assert!(matches!(refused(&key.replace("PRIVATE", "EC PRIVATE")), KeyError::PrivateKey));
    assert!(matches!(refused(&key.replace("PRIVATE", "PUBLIC")), KeyError::NotAPublicKey));
    assert!(matches!(refused(&key.replace("PRIVATE KEY", "CERTIFICATE")), KeyError::NotAPublicKey));
    assert!(matches!(refused("ssh-ed25519 AAAA"), KeyError::NotPem));
}

#[test]
fn a_secret_shorter_than_its_hash_is_refused() {
    for (algorithm, length) in [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)] {
        let short = KeySet::from_hmac(&vec![1; length - 1], algorithm);
        assert!(matches!(short, Err(KeyError::Unusable(_, Unusable::Size))));
        let set = KeySet::from_hmac(&vec![1; length], algorithm).unwrap();
        assert_eq!(set.verify(algorithm, None, MESSAGE, &[0; 32]), Err(BadSignature));
    }
    assert!(matches!(
        KeySet::from_hmac(&[1; 64], Algorithm::EdDsa),
        Err(KeyError::UnsupportedAlgorithm(Algorithm::EdDsa))
    ));
}
