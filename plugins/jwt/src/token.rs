//! The compact form of a signed token: its header, what was signed, and the way from there to trusted claims (RFC 7515, RFC 7519).

use crate::{claims::Claims, json, names::algorithm_named, refusal::Refusal};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use lockgate_sdk::crypto::{self, Algorithm, VerifyError};
use serde_json::{Map, Value};

/// Longest key id looked up, in bytes.
const MAX_KEY_ID: usize = 256;

const MALFORMED: Refusal = Refusal::Token("token_malformed", "the token is malformed");
const NO_CLAIMS: Refusal = Refusal::Token("token_malformed", "the claims are malformed");
const UNSUPPORTED: Refusal = Refusal::Token("token_kind_not_accepted", "the token is of a kind that is not accepted");

/// A token whose signature has not been checked: its claims cannot be had yet.
pub(crate) struct Token<'a> {
    algorithm: Algorithm,
    key_id: Option<String>,
    /// Header and payload as they were sent, which is what the signature covers.
    signed: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Read the header and the signature of a token in compact form.
    pub(crate) fn parse(compact: &'a str) -> Result<Self, Refusal> {
        let (signed, signature) = compact.rsplit_once('.').ok_or(MALFORMED)?;
        let (header, payload) = signed.split_once('.').ok_or(MALFORMED)?;
        if payload.contains('.') {
            return Err(MALFORMED);
        }
        let header = json::object(&decode(header)?).ok_or(MALFORMED)?;
        refuse_extensions(&header)?;
        Ok(Self {
            algorithm: algorithm(&header)?,
            key_id: key_id(&header)?,
            signed,
            payload,
            signature: decode(signature)?,
        })
    }

    /// The algorithm the token names.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn claims(&self) -> Result<Claims, Refusal> {
        json::object(&decode(self.payload)?).map(Claims::new).ok_or(NO_CLAIMS)
    }

    /// What it says of its issuer, which nobody has confirmed: enough to choose whose keys have to.
    pub(crate) fn stated_issuer(&self) -> Result<Option<String>, Refusal> {
        self.claims()?.issuer().map(|issuer| issuer.map(str::to_owned))
    }

    /// Check the signature with a key of the set `keys`, and only then read the claims.
    pub(crate) fn verify(self, keys: &str) -> Result<Claims, Refusal> {
        let message = self.signed.as_bytes();
        let key_id = self.key_id.as_deref();
        match crypto::verify(keys, self.algorithm, key_id, message, &self.signature) {
            Ok(()) => self.claims(),
            Err(VerifyError::Unavailable) => Err(Refusal::Unavailable),
            // Which of these it was is nobody's business but the key holder's.
            Err(VerifyError::UnknownKey | VerifyError::WrongAlgorithm | VerifyError::BadSignature) => {
                Err(Refusal::Token("signature_invalid", "the signature cannot be verified"))
            }
        }
    }
}

/// base64url without padding; bits that belong to no byte must be zero, so that one token has one form.
fn decode(part: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| MALFORMED)
}

/// What a header may not ask for: extensions we would have to understand, unencoded payloads, encryption, compression,
/// other kinds of token.
fn refuse_extensions(header: &Map<String, Value>) -> Result<(), Refusal> {
    let refused = ["crit", "enc", "zip"];
    if refused.iter().any(|name| header.contains_key(*name)) {
        return Err(UNSUPPORTED);
    }
    if header.get("b64").is_some_and(|b64| b64 != true) {
        return Err(UNSUPPORTED);
    }
    match header.get("typ") {
        None => Ok(()),
        Some(Value::String(kind)) if is_jwt(kind) => Ok(()),
        Some(_) => Err(UNSUPPORTED),
    }
}

/// RFC 7515 section 4.1.9: a media type, from which `application/` may be left out. `at+jwt` is an access token (RFC
/// 9068).
fn is_jwt(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    let kind = kind.strip_prefix("application/").unwrap_or(&kind);
    matches!(kind, "jwt" | "at+jwt")
}

fn algorithm(header: &Map<String, Value>) -> Result<Algorithm, Refusal> {
    let name = header.get("alg").and_then(Value::as_str).ok_or(MALFORMED)?;
    algorithm_named(name).ok_or(Refusal::Token("algorithm_not_accepted", "the algorithm is not accepted"))
}

fn key_id(header: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    match header.get("kid") {
        None => Ok(None),
        Some(Value::String(id)) if id.len() <= MAX_KEY_ID => Ok(Some(id.clone())),
        Some(_) => Err(MALFORMED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockgate_sdk::testing;
    use proptest::prelude::*;

    fn parse(header: &str) -> Result<Algorithm, Refusal> {
        let compact = format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(header));
        Token::parse(&compact).map(|token| token.algorithm())
    }

    #[test]
    fn headers_of_signed_tokens_are_read() {
        for header in [
            r#"{"alg":"RS256"}"#,
            r#"{"alg":"RS256","typ":"JWT","kid":"k1"}"#,
            r#"{"alg":"RS256","typ":"application/at+JWT"}"#,
            r#"{"alg":"RS256","b64":true,"jku":"https://ignored.example.com","x":[{}]}"#,
        ] {
            assert_eq!(parse(header), Ok(Algorithm::Rs256), "{header}");
        }
    }

    #[test]
    fn headers_that_ask_for_something_else_are_refused() {
        for header in [
            r#"{}"#,
            r#"[]"#,
            r#""alg""#,
            r#"{"typ":"JWT"}"#,
            r#"{"alg":null}"#,
            r#"{"alg":["RS256"]}"#,
            r#"{"alg":""}"#,
            r#"{"alg":"none"}"#,
            r#"{"alg":"None"}"#,
            r#"{"alg":"rs256"}"#,
            r#"{"alg":"RSA-OAEP","enc":"A128GCM"}"#,
            r#"{"alg":"RS256","enc":"A128GCM"}"#,
            r#"{"alg":"RS256","zip":"DEF"}"#,
            r#"{"alg":"RS256","crit":[]}"#,
            r#"{"alg":"RS256","crit":["exp"],"exp":1}"#,
            r#"{"alg":"RS256","b64":false}"#,
            r#"{"alg":"RS256","b64":"true"}"#,
            r#"{"alg":"RS256","alg":"none"}"#,
            r#"{"alg":"RS256","typ":"dpop+jwt"}"#,
            r#"{"alg":"RS256","typ":null}"#,
            r#"{"alg":"RS256","kid":7}"#,
        ] {
            assert!(matches!(parse(header), Err(Refusal::Token(..))), "{header}");
        }
        let long = format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(MAX_KEY_ID + 1));
        assert_eq!(parse(&long), Err(MALFORMED));
    }

    #[test]
    fn only_three_canonical_parts_are_a_token() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#);
        let cases = [
            String::new(),
            "..".to_owned(),
            header.clone(),
            format!("{header}.e30"),
            format!("{header}.e30.c2ln.c2ln"),
            format!("{header}.e30.c2ln.."),
            format!("{header}=.e30.c2ln"),
            format!("{header}.e30.c2lu="),
            format!("{header}.e30.c2l"),
            format!("{header}.e30.c2+n"),
            format!("{header}.e30.c"),
        ];
        for compact in cases {
            assert_eq!(Token::parse(&compact).err(), Some(MALFORMED), "{compact}");
        }
    }

    #[test]
    fn claims_are_strict_json_even_when_signed() {
        testing::crypto::verify_with(|_| Ok(()));
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#);
        let cases = [
            ("e30=", MALFORMED),
            ("e31", MALFORMED),
            ("", NO_CLAIMS),
            ("bnVsbA", NO_CLAIMS),
            ("eyJhIjoxLCJhIjoxfQ", NO_CLAIMS),
        ];
        for (payload, refusal) in cases {
            let compact = format!("{header}.{payload}.c2ln");
            let claims = Token::parse(&compact).unwrap().verify("idp");
            assert_eq!(claims.err(), Some(refusal), "{payload}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_read_without_panic(text in "[A-Za-z0-9_.=-]{0,80}") {
            let _ = Token::parse(&text);
        }
    }
}
