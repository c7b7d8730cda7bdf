//! What the provider says of itself (OpenID Connect Discovery 1.0 section 3): where it is asked, and where browsers go.

use crate::config::{Config, Par};
use crate::service::{self, Unanswered};
use crate::url::Url;
use lockgate_sdk::egress::{Call, Reply};
use lockgate_sdk::log;
use serde::Deserialize;

/// How old the document may be.
const FRESH_MS: u64 = 3_600_000;

/// The endpoints that logins need.
pub(crate) struct Provider {
    /// Where browsers are sent to sign in.
    pub(crate) authorization: Url,
    /// Path and query of the token endpoint, below the URL of the service.
    pub(crate) token: String,
    /// Path and query for what is asked for in a login, where it goes there first.
    pub(crate) pushed: Option<String>,
    /// Where browsers are sent to sign out.
    pub(crate) end_session: Option<Url>,
    /// Whether answers to browsers always say whose they are (RFC 9207).
    pub(crate) names_issuer: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    pushed_authorization_request_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Provider {
    /// As its document says, which is at most an hour old.
    pub(crate) fn discover(config: &Config) -> Result<Self, Unanswered> {
        let target = config.issuer.document();
        let call = Call::get(&target).field("accept", "application/json");
        service::recall(config, &call, FRESH_MS, |answer| {
            let provider = Self::read(config, answer.reply());
            provider.inspect_err(|why| log::warn(&format!("the document of the provider is of no use: {why}"))).ok()
        })
    }

    fn read(config: &Config, reply: &Reply) -> Result<Self, &'static str> {
        if reply.status() != 200 {
            return Err("its status is not 200");
        }
        let document: Document = reply.json().map_err(|_| "it is not JSON of this kind")?;
        if document.issuer != config.issuer.name() {
            return Err("it is of another issuer");
        }
        // Only what is at the service can be asked there. Browsers go anywhere.
        let asked = |url: String| Url::parse(&url).filter(|url| url.origin() == config.issuer.origin());
        let token = asked(document.token_endpoint).ok_or("`token_endpoint` is not at the origin of the issuer")?;
        let pushed = match (config.par, document.pushed_authorization_request_endpoint) {
            (Par::Never, _) | (Par::IfOffered, None) => None,
            (Par::Always, None) => {
                return Err("`pushed_authorization_request_endpoint` is missing, and `par` needs it");
            }
            (_, Some(url)) => {
                Some(asked(url).ok_or("`pushed_authorization_request_endpoint` is not at the origin of the issuer")?)
            }
        };
        let authorization =
            Url::parse(&document.authorization_endpoint).ok_or("`authorization_endpoint` is no https URL")?;
        let end_session = match document.end_session_endpoint {
            Some(url) => Some(Url::parse(&url).ok_or("`end_session_endpoint` is no https URL")?),
            None => None,
        };
        Ok(Self {
            authorization,
            token: token.target().to_owned(),
            pushed: pushed.map(|url| url.target().to_owned()),
            end_session,
            names_issuer: document.authorization_response_iss_parameter_supported,
        })
    }
}
