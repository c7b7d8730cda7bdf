//! Why a request is not admitted, and the answer that says so (RFC 6750 section 3).

use crate::names::Scope;
use lockgate_sdk::{Failure, Problem, Response, Verdict, names::Realm};

/// What types of problems begin with; the kind follows.
const TYPES: &str = "urn:problem-type:lockgate:";

/// Why a request is not admitted: its kind, for programs, and a text for people, short, ASCII without quotes, and never a
/// part of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No token was sent.
    Missing,
    /// The request cannot be understood.
    Request(&'static str, &'static str),
    /// The token is not valid here and now.
    Token(&'static str, &'static str),
    /// The token is valid and does not permit this.
    Rights(&'static str, &'static str),
    /// The key set cannot be used at present.
    Unavailable,
}

impl Refusal {
    /// The verdict for it.
    pub(crate) fn verdict(self, challenge: &Challenge) -> Verdict {
        let (status, title, error, kind, detail) = match self {
            Self::Missing => (401, "Unauthorized", None, "token_missing", "a bearer token is required"),
            Self::Request(kind, why) => (400, "Bad Request", Some("invalid_request"), kind, why),
            Self::Token(kind, why) => (401, "Unauthorized", Some("invalid_token"), kind, why),
            Self::Rights(kind, why) => (403, "Forbidden", Some("insufficient_scope"), kind, why),
            Self::Unavailable => return Failure::Dependency.into(),
        };
        let mut field = challenge.realm.clone();
        if let Some(error) = error {
            field.push_str(&format!(", error=\"{error}\", error_description=\"{detail}\""));
        }
        if matches!(self, Self::Rights(..)) {
            field.push_str(&challenge.scope);
        }
        let kind = format!("{TYPES}{kind}");
        let problem = Problem::new(status, title).kind(&kind).detail(detail);
        Response::from(problem).field("www-authenticate", field).into()
    }
}

/// The parts of `WWW-Authenticate` that follow from the configuration.
pub(crate) struct Challenge {
    realm: String,
    /// Empty where no scope is required.
    scope: String,
}

impl Challenge {
    pub(crate) fn new(realm: &Realm, scopes: &[Scope]) -> Self {
        let scopes: Vec<_> = scopes.iter().map(Scope::as_str).collect();
        Self {
            realm: format!("Bearer realm=\"{}\"", realm.as_str()),
            scope: match scopes[..] {
                [] => String::new(),
                _ => format!(", scope=\"{}\"", scopes.join(" ")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(scopes: &[&str]) -> Challenge {
        let scopes: Vec<_> = scopes.iter().map(|scope| Scope::try_from((*scope).to_owned()).unwrap()).collect();
        Challenge::new(&Realm::default(), &scopes)
    }

    #[test]
    fn each_refusal_has_its_status_and_challenge() {
        let cases = [
            (Refusal::Missing, 401, r#"Bearer realm="api""#),
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
                Refusal::Rights("token_expired", "no"),
                403,
                r#"Bearer realm="api", error="insufficient_scope", error_description="no", scope="a b""#,
            ),
        ];
        for (refusal, status, field) in cases {
            let verdict = refusal.verdict(&challenge(&["a", "b"]));
            let response = verdict.response().unwrap();
            assert_eq!(response.status_code(), status);
            assert_eq!(response.values("www-authenticate"), [field]);
            let media_type = response.values("content-type");
            assert_eq!(media_type, ["application/problem+json"]);
            assert!(response.text().starts_with(r#"{"type":"urn:problem-type:lockgate:token_"#), "{}", response.text());
        }
    }

    #[test]
    fn without_required_scopes_none_is_named() {
        let verdict = Refusal::Rights("token_expired", "no").verdict(&challenge(&[]));
        let field = verdict.response().unwrap().values("www-authenticate");
        assert!(!field[0].contains("scope=\""), "{field:?}");
    }

    #[test]
    fn unusable_keys_are_a_failed_dependency() {
        let verdict = Refusal::Unavailable.verdict(&challenge(&[]));
        assert_eq!(verdict.failure(), Some(Failure::Dependency));
    }
}
