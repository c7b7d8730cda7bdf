//! Finding the token in the head of a request (RFC 6750 section 2.1, RFC 9449 section 7.1).

use crate::Refusal;
use lockgate_sdk::{Head, names::FieldName};
use std::str;

/// Longest token read, in bytes.
const MAX_TOKEN: usize = 8 * 1024;

/// In which way a token was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Whoever has it may use it.
    Bearer,
    /// Whoever proves to hold its key may use it.
    Dpop,
}

impl Scheme {
    /// The name, as it is registered.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
}

/// A token, and the scheme it was sent with.
pub struct Credentials<'a> {
    /// The scheme.
    pub scheme: Scheme,
    /// The token: `token68` of RFC 9110 section 11.2, at most 8 KiB.
    pub token: &'a str,
}

/// The token in `field`; none if the field is absent or holds credentials of a scheme that is not one of `schemes`.
///
/// `authorization` holds a scheme and a token. Any other field may hold the bare token as well, which is a bearer token.
///
/// # Errors
/// `token_sent_twice`, `credentials_malformed`, `token_too_long`.
pub fn credentials<'a>(
    head: &Head<'a>,
    field: &FieldName,
    schemes: &[Scheme],
) -> Result<Option<Credentials<'a>>, Refusal> {
    let mut values = head.all(field.as_str());
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Refusal::Request("token_sent_twice", "the token field is sent more than once"));
    }
    let named = schemes.iter().find_map(|scheme| Some((*scheme, after_scheme(value, scheme.as_str())?)));
    let (scheme, token) = match named {
        // Exactly a space: what a lenient reader further on takes for this scheme must not pass here as another.
        Some((scheme, [b' ', token @ ..])) => (scheme, token.trim_ascii_start()),
        Some((scheme, _)) => (scheme, &b""[..]),
        None if *field != FieldName::authorization() && !value.contains(&b' ') => (Scheme::Bearer, value),
        None => return Ok(None),
    };
    match str::from_utf8(token) {
        Ok(token) if is_token68(token) => Ok(Some(Credentials { scheme, token: within_bound(token)? })),
        _ => Err(Refusal::Request("credentials_malformed", "the credentials are malformed")),
    }
}

/// What follows this scheme; none if another or none stands there. A scheme is a token (RFC 9110 section 11.1).
fn after_scheme<'a>(value: &'a [u8], scheme: &str) -> Option<&'a [u8]> {
    let (found, rest) = value.split_at_checked(scheme.len())?;
    let goes_on = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    (found.eq_ignore_ascii_case(scheme.as_bytes()) && !rest.first().is_some_and(goes_on)).then_some(rest)
}

/// `b64token` of RFC 6750 section 2.1.
fn is_token68(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !body.is_empty() && body.bytes().all(fine)
}

fn within_bound(token: &str) -> Result<&str, Refusal> {
    if token.len() > MAX_TOKEN {
        return Err(Refusal::Token("token_too_long", "the token is too long"));
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockgate_sdk::testing::Facts;

    fn found(field: &str, values: &[&str]) -> Result<Option<String>, Refusal> {
        let name = FieldName::try_from(field.to_owned()).unwrap();
        let facts = values.iter().fold(Facts::request(), |facts, value| facts.field(field, value)).build();
        let found = credentials(&facts.head(), &name, &[Scheme::Bearer]);
        found.map(|found| found.map(|found| found.token.to_owned()))
    }

    #[test]
    fn a_token_follows_the_bearer_scheme_in_any_case() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER a.b.c", "Bearer   a.b.c"] {
            let token = found("authorization", &[value]);
            assert_eq!(token, Ok(Some("a.b.c".to_owned())), "{value}");
        }
    }

    #[test]
    fn other_schemes_and_no_field_are_no_token() {
        for values in [&[][..], &["Basic YTpi"], &["a.b.c"], &[""], &["Bearers a.b.c"], &["Bearer-x a.b.c"]] {
            assert_eq!(found("authorization", values), Ok(None), "{values:?}");
        }
    }

    #[test]
    fn malformed_or_repeated_credentials_are_a_bad_request() {
        let cases: [&[&str]; 11] = [
            &["Bearer\ta.b.c"],
            &["bearer\t a.b.c"],
            &["Bearer,a.b.c"],
            &["Bearer\u{a0}a.b.c"],
            &["Bearer"],
            &["Bearer "],
            &["Bearer a b"],
            &["Bearer a.b.c, Bearer a.b.c"],
            &["Bearer =="],
            &["Bearer a.\u{e9}.c"],
            &["Bearer a.b.c", "Basic YTpi"],
        ];
        for values in cases {
            let refused = matches!(found("authorization", values), Err(Refusal::Request(..)));
            assert!(refused, "{values:?}");
        }
    }

    #[test]
    fn a_scheme_is_found_where_it_is_asked_for() {
        let found = |value: &str, schemes: &[Scheme]| {
            let facts = Facts::request().field("authorization", value).build();
            let found = credentials(&facts.head(), &FieldName::authorization(), schemes);
            found.map(|found| found.map(|found| found.scheme))
        };
        let both = [Scheme::Bearer, Scheme::Dpop];
        assert_eq!(found("dpop a.b.c", &both), Ok(Some(Scheme::Dpop)));
        assert_eq!(found("Bearer a.b.c", &both), Ok(Some(Scheme::Bearer)));
        assert_eq!(found("DPoP a.b.c", &[Scheme::Bearer]), Ok(None));
        assert!(matches!(found("DPoP\ta.b.c", &both), Err(Refusal::Request(..))));
    }

    #[test]
    fn another_field_holds_the_token_bare_or_with_its_scheme() {
        for value in ["a.b.c", "Bearer a.b.c"] {
            assert_eq!(found("x-token", &[value]), Ok(Some("a.b.c".to_owned())));
        }
    }

    #[test]
    fn a_token_of_8_kib_is_read_and_a_longer_one_is_not() {
        let longest = "a".repeat(MAX_TOKEN);
        let at_bound = found("authorization", &[&format!("Bearer {longest}")]);
        assert_eq!(at_bound, Ok(Some(longest.clone())));
        let beyond = found("authorization", &[&format!("Bearer {longest}a")]);
        assert!(matches!(beyond, Err(Refusal::Token(..))));
    }
}
