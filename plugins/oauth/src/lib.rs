//! The `oauth` policy: an OAuth 2 resource server. A request passes with a valid access token, and a proof of whose it is where it is bound
//! to somebody, or is refused as RFC 6750 and RFC 9449 say.
//!
//! Whether a token is valid is said by the authorization server, when it is asked (RFC 7662) or by its signature (RFC
//! 9068). A proof is used up only by a request that is good in every other way but its rights. Tokens, proofs and claims
//! appear in no log line, answer or error.

mod access;
mod answer;
mod binding;
mod config;
mod dpop;
mod introspection;
mod names;
mod scopes;

use answer::Challenges;
use binding::{Binding, CERTIFICATE};
use config::Config;
use lockgate_sdk::{clock, prelude::*};
use lockgate_tokens::{Credentials, Passing, Refusal, Scheme, Times, credentials};
use scopes::Scopes;

/// The policy, ready for requests.
#[derive(Deserialize)]
#[serde(from = "Config")]
pub struct OAuth {
    config: Config,
    passing: Passing,
    scopes: Scopes,
    challenges: Challenges,
}

impl From<Config> for OAuth {
    fn from(config: Config) -> Self {
        Self { passing: config.passing(), scopes: config.scopes(), challenges: Challenges::new(&config), config }
    }
}

impl Policy for OAuth {
    fn interest(&self) -> Interest {
        let config = &self.config;
        let mut interest = self.passing.declare(Interest::new().may_respond()).request_read(CERTIFICATE);
        interest = self.scopes.declare(interest);
        if let Some(keys) = &config.keys {
            interest = interest.key(keys.as_str());
        }
        if let Some(introspection) = &config.introspect {
            interest = interest.egress(introspection.service.as_str());
        }
        match &config.dpop {
            Some(dpop) => dpop.declare(interest, self.passing.forward_token),
            None => interest.idle_on_response(),
        }
    }

    fn check(&self) -> Result<(), Vec<ConfigError>> {
        let faults = self.config.faults();
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

impl RequestPhase for OAuth {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        let sent = match credentials(head, &self.passing.field, self.schemes()) {
            Ok(sent) => sent,
            Err(refusal) => return self.refuse(refusal, None, head),
        };
        let admitted = match &sent {
            Some(sent) => self.admit(head, sent),
            None => self.without_token(head),
        };
        match admitted {
            Ok(edits) if edits.is_empty() => Verdict::Pass,
            Ok(edits) => edits.into(),
            Err(refusal) => self.refuse(refusal, sent.map(|sent| sent.scheme), head),
        }
    }
}

impl ResponsePhase for OAuth {
    fn on_response(&self, _head: &Head<'_>, state: &[u8]) -> Verdict {
        // Carried is a nonce, where it was time for one.
        if state.is_empty() { Verdict::Pass } else { Edits::new().set(dpop::NONCE_FIELD, state).into() }
    }
}

impl OAuth {
    /// What of `authorization` is ours; credentials of other schemes are none.
    fn schemes(&self) -> &'static [Scheme] {
        if self.config.dpop.is_some() { &[Scheme::Bearer, Scheme::Dpop] } else { &[Scheme::Bearer] }
    }

    fn admit(&self, head: &Head<'_>, sent: &Credentials<'_>) -> Result<Edits, Refusal> {
        let config = &self.config;
        let times = Times { now_ms: clock::unix_ms(), leeway: config.leeway, allow_no_expiry: true };
        let shown = match (&config.dpop, sent.scheme) {
            (Some(dpop), Scheme::Dpop) => Some((dpop, dpop.proof(head)?)),
            (Some(dpop), Scheme::Bearer) if dpop.required => {
                return Err(Refusal::Token("scheme_not_accepted", "the token needs the scheme DPoP and a proof"));
            }
            _ => None,
        };
        let claims = access::claims(config, sent, times)?;
        let thumbprint = shown.as_ref().map(|(_, proof)| proof.thumbprint());
        Binding::of(&claims)?.check(thumbprint, head, config.require_binding)?;
        let nonce = match &shown {
            Some((dpop, proof)) => dpop.confirm(proof, head, sent.token, times)?,
            None => None,
        };
        claims.check_scopes(self.scopes.needed(head))?;
        claims.check_values(&config.claims)?;
        let mut edits = self.passing.with_claims(&claims);
        if config.dpop.is_some() && !self.passing.forward_token {
            edits = edits.remove(dpop::FIELD);
        }
        Ok(match nonce {
            Some(nonce) => edits.state(nonce),
            None => edits,
        })
    }

    fn without_token(&self, head: &Head<'_>) -> Result<Edits, Refusal> {
        if self.config.dpop.is_some() && head.get(dpop::FIELD).is_some() {
            return Err(Refusal::Request("proof_without_token", "there is a proof and no token it is for"));
        }
        if !self.config.optional {
            return Err(Refusal::Missing("an access token is required"));
        }
        Ok(self.passing.without_token())
    }

    fn refuse(&self, refusal: Refusal, used: Option<Scheme>, head: &Head<'_>) -> Verdict {
        self.answer(refusal, used, head).map_or_else(Verdict::from, Verdict::from)
    }

    fn answer(&self, refusal: Refusal, used: Option<Scheme>, head: &Head<'_>) -> Result<Response, Failure> {
        let answer = self.challenges.answer(refusal, used, self.scopes.needed(head))?;
        match (&self.config.dpop, refusal) {
            (Some(dpop), Refusal::Nonce(..)) => {
                let nonce = dpop.nonce(clock::unix_ms()).map_err(|_| Failure::Dependency)?;
                Ok(nonce.iter().fold(answer, |answer, nonce| answer.field(dpop::NONCE_FIELD, nonce)))
            }
            _ => Ok(answer),
        }
    }
}

lockgate_sdk::export!(OAuth: RequestPhase + ResponsePhase);
