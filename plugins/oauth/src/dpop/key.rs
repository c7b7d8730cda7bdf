//! The public key a proof brings, in the form that is both hashed and verified with (RFC 7638).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use lockgate_sdk::crypto::{self, HashAlgorithm};
use serde_json::{Map, Value};

/// What only a private or a symmetric key has (RFC 7518 section 6).
const SECRET: [&str; 8] = ["d", "k", "p", "q", "dp", "dq", "qi", "oth"];

/// A public key.
pub(super) struct PublicKey {
    /// The members that make the key, in the order of their names, without white space: RFC 7638 section 3.
    jwk: String,
}

impl PublicKey {
    /// Read a JWK; none if it is no public key. Members that are not needed to verify have no effect.
    pub(super) fn read(jwk: &Map<String, Value>) -> Option<Self> {
        if SECRET.iter().any(|name| jwk.contains_key(*name)) {
            return None;
        }
        let names: &[&str] = match jwk.get("kty")?.as_str()? {
            "EC" => &["crv", "kty", "x", "y"],
            "OKP" => &["crv", "kty", "x"],
            "RSA" => &["e", "kty", "n"],
            _ => return None,
        };
        let members: Option<Vec<String>> =
            names.iter().map(|name| Some(format!("\"{name}\":\"{}\"", plain(jwk.get(*name)?)?))).collect();
        Some(Self { jwk: format!("{{{}}}", members?.join(",")) })
    }

    /// As a JWK.
    pub(super) fn jwk(&self) -> &str {
        &self.jwk
    }

    /// Its digest by SHA-256, in base64url.
    pub(super) fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(crypto::hash(HashAlgorithm::Sha256, self.jwk.as_bytes()))
    }
}

/// A text that stands for itself in JSON: base64url, and names of curves.
fn plain(value: &Value) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    value.as_str().filter(|text| !text.is_empty() && text.bytes().all(is_plain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn thumbprint(jwk: &Value) -> Option<String> {
        Some(PublicKey::read(jwk.as_object()?)?.thumbprint())
    }

    #[test]
    fn thumbprints_are_those_of_the_standards() {
        // RFC 7638 section 3.1.
        let rsa = json!({
            "kty": "RSA", "alg": "RS256", "kid": "2011-04-29", "e": "AQAB",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n\
                  3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZ\
                  Hzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEg\
                  U8awapJzKnqDKgw",
        });
        assert_eq!(thumbprint(&rsa).as_deref(), Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
        // RFC 9449 section 6.1, of the key of section 4.1.
        let elliptic = json!({
            "kty": "EC", "crv": "P-256", "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
            "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
        });
        assert_eq!(thumbprint(&elliptic).as_deref(), Some("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"));
        // RFC 8037 appendix A.3.
        let edwards = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        assert_eq!(thumbprint(&edwards).as_deref(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
    }

    #[test]
    fn what_is_no_public_key_is_none() {
        let whole = json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"});
        assert!(thumbprint(&whole).is_some());
        let changes = [
            ("d", json!("AA")),
            ("k", json!("AA")),
            ("p", json!("")),
            ("oth", json!([])),
            ("kty", json!("oct")),
            ("kty", json!("ec")),
            ("kty", json!(1)),
            ("x", json!(null)),
            ("x", json!("")),
            ("x", json!("A\"A")),
            ("y", json!(["AA"])),
            ("crv", json!("P 256")),
        ];
        for (name, value) in changes {
            let mut jwk = whole.clone();
            jwk[name] = value;
            assert_eq!(thumbprint(&jwk), None, "{jwk}");
        }
        for name in ["kty", "crv", "x", "y"] {
            let mut jwk = whole.clone();
            jwk.as_object_mut().unwrap().remove(name);
            assert_eq!(thumbprint(&jwk), None, "without {name}");
        }
        assert_eq!(thumbprint(&json!({"kty": "oct", "k": "AA"})), None);
    }

    #[test]
    fn other_members_of_a_key_have_no_effect() {
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "\"", "alg": "HS256", "x5u": "https://a"});
        let key = PublicKey::read(jwk.as_object().unwrap()).unwrap();
        assert_eq!(key.jwk(), r#"{"crv":"Ed25519","kty":"OKP","x":"AA"}"#);
    }
}
