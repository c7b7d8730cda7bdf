//! Asking the authorization server whether a token is active (RFC 7662).

use crate::binding::Binding;
use crate::names::ServicePath;
use lockgate_sdk::egress::{self, Answer, Call, Error, Reply};
use lockgate_sdk::names::Name;
use lockgate_sdk::times::Span;
use lockgate_tokens::{Claims, Credentials, Refusal, json};
use serde::Deserialize;
use serde_json::Value;

/// Longest answer read, in bytes.
const MAX_ANSWER: usize = 64 * 1024;
/// An answer that is no use is asked for anew once it is so old, so that an outage ends when it does.
const RETRY_MS: u64 = 1000;

/// Where to ask; `README.md` explains each key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Introspection {
    pub(crate) service: Name,
    path: ServicePath,
    /// How old an answer may be.
    #[serde(default = "default_fresh")]
    fresh: Span<0, 300>,
}

/// What the authorization server says of a token.
enum Said {
    Active(Claims),
    Inactive,
}

impl Introspection {
    /// What the authorization server says the token claims.
    pub(crate) fn claims(&self, sent: &Credentials<'_>) -> Result<Claims, Refusal> {
        match self.ask(sent.token)? {
            Said::Active(claims) => {
                check_kind(&claims, sent)?;
                Ok(claims)
            }
            Said::Inactive => Err(Refusal::Token("token_inactive", "the token is not active")),
        }
    }

    fn ask(&self, token: &str) -> Result<Said, Refusal> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        let form = form.append_pair("token", token).append_pair("token_type_hint", "access_token").finish();
        let call = Call::post(self.path.as_str())
            .field("content-type", "application/x-www-form-urlencoded")
            .field("accept", "application/json")
            .body(&form);
        let ask = |max_age_ms| egress::ask(self.service.as_str(), &call, max_age_ms).map_err(failed);
        let answer: Answer = ask(self.fresh.ms())?;
        let said = match read(answer.reply()) {
            None if answer.age_ms() > RETRY_MS => read(ask(RETRY_MS)?.reply()),
            said => said,
        };
        said.ok_or(Refusal::Unavailable)
    }
}

/// An answer whose types are right throughout; none if it is anything else.
fn read(reply: &Reply) -> Option<Said> {
    if reply.status() != 200 || reply.body().len() > MAX_ANSWER {
        return None;
    }
    let members = json::object(reply.body())?;
    let Value::Bool(is_active) = members.get("active")? else {
        return None;
    };
    if !is_active {
        return Some(Said::Inactive);
    }
    let claims = Claims::new(members);
    let has_times = ["exp", "nbf", "iat"].iter().all(|name| claims.time_ms(name).is_ok());
    let has_kind = claims.member("token_type").is_none_or(Value::is_string);
    let is_whole =
        has_times && has_kind && claims.issuer().is_ok() && claims.audience().is_ok() && Binding::of(&claims).is_ok();
    is_whole.then_some(Said::Active(claims))
}

/// `token_type`, where it is there, is the scheme the token is for.
fn check_kind(claims: &Claims, sent: &Credentials<'_>) -> Result<(), Refusal> {
    match claims.string("token_type") {
        Some(kind) if !kind.eq_ignore_ascii_case(sent.scheme.as_str()) => {
            Err(Refusal::Token("scheme_not_accepted", "the token is not for this scheme"))
        }
        _ => Ok(()),
    }
}

fn failed(error: Error) -> Refusal {
    match error {
        Error::Denied => Refusal::Denied,
        // `Pending` too: the hook is called again.
        _ => Refusal::Unavailable,
    }
}

fn default_fresh() -> Span<0, 300> {
    Span::of::<30>()
}
