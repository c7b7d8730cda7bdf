//! The `jwt` policy: a request passes with a valid JSON Web Token (RFC 7519) or is refused as RFC 6750 says.
//!
//! Until its signature is verified, nothing in a token has any effect but its key id, its algorithm and, where there are
//! several issuers, which of them it names; the algorithm is bound to the key by the gateway, and the key set to the issuer. Tokens appear in no log line, answer or error.

mod config;

use config::{Config, Issuer};
use lockgate_sdk::{clock, prelude::*};
use lockgate_tokens::{Challenge, Jws, Passing, Refusal, Scheme, Signed, Times, credentials};

/// The policy, ready for requests.
#[derive(Deserialize)]
#[serde(from = "Config")]
pub struct Jwt {
    config: Config,
    /// Whose tokens are accepted; never empty.
    trusted: Vec<Issuer>,
    passing: Passing,
    challenge: Challenge,
}

impl From<Config> for Jwt {
    fn from(config: Config) -> Self {
        let challenge = Challenge::new(Scheme::Bearer.as_str(), &config.realm);
        Self { trusted: config.trusted(), passing: config.passing(), config, challenge }
    }
}

impl Policy for Jwt {
    fn interest(&self) -> Interest {
        let interest = self.passing.declare(Interest::new().may_respond());
        self.trusted.iter().fold(interest, |interest, trusted| interest.key(&trusted.keys))
    }

    fn check(&self) -> Result<(), Vec<ConfigError>> {
        let mut faults = self.config.faults();
        faults.extend(self.passing.faults());
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

impl RequestPhase for Jwt {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        match self.admit(head) {
            Ok(edits) if edits.is_empty() => Verdict::Pass,
            Ok(edits) => edits.into(),
            Err(refusal) => self.refuse(refusal),
        }
    }
}

impl Jwt {
    fn admit(&self, head: &Head<'_>) -> Result<Edits, Refusal> {
        let config = &self.config;
        let compact = match credentials(head, &self.passing.field, &[Scheme::Bearer])? {
            Some(credentials) => credentials.token,
            None if config.optional => return Ok(self.passing.without_token()),
            None => return Err(Refusal::Missing("a bearer token is required")),
        };
        let token = Jws::parse(compact)?.accept(|kind| matches!(kind, None | Some("jwt" | "at+jwt")))?;
        if !config.algorithms.allow(token.algorithm()) {
            return Err(Refusal::Token("algorithm_not_accepted", "the algorithm is not accepted"));
        }
        let trusted = self.trusted_for(&token)?;
        let claims = token.verify(&trusted.keys)?;
        // Whoever shows it would have to prove more than this policy asks for (RFC 7800).
        if claims.member("cnf").is_some() {
            return Err(Refusal::Token("token_bound", "the token is bound to a key or certificate"));
        }
        let (leeway, allow_no_expiry) = (config.leeway, config.allow_no_expiry);
        claims.check_times(Times { now_ms: clock::unix_ms(), leeway, allow_no_expiry })?;
        claims.check_issuer(trusted.issuer.as_ref())?;
        claims.check_audience(trusted.audience.as_ref())?;
        claims.check_required(&config.require)?;
        claims.check_scopes(&config.scopes)?;
        claims.check_values(&config.claims)?;
        Ok(self.passing.with_claims(&claims))
    }

    /// By whose keys a token has to be confirmed. Where there is a choice the token makes it; what it chooses has to
    /// confirm the issuer too.
    fn trusted_for(&self, token: &Signed<'_>) -> Result<&Issuer, Refusal> {
        if let [only] = self.trusted.as_slice() {
            return Ok(only);
        }
        let stated = token.stated_issuer()?;
        let trusted = self.trusted.iter().find(|trusted| trusted.accepts(stated.as_deref()));
        trusted.ok_or(Refusal::Token("issuer_not_accepted", "the issuer is not accepted"))
    }

    fn refuse(&self, refusal: Refusal) -> Verdict {
        match refusal.answer() {
            Ok(answer) => {
                answer.field("www-authenticate", self.challenge.field_for(refusal, &self.config.scopes)).into()
            }
            Err(failure) => failure.into(),
        }
    }
}

lockgate_sdk::export!(Jwt: RequestPhase);
