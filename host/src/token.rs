//! The admin token: whoever shows it may ask what only an operator may, and whoever proves to know it is the gateway it belongs to.

use std::net::SocketAddr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::exchange::sole;

/// The field in which a client asks for a proof: hexadecimal digits of its choice.
pub(crate) const CHALLENGE: &str = "lockgate-challenge";
/// The field with the proof.
pub(crate) const PROOF: &str = "lockgate-proof";
/// Digits of a challenge.
const LENGTH: usize = 64;
/// What proofs are about, so that they are of use for nothing else.
const PURPOSE: &str = "lockgate admin listener";

/// Never printed.
pub(crate) struct Token(String);

impl Token {
    pub(crate) fn new(token: String) -> Self {
        Self(token)
    }

    /// Whether a request carries it as `Authorization: Bearer` (RFC 6750 section 2.1).
    pub(crate) fn admits(&self, headers: &HeaderMap) -> bool {
        let field = sole(headers, AUTHORIZATION).and_then(|field| field.to_str().ok());
        let Some((scheme, token)) = field.and_then(|field| field.split_once(' ')) else { return false };
        scheme.eq_ignore_ascii_case("bearer")
            && verify_slices_are_equal(token.trim().as_bytes(), self.0.as_bytes()).is_ok()
    }

    /// As a request carries it.
    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// The answer to a challenge on a connection to `address`, in hexadecimal; none where it is no challenge. The
    /// address is part of it, so that nobody can have another listener answer in their place.
    pub(crate) fn proof(&self, challenge: &[u8], address: SocketAddr) -> Option<String> {
        if challenge.len() != LENGTH || !challenge.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes());
        let mut context = hmac::Context::with_key(&key);
        context.update(format!("{PURPOSE}\n{address}\n").as_bytes());
        context.update(challenge);
        Some(context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_admits_and_nothing_else_does() {
        let token = Token::new("secret".into());
        let headers =
            |value: &'static str| HeaderMap::from_iter([(AUTHORIZATION, http::HeaderValue::from_static(value))]);
        assert!(token.admits(&headers("Bearer secret")));
        assert!(token.admits(&headers("bearer secret")));
        for wrong in ["Bearer secre", "Bearer secret2", "Basic secret", "secret", ""] {
            assert!(!token.admits(&headers(wrong)), "{wrong}");
        }
        let mut twice = headers("Bearer secret");
        twice.append(AUTHORIZATION, http::HeaderValue::from_static("Bearer secret"));
        assert!(!token.admits(&twice));
    }

    #[test]
    fn a_proof_is_of_one_token_one_challenge_and_one_address() {
        let (token, here) = (Token::new("secret".into()), SocketAddr::from(([127, 0, 0, 1], 8081)));
        let (one, other) = ("0a".repeat(LENGTH / 2), "0b".repeat(LENGTH / 2));
        let proof = token.proof(one.as_bytes(), here).unwrap();
        assert_eq!(token.proof(one.as_bytes(), here).as_ref(), Some(&proof));
        assert_ne!(token.proof(other.as_bytes(), here).as_ref(), Some(&proof));
        assert_ne!(token.proof(one.as_bytes(), SocketAddr::from(([127, 0, 0, 1], 8082))).as_ref(), Some(&proof));
        assert_ne!(Token::new("secret2".into()).proof(one.as_bytes(), here).as_ref(), Some(&proof));
        for none in ["", "abc", &one[1..], &format!("{}g", &one[1..])] {
            assert_eq!(token.proof(none.as_bytes(), here), None, "{none}");
        }
    }
}
