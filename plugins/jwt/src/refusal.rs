//! Why a request is not admitted, and the answer that says so (RFC 6750 section 3).

use crate::names::{Realm, Scope};
use lockgate_sdk::{Failure, Response, Verdict};

/// Why a request is not admitted. Texts are for the client: short, ASCII without quotes, and never a part of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No token was sent.
    Missing,
    /// The request cannot be understood.
    Request(&'static str),
    /// The token is not valid here and now.
    Token(&'static str),
    /// The token is valid and does not permit this.
    Rights(&'static str),
    /// The key set cannot be used at present.
    Unavailable,
}

impl Refusal {
    /// The verdict for it.
    pub(crate) fn verdict(self, challenge: &Challenge) -> Verdict {
        let (status, title, error, detail) = match self {
            Self::Missing => (401, "Unauthorized", None, "a bearer token is required"),
            Self::Request(why) => (400, "Bad Request", Some("invalid_request"), why),
            Self::Token(why) => (401, "Unauthorized", Some("invalid_token"), why),
            Self::Rights(why) => (403, "Forbidden", Some("insufficient_scope"), why),
            Self::Unavailable => return Failure::Dependency.into(),
        };
        let mut field = challenge.realm.clone();
        if let Some(error) = error {
            field.push_str(&format!(", error=\"{error}\", error_description=\"{detail}\""));
        }
        if matches!(self, Self::Rights(_)) {
            field.push_str(&challenge.scope);
        }
        Response::problem(status, title, detail).field("www-authenticate", field).into()
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
            (Refusal::Request("no"), 400, r#"Bearer realm="api", error="invalid_request", error_description="no""#),
            (Refusal::Token("no"), 401, r#"Bearer realm="api", error="invalid_token", error_description="no""#),
            (
                Refusal::Rights("no"),
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
        }
    }

    #[test]
    fn without_required_scopes_none_is_named() {
        let verdict = Refusal::Rights("no").verdict(&challenge(&[]));
        let field = verdict.response().unwrap().values("www-authenticate");
        assert!(!field[0].contains("scope=\""), "{field:?}");
    }

    #[test]
    fn unusable_keys_are_a_failed_dependency() {
        let verdict = Refusal::Unavailable.verdict(&challenge(&[]));
        assert_eq!(verdict.failure(), Some(Failure::Dependency));
    }
}
