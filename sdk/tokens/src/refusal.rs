//! Why a request is not admitted, and the answer that says so (RFC 6750 section 3, RFC 9449 section 7.1).

use crate::Scope;
use lockgate_sdk::{Failure, Problem, Response, names::Realm};
use std::fmt::Write as _;

/// What types of problems begin with; the kind follows.
const TYPES: &str = "urn:problem-type:lockgate:";

/// Why a request is not admitted: its kind, for programs, and a text for people, short, ASCII without quotes, and never a
/// part of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No token was sent; the text says what is required.
    Missing(&'static str),
    /// The request cannot be understood.
    Request(&'static str, &'static str),
    /// The token is not valid here and now.
    Token(&'static str, &'static str),
    /// The proof that whoever sent the token holds its key is not valid here and now (RFC 9449).
    Proof(&'static str, &'static str),
    /// The proof has to hold a nonce that it does not, which the answer has to give.
    Nonce(&'static str, &'static str),
    /// The token is valid and does not permit this.
    Rights(&'static str, &'static str),
    /// What would have to confirm the token cannot be used at present.
    Unavailable,
    /// What would have to confirm it may not be used.
    Denied,
}

impl Refusal {
    /// The answer for it, which still lacks its challenges.
    ///
    /// # Errors
    /// It is not the request that is to blame.
    pub fn answer(self) -> Result<Response, Failure> {
        let (status, title, kind, detail) = match self {
            Self::Missing(why) => (401, "Unauthorized", "token_missing", why),
            Self::Request(kind, why) => (400, "Bad Request", kind, why),
            Self::Token(kind, why) | Self::Proof(kind, why) | Self::Nonce(kind, why) => {
                (401, "Unauthorized", kind, why)
            }
            Self::Rights(kind, why) => (403, "Forbidden", kind, why),
            Self::Unavailable => return Err(Failure::Dependency),
            Self::Denied => return Err(Failure::Internal),
        };
        let kind = format!("{TYPES}{kind}");
        Ok(Problem::new(status, title).kind(&kind).detail(detail).into())
    }

    /// What `error` and `error_description` of a challenge say; nothing where no credentials were sent.
    fn error(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Missing(_) | Self::Unavailable | Self::Denied => None,
            Self::Request(_, why) => Some(("invalid_request", why)),
            Self::Token(_, why) => Some(("invalid_token", why)),
            Self::Proof(_, why) => Some(("invalid_dpop_proof", why)),
            Self::Nonce(_, why) => Some(("use_dpop_nonce", why)),
            Self::Rights(_, why) => Some(("insufficient_scope", why)),
        }
    }
}

/// What `WWW-Authenticate` says of one scheme whatever happened.
pub struct Challenge {
    always: String,
}

impl Challenge {
    /// A challenge of the scheme `scheme`.
    pub fn new(scheme: &str, realm: &Realm) -> Self {
        Self { always: format!("{scheme} realm=\"{}\"", realm.as_str()) }
    }

    /// One more parameter, whose value can stand between quotes as it is.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        push(&mut self.always, name, value);
        self
    }

    /// The field where nothing was sent that could be wrong.
    pub fn field(&self) -> &str {
        &self.always
    }

    /// The field where this is wrong; `scopes` are those that would have been enough.
    pub fn field_for(&self, refusal: Refusal, scopes: &[Scope]) -> String {
        let mut field = self.always.clone();
        if let Some((error, why)) = refusal.error() {
            push(&mut field, "error", error);
            push(&mut field, "error_description", why);
        }
        if matches!(refusal, Refusal::Rights(..)) && !scopes.is_empty() {
            let scopes: Vec<_> = scopes.iter().map(Scope::as_str).collect();
            push(&mut field, "scope", &scopes.join(" "));
        }
        field
    }
}

fn push(field: &mut String, name: &str, value: &str) {
    // Writing to a string cannot fail.
    let _ = write!(field, ", {name}=\"{value}\"");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(refusal: Refusal, scopes: &[&str]) -> String {
        let scopes: Vec<_> = scopes.iter().map(|scope| Scope::try_from((*scope).to_owned()).unwrap()).collect();
        Challenge::new("Bearer", &Realm::default()).field_for(refusal, &scopes)
    }

    #[test]
    fn each_refusal_has_its_status_and_challenge() {
        let cases = [
            (Refusal::Missing("no"), 401, r#"Bearer realm="api""#),
            (
                Refusal::Request("token_expired", "no"),
                400,
                r#"Bearer realm="api", error="invalid_request", error_description="no""#,
            ),
            (
                Refusal::Token("token_expired", "no"),
                401,
                r#"Bearer realm="api", error="invalid_token", error_description="no""#,
            ),
            (
                Refusal::Proof("token_expired", "no"),
                401,
                r#"Bearer realm="api", error="invalid_dpop_proof", error_description="no""#,
            ),
            (
                Refusal::Nonce("token_expired", "no"),
                401,
                r#"Bearer realm="api", error="use_dpop_nonce", error_description="no""#,
            ),
            (
                Refusal::Rights("token_expired", "no"),
                403,
                r#"Bearer realm="api", error="insufficient_scope", error_description="no", scope="a b""#,
            ),
        ];
        for (refusal, status, challenge) in cases {
            let response = refusal.answer().unwrap();
            assert_eq!(response.status_code(), status);
            assert_eq!(field(refusal, &["a", "b"]), challenge);
            assert_eq!(response.values("content-type"), ["application/problem+json"]);
            assert!(response.text().starts_with(r#"{"type":"urn:problem-type:lockgate:token_"#), "{}", response.text());
        }
    }

    #[test]
    fn without_required_scopes_none_is_named() {
        let field = field(Refusal::Rights("token_expired", "no"), &[]);
        assert!(!field.contains("scope=\""), "{field:?}");
    }

    #[test]
    fn parameters_stand_before_what_is_wrong() {
        let challenge = Challenge::new("DPoP", &Realm::default()).parameter("algs", "ES256");
        assert_eq!(challenge.field(), r#"DPoP realm="api", algs="ES256""#);
        let wrong = challenge.field_for(Refusal::Token("token_expired", "no"), &[]);
        assert_eq!(wrong, r#"DPoP realm="api", algs="ES256", error="invalid_token", error_description="no""#);
    }

    #[test]
    fn what_cannot_be_confirmed_is_a_failed_dependency() {
        assert_eq!(Refusal::Unavailable.answer(), Err(Failure::Dependency));
        assert_eq!(Refusal::Denied.answer(), Err(Failure::Internal));
    }
}
