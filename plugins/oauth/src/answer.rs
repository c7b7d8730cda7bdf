//! Answers to requests that are not admitted: which schemes are offered, and what was wrong with the one that was used.

use crate::config::Config;
use lockgate_sdk::{Failure, Response};
use lockgate_tokens::{Challenge, Refusal, Scheme, Scope};

/// A challenge for each scheme a client may use.
pub(crate) struct Challenges {
    offered: Vec<(Scheme, Challenge)>,
}

impl Challenges {
    pub(crate) fn new(config: &Config) -> Self {
        let challenge = |scheme: Scheme| {
            let challenge = Challenge::new(scheme.as_str(), &config.realm);
            match &config.resource_metadata {
                Some(url) => challenge.parameter("resource_metadata", url.as_str()),
                None => challenge,
            }
        };
        let mut offered = Vec::new();
        if config.dpop.as_ref().is_none_or(|dpop| !dpop.required) {
            offered.push((Scheme::Bearer, challenge(Scheme::Bearer)));
        }
        if let Some(dpop) = &config.dpop {
            offered.push((Scheme::Dpop, challenge(Scheme::Dpop).parameter("algs", dpop.algorithms.names())));
        }
        Self { offered }
    }

    /// The answer, in which the challenge of the scheme that was used says what is wrong; all do where that scheme is not
    /// known, or not offered.
    pub(crate) fn answer(&self, refusal: Refusal, used: Option<Scheme>, needed: &[Scope]) -> Result<Response, Failure> {
        let to_tell = used.filter(|used| self.offered.iter().any(|(scheme, _)| scheme == used));
        let answer = refusal.answer()?;
        Ok(self.offered.iter().fold(answer, |answer, (scheme, challenge)| {
            if to_tell.is_none_or(|told| told == *scheme) {
                answer.field("www-authenticate", challenge.field_for(refusal, needed))
            } else {
                answer.field("www-authenticate", challenge.field())
            }
        }))
    }
}
