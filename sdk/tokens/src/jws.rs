//! The compact form of a signed token: its header, what was signed, and the way to claims that can be trusted (RFC 7515, RFC
//! 7519).

use crate::{Claims, Refusal, algorithms::algorithm_named, json};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use lockgate_sdk::crypto::{self, Algorithm, VerifyError};
use serde_json::{Map, Value};

/// Longest key id looked up, in bytes.
const MAX_KEY_ID: usize = 256;

const MALFORMED: Refusal = Refusal::Token("token_malformed", "the token is malformed");
const NO_CLAIMS: Refusal = Refusal::Token("token_malformed", "the claims are malformed");
const UNSUPPORTED: Refusal = Refusal::Token("token_kind_not_accepted", "the token is of a kind that is not accepted");

/// A token in compact form as it was sent: nothing of it is checked.
pub struct Jws<'a> {
    header: Map<String, Value>,
    /// Header and payload as they were sent, which is what the signature covers.
    signed: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Jws<'a> {
    /// Take the three parts apart and read the header.
    ///
    /// # Errors
    /// `token_malformed`.
    pub fn parse(compact: &'a str) -> Result<Self, Refusal> {
        let (signed, signature) = compact.rsplit_once('.').ok_or(MALFORMED)?;
        let (header, payload) = signed.split_once('.').ok_or(MALFORMED)?;
        if payload.contains('.') {
            return Err(MALFORMED);
        }
        let header = json::object(&decode(header)?).ok_or(MALFORMED)?;
        Ok(Self { header, signed, payload, signature })
    }

    /// The kind of token it says it is, a media type of which `application/` is left out (RFC 7515 section 4.1.9), in
    /// lower case.
    pub fn kind(&self) -> Option<String> {
        let kind = self.header.get("typ")?.as_str()?.to_ascii_lowercase();
        Some(kind.strip_prefix("application/").map(str::to_owned).unwrap_or(kind))
    }

    /// Hold the header against what can be done: `is_accepted` says which [kinds](Self::kind) are, none stands for a token
    /// that names none.
    ///
    /// # Errors
    /// `token_kind_not_accepted` where it asks for extensions, encryption, compression or an unencoded payload, or is of
    /// another kind; `algorithm_not_accepted`, `token_malformed`.
    pub fn accept(self, is_accepted: impl FnOnce(Option<&str>) -> bool) -> Result<Signed<'a>, Refusal> {
        refuse_extensions(&self.header)?;
        let kind = self.kind();
        if kind.is_none() && self.header.contains_key("typ") || !is_accepted(kind.as_deref()) {
            return Err(UNSUPPORTED);
        }
        let (algorithm, key_id) = (algorithm(&self.header)?, key_id(&self.header)?);
        let Self { header, signed, payload, signature } = self;
        Ok(Signed { header, algorithm, key_id, signed, payload, signature: decode(signature)? })
    }
}

/// A token whose header is accepted and whose signature has not been checked: its claims cannot be had yet.
pub struct Signed<'a> {
    header: Map<String, Value>,
    algorithm: Algorithm,
    key_id: Option<String>,
    signed: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

impl Signed<'_> {
    /// The algorithm the token names.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// A member of the header.
    pub fn header(&self, name: &str) -> Option<&Value> {
        self.header.get(name)
    }

    /// What it says of its issuer, which nobody has confirmed: enough to choose whose keys have to.
    ///
    /// # Errors
    /// `token_malformed`.
    pub fn stated_issuer(&self) -> Result<Option<String>, Refusal> {
        self.claims()?.issuer().map(|issuer| issuer.map(str::to_owned))
    }

    /// Check the signature with a key of the set `keys`, and only then read the claims.
    ///
    /// # Errors
    /// `signature_invalid`, `token_malformed`; [`Refusal::Unavailable`] where the key set cannot be used at present.
    pub fn verify(&self, keys: &str) -> Result<Claims, Refusal> {
        let key_id = self.key_id.as_deref();
        self.confirmed(crypto::verify(keys, self.algorithm, key_id, self.signed.as_bytes(), &self.signature))
    }

    /// The same with a public key that is known otherwise, a JWK.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_jwk(&self, jwk: &str) -> Result<Claims, Refusal> {
        self.confirmed(crypto::verify_jwk(jwk, self.algorithm, self.signed.as_bytes(), &self.signature))
    }

    fn confirmed(&self, verified: Result<(), VerifyError>) -> Result<Claims, Refusal> {
        match verified {
            Ok(()) => self.claims(),
            Err(VerifyError::Unavailable) => Err(Refusal::Unavailable),
            // Which of these it was is nobody's business but the key holder's.
            Err(VerifyError::UnknownKey | VerifyError::WrongAlgorithm | VerifyError::BadSignature) => {
                Err(Refusal::Token("signature_invalid", "the signature cannot be verified"))
            }
        }
    }

    fn claims(&self) -> Result<Claims, Refusal> {
        json::object(&decode(self.payload)?).map(Claims::new).ok_or(NO_CLAIMS)
    }
}

/// base64url without padding; bits that belong to no byte must be zero, so that one token has one form.
fn decode(part: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| MALFORMED)
}

/// What a header may not ask for: extensions we would have to understand, unencoded payloads, encryption, compression.
fn refuse_extensions(header: &Map<String, Value>) -> Result<(), Refusal> {
    let refused = ["crit", "enc", "zip"];
    if refused.iter().any(|name| header.contains_key(*name)) {
        return Err(UNSUPPORTED);
    }
    if header.get("b64").is_some_and(|b64| b64 != true) {
        return Err(UNSUPPORTED);
    }
    Ok(())
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

    fn accept(compact: &str) -> Result<Signed<'_>, Refusal> {
        Jws::parse(compact)?.accept(|kind| matches!(kind, None | Some("jwt" | "at+jwt")))
    }

    fn parse(header: &str) -> Result<Algorithm, Refusal> {
        let compact = format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(header));
        accept(&compact).map(|token| token.algorithm())
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
    fn a_token_is_of_the_kind_it_names_and_is_accepted_as_no_other() {
        let of_kind = |header: &str| {
            let compact = format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(header));
            let jws = Jws::parse(&compact).ok().unwrap();
            (jws.kind(), jws.accept(|kind| kind == Some("at+jwt")).is_ok())
        };
        assert_eq!(of_kind(r#"{"alg":"RS256","typ":"AT+jwt"}"#), (Some("at+jwt".to_owned()), true));
        assert_eq!(of_kind(r#"{"alg":"RS256","typ":"application/at+jwt"}"#), (Some("at+jwt".to_owned()), true));
        assert_eq!(of_kind(r#"{"alg":"RS256","typ":"JWT"}"#), (Some("jwt".to_owned()), false));
        assert_eq!(of_kind(r#"{"alg":"RS256"}"#), (None, false));
    }

    #[test]
    fn a_key_known_otherwise_is_asked_for_by_itself() {
        testing::crypto::verify_with(|asked| match asked.jwk {
            Some("{}") if asked.keys.is_empty() => Ok(()),
            _ => Err(VerifyError::BadSignature),
        });
        let compact = format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","jwk":{}}"#));
        let token = accept(&compact).ok().unwrap();
        assert!(token.header("jwk").is_some());
        assert!(token.verify_jwk("{}").is_ok());
        assert!(token.verify("idp").is_err());
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
            assert_eq!(accept(&compact).err(), Some(MALFORMED), "{compact}");
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
            let claims = accept(&compact).ok().unwrap().verify("idp");
            assert_eq!(claims.err(), Some(refusal), "{payload}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_read_without_panic(text in "[A-Za-z0-9_.=-]{0,80}") {
            let _ = accept(&text);
        }
    }
}
