//! One fetch of a token from the endpoint of an authorization server.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::Settings;
use crate::egress::{Call, EgressError};

/// How long a token is good that does not say so (RFC 6749 section 5.1 wants it said).
const UNSAID: u64 = 300;
/// Longest time for which a token is believed to be good.
const LONGEST: u64 = 86_400;

/// There is no token. Nothing of what was received is in it, but for the word the server has for what is wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccessError {
    #[error("the service [egress.{service}] gave no answer")]
    Call { service: String, source: EgressError },
    #[error("the service [egress.{service}] answered with status {status}{}", .said.map(|said| format!(", {said}")).unwrap_or_default())]
    Refused { service: String, status: StatusCode, said: Option<&'static str> },
    #[error("what the service [egress.{service}] answered is no token")]
    NoToken { service: String },
    /// Others are not shown as `Bearer`.
    #[error("the token is not of the type Bearer")]
    OtherType,
    #[error("it could not be fetched a moment ago")]
    CoolingDown,
}

/// RFC 6749 section 5.1. What else there is, is not looked at.
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    token_type: String,
    /// A number, which some servers write as text.
    expires_in: Option<Value>,
}

impl Answer {
    fn life(&self) -> Duration {
        let seconds = self.expires_in.as_ref().and_then(|said| said.as_u64().or_else(|| said.as_str()?.parse().ok()));
        Duration::from_secs(seconds.unwrap_or(UNSAID).min(LONGEST))
    }
}

/// RFC 6749 section 5.2.
#[derive(Deserialize)]
struct Refusal {
    error: String,
}

const ERRORS: [&str; 7] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_target",
];

/// What to show, and how long it is good.
pub(super) async fn token(settings: &Settings) -> Result<(HeaderValue, Duration), AccessError> {
    let field = |name: &str, value: &'static str| (name.to_owned(), Bytes::from_static(value.as_bytes()));
    let fields = vec![field("content-type", "application/x-www-form-urlencoded"), field("accept", "application/json")];
    let (target, body) = (settings.target.clone(), settings.form.clone().into());
    let call = Call { method: "POST".to_owned(), target, fields, body };
    let service = || settings.service.name().to_owned();
    let sent = settings.service.send(call).await;
    let reply = sent.map_err(|source| AccessError::Call { service: service(), source })?;
    if reply.status != StatusCode::OK {
        let said = serde_json::from_slice::<Refusal>(&reply.body).ok();
        let said = said.and_then(|said| ERRORS.into_iter().find(|known| *known == said.error));
        return Err(AccessError::Refused { service: service(), status: reply.status, said });
    }
    let no_token = || AccessError::NoToken { service: service() };
    let answer: Answer = serde_json::from_slice(&reply.body).map_err(|_| no_token())?;
    if !answer.token_type.eq_ignore_ascii_case("bearer") {
        return Err(AccessError::OtherType);
    }
    if !is_b64token(&answer.access_token) {
        return Err(no_token());
    }
    let mut value = HeaderValue::try_from(format!("Bearer {}", answer.access_token)).map_err(|_| no_token())?;
    value.set_sensitive(true);
    Ok((value, answer.life()))
}

/// RFC 6750 section 2.1.
fn is_b64token(text: &str) -> bool {
    let letters = text.trim_end_matches('=');
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !letters.is_empty() && letters.bytes().all(is_letter)
}
