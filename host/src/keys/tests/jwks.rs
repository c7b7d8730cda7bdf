//! JWK Sets: binding, ids, refused keys and bounds.

use super::*;

#[test]
fn an_rsa_key_without_alg_serves_every_rsa_algorithm_and_one_with_alg_only_that() {
    let (rs256, ps512) = (rsa_signature(&RSA_PKCS1_SHA256), rsa_signature(&RSA_PSS_SHA512));
    let any = set(&[rsa_jwk()]).unwrap();
    assert_eq!(any.verify(Algorithm::Rs256, None, MESSAGE, &rs256), Ok(()));
    assert_eq!(any.verify(Algorithm::Ps512, None, MESSAGE, &ps512), Ok(()));
    assert_eq!(any.verify(Algorithm::Ps256, None, MESSAGE, &ps512), Err(BadSignature));
    assert_eq!(any.verify(Algorithm::Es256, None, MESSAGE, &rs256), Err(UnknownKey));
    let bound = set(&[with(&rsa_jwk(), json!({ "alg": "RS256", "kid": "r" }))]).unwrap();
    assert_eq!(bound.verify(Algorithm::Rs256, Some("r"), MESSAGE, &rs256), Ok(()));
    assert_eq!(bound.verify(Algorithm::Ps512, Some("r"), MESSAGE, &ps512), Err(WrongAlgorithm));
    assert_eq!(bound.verify(Algorithm::Ps512, None, MESSAGE, &ps512), Err(UnknownKey));
}

#[test]
fn an_id_selects_and_an_empty_one_is_an_id() {
    let (key, jwk) = signer(Algorithm::Es256);
    let signature = key.sign(MESSAGE).unwrap();
    let (_, other) = signer(Algorithm::Es256);
    let keys = [with(&jwk, json!({ "kid": "" })), with(&other, json!({ "kid": "other" }))];
    let set = set(&keys).unwrap();
    let ask = |id| set.verify(Algorithm::Es256, id, MESSAGE, &signature);
    assert_eq!(ask(Some("")), Ok(()));
    assert_eq!(ask(None), Ok(()));
    assert_eq!(ask(Some("other")), Err(BadSignature));
    assert_eq!(ask(Some("unheard")), Err(UnknownKey));
}

#[test]
fn a_key_that_cannot_be_used_is_passed_over_but_its_id_is_known() {
    let (key, jwk) = signer(Algorithm::EdDsa);
    let signature = key.sign(MESSAGE).unwrap();
    let broken = [
        with(&jwk, json!({ "kid": "bad", "use": "enc" })),
        with(&jwk, json!({ "kid": "bad", "key_ops": ["sign"] })),
        with(&jwk, json!({ "kid": "bad", "alg": "ES256" })),
        with(&jwk, json!({ "kid": "bad", "crv": "Ed448" })),
        with(&jwk, json!({ "kid": "bad", "kty": "AKP" })),
        with(&jwk, json!({ "kid": "bad", "x": "AA" })),
        with(&jwk, json!({ "kid": "bad", "x": 1 })),
    ];
    for bad in broken {
        let set = set(&[bad.clone(), jwk.clone()]).unwrap();
        let ask = |id| set.verify(Algorithm::EdDsa, id, MESSAGE, &signature);
        assert_eq!(ask(Some("bad")), Err(WrongAlgorithm), "{bad}");
        assert_eq!(ask(Some(key.key_id())), Ok(()), "{bad}");
        assert_eq!(ask(None), Ok(()), "{bad}");
    }
}

#[test]
fn a_set_without_a_usable_key_says_why_the_first_was_refused() {
    let ec = with(&signer(Algorithm::Es256).1, json!({ "alg": null }));
    let short = |bytes: usize| text(&[&[0x80][..], &vec![1; bytes - 1]].concat());
    let cases = [
        (with(&rsa_jwk(), json!({ "n": short(255) })), Unusable::Size),
        (with(&rsa_jwk(), json!({ "n": short(1025) })), Unusable::Size),
        (with(&rsa_jwk(), json!({ "e": "AQ" })), Unusable::Malformed),
        (with(&rsa_jwk(), json!({ "e": "AQAA" })), Unusable::Malformed),
        (with(&rsa_jwk(), json!({ "n": "%%" })), Unusable::Malformed),
        (with(&rsa_jwk(), json!({ "alg": "RSA-OAEP" })), Unusable::Unsupported),
        (with(&rsa_jwk(), json!({ "alg": "HS256" })), Unusable::Unsupported),
        (with(&ec, json!({ "alg": "ES384" })), Unusable::Unsupported),
        (with(&ec, json!({ "crv": "P-384" })), Unusable::Malformed),
        (with(&ec, json!({ "crv": "secp256k1" })), Unusable::Unsupported),
        (with(&ec, json!({ "y": ec["x"] })), Unusable::Malformed),
        (with(&ec, json!({ "kid": 7 })), Unusable::Malformed),
        (with(&ec, json!({ "use": "enc" })), Unusable::NotForVerifying),
        (with(&ec, json!({ "key_ops": [] })), Unusable::NotForVerifying),
        (oct(31, "HS256"), Unusable::Size),
        (oct(47, "HS384"), Unusable::Size),
        (oct(63, "HS512"), Unusable::Size),
        (oct(64, "RS256"), Unusable::Unsupported),
        (json!({ "kty": "oct", "k": text(&[7; 64]) }), Unusable::Unsupported),
        (json!("text"), Unusable::Malformed),
    ];
    for (key, expected) in cases {
        match set(std::slice::from_ref(&key)) {
            Err(KeyError::NoUsableKey(Some(reason))) => assert_eq!(reason, expected, "{key}"),
            other => panic!("{key}: {other:?}"),
        }
    }
    assert!(matches!(set(&[]), Err(KeyError::NoUsableKey(None))));
}

#[test]
fn a_leading_zero_octet_changes_no_rsa_key() {
    let n = URL_SAFE_NO_PAD.decode(rsa_jwk()["n"].as_str().unwrap()).unwrap();
    let padded = with(&rsa_jwk(), json!({ "n": text(&[&[0], n.as_slice()].concat()) }));
    let set = set(&[padded]).unwrap();
    assert_eq!(set.verify(Algorithm::Rs256, None, MESSAGE, &rsa_signature(&RSA_PKCS1_SHA256)), Ok(()));
}

#[test]
fn one_id_may_name_keys_of_different_algorithms_but_not_two_of_one() {
    let id = json!({ "kid": "same" });
    let (_, es256) = signer(Algorithm::Es256);
    let (_, eddsa) = signer(Algorithm::EdDsa);
    let (_, again) = signer(Algorithm::EdDsa);
    let [es256, eddsa, again] = [&es256, &eddsa, &again].map(|key| with(key, id.clone()));
    assert!(set(&[es256.clone(), eddsa.clone(), with(&rsa_jwk(), id.clone())]).is_ok());
    assert!(matches!(set(&[es256, eddsa, again]), Err(KeyError::DuplicateKeyId(Algorithm::EdDsa))));
    let bound = with(&with(&rsa_jwk(), id.clone()), json!({ "alg": "PS384" }));
    assert!(matches!(set(&[with(&rsa_jwk(), id), bound]), Err(KeyError::DuplicateKeyId(Algorithm::Ps384))));
}

#[test]
fn sets_are_bounded_in_keys_and_bytes() {
    let key = oct(32, "HS256");
    assert!(set(&vec![key.clone(); 100]).is_ok());
    assert!(matches!(set(&vec![key.clone(); 101]), Err(KeyError::TooManyKeys)));
    let long = with(&key, json!({ "x5c": "a".repeat(256 * 1024) }));
    assert!(matches!(set(&[long]), Err(KeyError::TooLarge)));
    for bad in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[]} x"#, "\u{1}"] {
        assert!(matches!(KeySet::from_jwks(bad.as_bytes()), Err(KeyError::NotAKeySet)), "{bad}");
    }
}
