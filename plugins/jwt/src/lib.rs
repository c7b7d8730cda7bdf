//! The `jwt` policy: a request passes with a valid JSON Web Token (RFC 7519) or is refused as RFC 6750 says.
//!
//! Until its signature is verified, nothing in a token has any effect but its key id, its algorithm and, where there are
//! several issuers, which of them it names; the algorithm is bound to the key by the gateway, and the key set to the issuer. Tokens appear in no log line, answer or error.

mod claims;
mod config;
mod credentials;
mod json;
mod names;
mod refusal;
mod token;

use claims::Claims;
use config::{Config, Issuer};
use lockgate_sdk::{clock, prelude::*};
use refusal::{Challenge, Refusal};
use token::Token;

/// Longest attribute value the gateway takes; longer ones are not written, so that the request does not fail for it.
const MAX_ATTRIBUTE_VALUE: usize = 4 * 1024;

/// The policy, ready for requests.
#[derive(Deserialize)]
#[serde(from = "Config")]
pub struct Jwt {
    config: Config,
    /// Whose tokens are accepted; never empty.
    trusted: Vec<Issuer>,
    challenge: Challenge,
}

impl From<Config> for Jwt {
    fn from(config: Config) -> Self {
        let challenge = Challenge::new(&config.realm, &config.scopes);
        Self { trusted: config.trusted(), config, challenge }
    }
}

impl Policy for Jwt {
    fn interest(&self) -> Interest {
        let config = &self.config;
        let mut interest = Interest::new().request_read(config.header.as_str()).may_respond();
        for trusted in &self.trusted {
            interest = interest.key(&trusted.keys);
        }
        if !config.forward_token {
            interest = interest.request_write(config.header.as_str());
        }
        for header in config.headers.values() {
            interest = interest.request_write(header.as_str());
        }
        for attribute in config.attributes.values() {
            interest = interest.attribute_write(attribute.as_str());
        }
        interest
    }

    fn check(&self) -> Result<(), Vec<ConfigError>> {
        let faults = self.config.faults();
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

impl RequestPhase for Jwt {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        match self.admit(head) {
            Ok(edits) if edits.is_empty() => Verdict::Pass,
            Ok(edits) => edits.into(),
            Err(refusal) => refusal.verdict(&self.challenge),
        }
    }
}

impl Jwt {
    fn admit(&self, head: &Head<'_>) -> Result<Edits, Refusal> {
        let config = &self.config;
        let compact = match credentials::token(head, &config.header)? {
            Some(compact) => compact,
            None if config.optional => return Ok(self.without_token()),
            None => return Err(Refusal::Missing),
        };
        let token = Token::parse(compact)?;
        if !config.algorithms.allow(token.algorithm()) {
            return Err(Refusal::Token("algorithm_not_accepted", "the algorithm is not accepted"));
        }
        let trusted = self.trusted_for(&token)?;
        let claims = token.verify(&trusted.keys)?;
        claims.check_time(config, clock::unix_ms())?;
        claims.check_origin(trusted, config)?;
        claims.check_rights(config)?;
        Ok(self.with_claims(&claims))
    }

    /// By whose keys a token has to be confirmed. Where there is a choice the token makes it; what it chooses has to
    /// confirm the issuer too.
    fn trusted_for(&self, token: &Token<'_>) -> Result<&Issuer, Refusal> {
        if let [only] = self.trusted.as_slice() {
            return Ok(only);
        }
        let stated = token.stated_issuer()?;
        let trusted = self.trusted.iter().find(|trusted| trusted.accepts(stated.as_deref()));
        trusted.ok_or(Refusal::Token("issuer_not_accepted", "the issuer is not accepted"))
    }

    fn with_claims(&self, claims: &Claims) -> Edits {
        let config = &self.config;
        let mut edits = Edits::new();
        if !config.forward_token {
            edits = edits.remove(config.header.as_str());
        }
        for (path, header) in &config.headers {
            edits = match claims.text(path) {
                Some(text) => edits.set(header.as_str(), text.as_bytes()),
                None => edits.remove(header.as_str()),
            };
        }
        for (path, attribute) in &config.attributes {
            let text = claims.text(path);
            if let Some(text) = text.filter(|text| text.len() <= MAX_ATTRIBUTE_VALUE) {
                edits = edits.attribute(attribute.as_str(), text.as_bytes());
            }
        }
        edits
    }

    /// What a client sent in the fields that speak for a token goes, for there is none.
    fn without_token(&self) -> Edits {
        let headers = self.config.headers.values();
        headers.fold(Edits::new(), |edits, header| edits.remove(header.as_str()))
    }
}

lockgate_sdk::export!(Jwt: RequestPhase);
