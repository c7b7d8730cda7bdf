//! Claims of a verified token: whether they admit the request, and what of them is passed on.

use crate::{Allowed, ClaimPath, Refusal, Scope, Strings};
use lockgate_sdk::times::Leeway;
use serde_json::{Map, Number, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Whole numbers up to here are exact as `f64`; beyond, different claims would become the same text.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// The claims of a token that somebody has confirmed.
pub struct Claims {
    members: Map<String, Value>,
}

/// What times of a token are held against.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// The time, in milliseconds since 1970.
    pub now_ms: u64,
    /// By how much clocks may differ.
    pub leeway: Leeway,
    /// Whether a token without `exp` is accepted.
    pub allow_no_expiry: bool,
}

impl Claims {
    /// Claims whose signature is valid, or that their issuer said itself.
    pub fn new(members: Map<String, Value>) -> Self {
        Self { members }
    }

    /// `exp`, `nbf` and `iat` (RFC 7519 section 4.1) against the time now; a token issued in the future is refused.
    ///
    /// # Errors
    /// `token_expired`, `token_not_yet_valid`, `token_without_expiry`, `token_malformed`.
    pub fn check_times(&self, times: Times) -> Result<(), Refusal> {
        let (now, leeway) = (times.now_ms as f64, times.leeway.ms() as f64);
        match self.time_ms("exp")? {
            None if times.allow_no_expiry => {}
            None => return Err(Refusal::Token("token_without_expiry", "the token has no expiry")),
            Some(expiry) if now < expiry + leeway => {}
            Some(_) => return Err(Refusal::Token("token_expired", "the token has expired")),
        }
        for name in ["nbf", "iat"] {
            if self.time_ms(name)?.is_some_and(|begin| begin > now + leeway) {
                return Err(Refusal::Token("token_not_yet_valid", "the token is not valid yet"));
            }
        }
        Ok(())
    }

    /// Who issued it; none accepts any.
    ///
    /// # Errors
    /// `issuer_not_accepted`, `token_malformed`.
    pub fn check_issuer(&self, accepted: Option<&Strings>) -> Result<(), Refusal> {
        let issuer = self.issuer()?;
        let is_accepted = |accepted: &Strings| issuer.is_some_and(|issuer| accepted.contains(issuer));
        if accepted.is_none_or(is_accepted) {
            return Ok(());
        }
        Err(Refusal::Token("issuer_not_accepted", "the issuer is not accepted"))
    }

    /// Whom it is for; none accepts any.
    ///
    /// # Errors
    /// `audience_not_accepted`, `token_malformed`.
    pub fn check_audience(&self, accepted: Option<&Strings>) -> Result<(), Refusal> {
        let audience = self.audience()?;
        let is_accepted = |accepted: &Strings| audience.iter().any(|audience| accepted.contains(audience));
        if accepted.is_none_or(is_accepted) {
            return Ok(());
        }
        Err(Refusal::Token("audience_not_accepted", "the token is for another audience"))
    }

    /// Whether it says everything it must.
    ///
    /// # Errors
    /// `claim_missing`.
    pub fn check_required(&self, required: &[ClaimPath]) -> Result<(), Refusal> {
        if required.iter().all(|path| self.get(path).is_some()) {
            return Ok(());
        }
        Err(Refusal::Token("claim_missing", "the token lacks a required claim"))
    }

    /// Whether it has all of these scopes.
    ///
    /// # Errors
    /// `scope_missing`.
    pub fn check_scopes(&self, needed: &[Scope]) -> Result<(), Refusal> {
        if needed.is_empty() {
            return Ok(());
        }
        let granted = self.scopes();
        if needed.iter().all(|scope| granted.contains(&scope.as_str())) {
            return Ok(());
        }
        Err(Refusal::Rights("scope_missing", "the token lacks a required scope"))
    }

    /// Whether each of these claims has one of its values.
    ///
    /// # Errors
    /// `claim_not_permitted`.
    pub fn check_values(&self, needed: &BTreeMap<ClaimPath, Allowed>) -> Result<(), Refusal> {
        if needed.iter().all(|(path, allowed)| self.matches(path, allowed)) {
            return Ok(());
        }
        Err(Refusal::Rights("claim_not_permitted", "the claims of the token do not permit this"))
    }

    /// A claim as the value of a field or an attribute; none if it is absent or cannot be one without doubt.
    ///
    /// Numbers and booleans are written as in JSON, lists of words joined by spaces. A list whose items hold spaces, an
    /// empty text, outer spaces and control characters would all be read as something else further on.
    pub fn text(&self, path: &ClaimPath) -> Option<Cow<'_, str>> {
        let text = match self.get(path)? {
            Value::String(text) => Cow::Borrowed(text.as_str()),
            Value::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
            Value::Number(number) if is_exact(number) => Cow::Owned(number.to_string()),
            Value::Array(items) => Cow::Owned(words(items)?.join(" ")),
            Value::Number(_) | Value::Object(_) | Value::Null => return None,
        };
        let plain = !text.is_empty() && text.trim() == text && !text.contains(char::is_control);
        plain.then_some(text)
    }

    /// A claim that is there and not null.
    fn get(&self, path: &ClaimPath) -> Option<&Value> {
        let (first, rest) = path.steps().split_first()?;
        let mut value = self.members.get(first)?;
        for step in rest {
            value = value.as_object()?.get(step)?;
        }
        (!value.is_null()).then_some(value)
    }

    /// A claim of the outermost object.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// A claim of the outermost object that is a string.
    pub fn string(&self, name: &str) -> Option<&str> {
        self.member(name)?.as_str()
    }

    /// A time in milliseconds since 1970; none if it is absent.
    ///
    /// # Errors
    /// `token_malformed`.
    pub fn time_ms(&self, name: &str) -> Result<Option<f64>, Refusal> {
        match self.members.get(name) {
            None => Ok(None),
            Some(Value::Number(seconds)) => Ok(seconds.as_f64().map(|seconds| seconds * 1000.0)),
            Some(_) => Err(Refusal::Token("token_malformed", "a time in the token is not a number")),
        }
    }

    /// `iss`; none if it is absent.
    ///
    /// # Errors
    /// `token_malformed`.
    pub fn issuer(&self) -> Result<Option<&str>, Refusal> {
        match self.members.get("iss") {
            None => Ok(None),
            Some(Value::String(issuer)) => Ok(Some(issuer)),
            Some(_) => Err(Refusal::Token("token_malformed", "the issuer is not a string")),
        }
    }

    /// Everybody in `aud`; nobody if it is absent.
    ///
    /// # Errors
    /// `token_malformed`.
    pub fn audience(&self) -> Result<Vec<&str>, Refusal> {
        let audience = match self.members.get("aud") {
            None => Some(Vec::new()),
            Some(Value::String(audience)) => Some(vec![audience.as_str()]),
            Some(Value::Array(items)) => items.iter().map(Value::as_str).collect(),
            Some(_) => None,
        };
        audience.ok_or(Refusal::Token("token_malformed", "the audience is not a string or a list of such"))
    }

    /// Scopes in `scope` (RFC 8693 section 4.2) or, where it is absent, in `scp`: one string or a list.
    fn scopes(&self) -> Vec<&str> {
        match self.members.get("scope").or_else(|| self.members.get("scp")) {
            Some(Value::String(scopes)) => scopes.split(' ').collect(),
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    fn matches(&self, path: &ClaimPath, allowed: &Allowed) -> bool {
        match self.get(path) {
            None => false,
            Some(Value::Array(items)) => items.iter().any(|item| allowed.contains(item)),
            Some(Value::String(scopes)) if path.is("scope") => {
                scopes.split(' ').any(|scope| allowed.contains_text(scope))
            }
            Some(value) => allowed.contains(value),
        }
    }
}

fn is_exact(number: &Number) -> bool {
    !number.is_f64() || number.as_f64().is_some_and(|value| value.abs() < MAX_EXACT)
}

/// The items of a list whose items are all single words.
fn words(items: &[Value]) -> Option<Vec<&str>> {
    let word = |text: &&str| !text.is_empty() && !text.contains(char::is_whitespace);
    items.iter().map(|item| item.as_str().filter(word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(value: Value) -> Claims {
        Claims::new(value.as_object().unwrap().clone())
    }

    fn path(path: &str) -> ClaimPath {
        ClaimPath::try_from(path.to_owned()).unwrap()
    }

    #[test]
    fn claims_are_passed_on_only_as_what_they_are() {
        let cases = [
            (json!("ann"), Some("ann")),
            (json!("\u{c5}sa \u{d6}berg"), Some("\u{c5}sa \u{d6}berg")),
            (json!(7), Some("7")),
            (json!(-0.5), Some("-0.5")),
            (json!(u64::MAX), Some("18446744073709551615")),
            (json!(1e300), None),
            (json!(true), Some("true")),
            (json!(["a", "b"]), Some("a b")),
            (json!([]), None),
            (json!(["a b"]), None),
            (json!(["a", ""]), None),
            (json!(["a", 1]), None),
            (json!({"a": 1}), None),
            (json!(null), None),
            (json!(""), None),
            (json!(" ann"), None),
            (json!("ann\r\nx-admin: 1"), None),
            (json!("a\u{0}b"), None),
            (json!("a\u{85}b"), None),
        ];
        for (value, text) in cases {
            let claims = claims(json!({ "c": value }));
            assert_eq!(claims.text(&path("c")).as_deref(), text, "{value}");
        }
    }

    #[test]
    fn a_dotted_path_leads_into_objects_only() {
        let claims = claims(json!({
            "realm_access": {"roles": ["a"]},
            "a.b": 1,
            "list": [{"x": 1}],
            "https://example.com/role": "r",
        }));
        assert_eq!(claims.text(&path("realm_access.roles")).as_deref(), Some("a"));
        assert_eq!(claims.text(&path("https://example.com/role")).as_deref(), Some("r"));
        for absent in ["a.b", "list.x", "list.0", "realm_access.roles.a", "sub"] {
            assert_eq!(claims.text(&path(absent)), None, "{absent}");
        }
    }

    #[test]
    fn a_claim_matches_one_allowed_value_by_type() {
        let claims = claims(json!({
            "role": "admin", "level": 3, "mfa": true, "groups": ["x", "y"], "scope": "read write", "name": "read write",
        }));
        let cases = [
            ("role", json!("admin"), true),
            ("role", json!(["user", "admin"]), true),
            ("role", json!("adm"), false),
            ("level", json!(3), true),
            ("level", json!("3"), false),
            ("mfa", json!(true), true),
            ("mfa", json!("true"), false),
            ("groups", json!(["y", "z"]), true),
            ("groups", json!("z"), false),
            ("scope", json!("write"), true),
            ("scope", json!("read write"), false),
            ("name", json!("write"), false),
            ("absent", json!("x"), false),
        ];
        for (name, allowed, expected) in cases {
            let allowed = Allowed::try_from(allowed).unwrap();
            assert_eq!(claims.matches(&path(name), &allowed), expected, "{name} {allowed:?}");
        }
    }
}
