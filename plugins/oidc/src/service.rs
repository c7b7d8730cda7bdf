//! Asking the provider: which replies are remembered for how long, and what becomes of those that are of no use.

use crate::config::Config;
use lockgate_sdk::egress::{self, Answer, Call, Error, Reply};
use lockgate_sdk::{Failure, log};

/// Longest reply read, in bytes.
const MAX_REPLY: usize = 64 * 1024;
/// A reply that is of no use is asked for anew once it is so old, so that an outage ends when it does.
const RETRY_MS: u64 = 1000;

/// Why there is no reply.
pub(crate) enum Unanswered {
    /// It is on its way: what this hook returns counts for nothing.
    Pending,
    Failed(Failure),
}

impl From<Unanswered> for Failure {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Pending => Self::Dependency,
            Unanswered::Failed(failure) => failure,
        }
    }
}

/// What a reply says, by `read`, which is none where it is of no use; it may be `max_age_ms` old.
pub(crate) fn recall<T>(
    config: &Config,
    call: &Call<'_>,
    max_age_ms: u64,
    read: impl Fn(&Answer) -> Option<T>,
) -> Result<T, Unanswered> {
    let answer = ask(config, call, max_age_ms)?;
    let said = match read(&answer) {
        None if answer.age_ms() > RETRY_MS => read(&ask(config, call, RETRY_MS)?),
        said => said,
    };
    said.ok_or(Unanswered::Failed(Failure::Dependency))
}

/// The reply to what is said once, and remembered for nobody.
pub(crate) fn tell(config: &Config, call: &Call<'_>) -> Result<Answer, Unanswered> {
    ask(config, call, 0)
}

/// A form posted to the service.
pub(crate) fn form<'a>(target: &'a str, body: &'a str) -> Call<'a> {
    Call::post(target)
        .field("content-type", "application/x-www-form-urlencoded")
        .field("accept", "application/json")
        .body(body)
}

fn ask(config: &Config, call: &Call<'_>, max_age_ms: u64) -> Result<Answer, Unanswered> {
    match egress::ask(config.service.as_str(), call, max_age_ms) {
        Ok(answer) if answer.reply().body().len() <= MAX_REPLY => Ok(answer),
        Ok(_) | Err(Error::TooLarge) => {
            log::warn("a reply of the provider is too long");
            Err(Unanswered::Failed(Failure::Dependency))
        }
        Err(Error::Pending) => Err(Unanswered::Pending),
        Err(Error::Denied) => {
            log::error("the service may not be asked for this; see `paths` and `methods` of it");
            Err(Unanswered::Failed(Failure::Internal))
        }
        Err(Error::Timeout | Error::Connect | Error::Protocol | Error::Busy) => {
            Err(Unanswered::Failed(Failure::Dependency))
        }
    }
}

/// What a provider says was wrong (RFC 6749 section 5.2), if it is one of the words for that: never what it adds.
pub(crate) fn error_of(reply: &Reply) -> &'static str {
    const KNOWN: [&str; 8] = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "invalid_target",
        "temporarily_unavailable",
    ];
    #[derive(serde::Deserialize)]
    struct Said {
        error: String,
    }
    let said = reply.json::<Said>().map(|said| said.error).unwrap_or_default();
    KNOWN.into_iter().find(|known| *known == said).unwrap_or("no known error")
}
