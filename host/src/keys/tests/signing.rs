//! Signing keys: what they sign verifies, and they are not shown.

use super::*;

#[test]
fn what_a_signing_key_signs_its_public_set_verifies() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Es384] {
        let made = SigningKey::generate(algorithm).unwrap();
        let key = SigningKey::from_pkcs8_pem(made.to_pkcs8_pem().unwrap().as_bytes()).unwrap();
        assert_eq!((key.algorithm(), key.key_id()), (algorithm, made.key_id()));
        let set = KeySet::from_jwks(made.public_jwks().as_bytes()).unwrap();
        let signature = key.sign(MESSAGE).unwrap();
        for id in [None, Some(key.key_id())] {
            assert_eq!(set.verify(algorithm, id, MESSAGE, &signature), Ok(()));
            assert_eq!(set.verify(algorithm, id, b"massage", &signature), Err(BadSignature));
        }
    }
}

#[test]
fn a_signing_key_of_another_kind_is_refused() {
    for algorithm in [Algorithm::Hs256, Algorithm::Rs256, Algorithm::Ps512, Algorithm::Es512] {
        assert!(matches!(
            SigningKey::generate(algorithm),
            Err(KeyError::UnsupportedAlgorithm(refused)) if refused == algorithm
        ));
    }
    let rsa: Vec<u8> = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&*RSA).unwrap().as_ref().into();
    let pem = encode_string("PRIVATE KEY", LineEnding::LF, &rsa).unwrap();
    assert!(matches!(SigningKey::from_pkcs8_pem(pem.as_bytes()), Err(KeyError::NotASigningKey)));
    assert!(matches!(SigningKey::from_pkcs8_pem(b"x"), Err(KeyError::NotPem)));
}

#[test]
fn a_thumbprint_is_the_one_of_rfc_8037() {
    // Appendix A.3, from the private key of appendix A.1.
    let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
    let pkcs8 = [b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", seed.as_slice()].concat();
    let pem = encode_string("PRIVATE KEY", LineEnding::LF, &pkcs8).unwrap();
    let key = SigningKey::from_pkcs8_pem(pem.as_bytes()).unwrap();
    assert_eq!(key.key_id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn debug_shows_neither_private_keys_nor_secrets() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    assert_eq!(format!("{key:?}"), format!("SigningKey {{ algorithm: Es256, id: {:?}, .. }}", key.key_id()));
    let set = KeySet::from_hmac(&[7; 32], Algorithm::Hs256).unwrap();
    assert_eq!(format!("{set:?}"), "KeySet { keys: [Key { id: None, material: Some([Hs256]) }] }");
}
