//! What the token endpoint gives for a code or a refresh token (RFC 6749 section 5).

use crate::config::Config;
use crate::login::Login;
use crate::provider::Provider;
use crate::refusal::{Halt, Refusal};
use crate::service;
use form_urlencoded::Serializer;
use lockgate_sdk::egress::{Answer, Reply};
use lockgate_sdk::{Failure, clock, log};
use lockgate_tokens::json;
use serde_json::Value;

/// So long requests with one refresh token share what it was exchanged for: pages load much at once, and most refresh
/// tokens can be used once.
const SHARED_MS: u64 = 10_000;
/// How long an access token is taken for good whose end the provider does not say.
const UNSAID_MS: u64 = 300_000;
/// Longest token taken, in bytes; what goes into a cookie has to be far shorter.
const MAX_TOKEN: usize = 16 * 1024;

/// What was to be exchanged is good no more (RFC 6749 section 5.2).
const INVALID_GRANT: &str = "invalid_grant";
/// What is wrong with the gateway, whatever it asks for.
const OURS: [&str; 3] = ["invalid_client", "unauthorized_client", "unsupported_grant_type"];

/// Tokens as the provider gave them.
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) access_ends_ms: u64,
    pub(crate) refresh: Option<String>,
    pub(crate) id: Option<String>,
}

/// The tokens for the code that this login came to (OpenID Connect Core 1.0 section 3.1.3).
pub(crate) fn exchange(config: &Config, provider: &Provider, login: &Login, code: &str) -> Result<Tokens, Halt> {
    let form = Serializer::new(String::new())
        .append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", &config.url.join(config.callback.as_str()))
        .append_pair("code_verifier", &login.verifier())
        .append_pair("client_id", config.client_id.as_str())
        .finish();
    let answer = service::tell(config, &service::form(&provider.token, &form))?;
    // Anybody can come with a code that is none, of which providers say many things: the policy must not fail for that.
    match Said::read(&answer, |error| !OURS.contains(&error)) {
        Said::Tokens(tokens) => Ok(tokens),
        Said::Refused => Err(Refusal::CodeRefused.into()),
        Said::Nothing => Err(Failure::Dependency.into()),
    }
}

/// The tokens for a refresh token; none where it is good no more (section 12 there).
pub(crate) fn refresh(config: &Config, provider: &Provider, token: &str) -> Result<Option<Tokens>, Failure> {
    let form = Serializer::new(String::new())
        .append_pair("grant_type", "refresh_token")
        .append_pair("refresh_token", token)
        .append_pair("client_id", config.client_id.as_str())
        .finish();
    let call = service::form(&provider.token, &form);
    let tokens =
        service::recall(config, &call, SHARED_MS, |answer| match Said::read(answer, |error| error == INVALID_GRANT) {
            Said::Tokens(tokens) => Some(Some(tokens)),
            Said::Refused => Some(None),
            Said::Nothing => None,
        })?;
    Ok(tokens)
}

/// What a reply comes to.
enum Said {
    Tokens(Tokens),
    /// What was to be exchanged is not good.
    Refused,
    /// It is of no use.
    Nothing,
}

impl Said {
    /// `is_refusal` says which errors are about what was to be exchanged. The log tells of all others, and of what is no answer.
    fn read(answer: &Answer, is_refusal: impl Fn(&str) -> bool) -> Self {
        let reply = answer.reply();
        if reply.status() == 200 {
            let came_ms = clock::unix_ms().saturating_sub(answer.age_ms());
            if let Some(tokens) = tokens(reply, came_ms) {
                return Self::Tokens(tokens);
            }
            log::warn("the provider gave no tokens of this kind");
            return Self::Nothing;
        }
        let error = service::error_of(reply);
        if error != INVALID_GRANT {
            log::warn(&format!("the provider gave no tokens: status {}, {error}", reply.status()));
        }
        if reply.status() == 400 && is_refusal(error) { Self::Refused } else { Self::Nothing }
    }
}

fn tokens(reply: &Reply, came_ms: u64) -> Option<Tokens> {
    let mut members = json::object(reply.body())?;
    let is_bearer = members.get("token_type")?.as_str()?.eq_ignore_ascii_case("bearer");
    let lifetime_ms = match members.get("expires_in") {
        None | Some(Value::Null) => UNSAID_MS,
        Some(seconds) => seconds.as_u64()?.saturating_mul(1000),
    };
    let mut token = |name: &str| match members.remove(name) {
        None | Some(Value::Null) => Some(None),
        Some(Value::String(token)) if is_token(&token) => Some(Some(token)),
        Some(_) => None,
    };
    let (access, refresh, id) = (token("access_token")??, token("refresh_token")?, token("id_token")?);
    is_bearer.then(|| Tokens { access, access_ends_ms: came_ms.saturating_add(lifetime_ms), refresh, id })
}

/// Something that can stand in a header field and a form as it is.
fn is_token(text: &str) -> bool {
    (1..=MAX_TOKEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
