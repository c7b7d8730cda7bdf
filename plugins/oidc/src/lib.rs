//! The `oidc` policy: visitors sign in with OpenID Connect, and their requests pass with a session that lives in a sealed
//! cookie (the code flow of OpenID Connect Core 1.0 section 3.1, with PKCE).
//!
//! Everything that is remembered of a visitor is in cookies that nobody can read or change, so any gateway with the key knows
//! any session. Tokens, codes and cookies appear in no log line, answer or error.

mod browser;
mod callback;
mod config;
mod cookie;
mod id_token;
mod login;
mod names;
mod page;
mod provider;
mod refusal;
mod sealer;
mod service;
mod session;
mod sign_in;
mod sign_out;
mod tokens;
mod url;

use config::Config;
use cookie::{CookieNames, Cookies};
use lockgate_sdk::prelude::*;
use lockgate_tokens::{Claims, Passing};
use provider::Provider;
use refusal::{Halt, Refusal, Refused};
use sealer::{Purpose, Sealer};
use session::{Session, Standing};

/// The policy, ready for requests.
#[derive(Deserialize)]
#[serde(from = "Config")]
pub struct Oidc {
    config: Config,
    passing: Passing,
    names: CookieNames,
    sealer: Sealer,
}

impl From<Config> for Oidc {
    fn from(config: Config) -> Self {
        let (passing, names, sealer) = (config.passing(), CookieNames::new(&config), Sealer::new(&config));
        Self { config, passing, names, sealer }
    }
}

impl Policy for Oidc {
    fn interest(&self) -> Interest {
        let config = &self.config;
        let facts = [":method", ":path", ":query"].into_iter().chain(browser::FIELDS);
        let mut interest = facts.fold(self.passing.declare(Interest::new()), Interest::request_read);
        interest = interest.may_respond().response_write("set-cookie").response_write("cache-control");
        interest = interest.key(config.keys.as_str()).seal(config.seal.as_str()).egress(config.service.as_str());
        if config.forward_access_token {
            interest = interest.request_write("authorization");
        }
        match &config.revoked {
            Some(store) => interest.store_write(store.as_str()),
            None => interest,
        }
    }

    fn check(&self) -> Result<(), Vec<ConfigError>> {
        let mut faults = self.config.faults();
        faults.extend(self.passing.faults());
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

impl RequestPhase for Oidc {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        match self.decide(head) {
            Ok(verdict) => verdict,
            Err(Halt::Refused(refused)) => refused.answer(browser::shows_page(head)).into(),
            Err(Halt::Failed(failure)) => failure.into(),
        }
    }
}

impl ResponsePhase for Oidc {
    fn on_response(&self, _head: &Head<'_>, state: &[u8]) -> Verdict {
        let Some((stale_ms, cookie)) = state.split_first_chunk() else { return Verdict::Pass };
        // Another request may have got new tokens meanwhile, and the cookie with those must not be replaced by this one.
        if clock::unix_ms() >= u64::from_le_bytes(*stale_ms) {
            return Verdict::Pass;
        }
        // A cache that kept this answer would give the session to others.
        Edits::new().append("set-cookie", cookie).set("cache-control", "no-store").into()
    }
}

impl Oidc {
    fn decide(&self, head: &Head<'_>) -> Result<Verdict, Halt> {
        let cookies = self.names.read(head);
        match head.path() {
            Some(path) if path == self.config.callback.as_str() => self.callback(head, &cookies).map(Verdict::from),
            Some(path) if path == self.config.logout.as_str() => self.logout(head, &cookies).map(Verdict::from),
            _ => match self.session(head, &cookies)? {
                Some((session, cookie)) => self.admit(head, session, cookie),
                None => self.without_session(head, &cookies).map(Verdict::from),
            },
        }
    }

    /// The session of a request if it is good, and its cookie where that has to be set anew.
    fn session(&self, head: &Head<'_>, cookies: &Cookies<'_>) -> Result<Option<(Session, Option<String>)>, Halt> {
        let config = &self.config;
        let Some(sealed) = cookies.session else { return Ok(None) };
        let Some(mut session) = self.sealer.open::<Session>(Purpose::Session, sealed)? else { return Ok(None) };
        let now_ms = clock::unix_ms();
        let refresh = match session.standing(config, now_ms) {
            Standing::Over => return Ok(None),
            Standing::Due(refresh) => Some(refresh.to_owned()),
            Standing::Good => None,
        };
        // Before anything is done for it: a page of another site must not even renew a session.
        if config.csrf && browser::may_change(head) && !browser::is_from_here(head, &config.url) {
            return Err(Refusal::CrossSite.into());
        }
        if self.is_revoked(&session)? {
            return Ok(None);
        }
        // The cookie is not cleared where the session is over: a request that was on its way meanwhile may have set a new one.
        let is_renewed = match refresh {
            Some(refresh) if !self.renew(&mut session, &refresh, now_ms)? => return Ok(None),
            refresh => refresh.is_some(),
        };
        let cookie = match session.touch(config, now_ms) || is_renewed {
            true => Some(self.session_cookie(&session, now_ms)?),
            false => None,
        };
        Ok(Some((session, cookie)))
    }

    /// Get new tokens for a session; false where the provider gives none any more, or what it says of the visitor is not right.
    fn renew(&self, session: &mut Session, refresh: &str, now_ms: u64) -> Result<bool, Failure> {
        let provider = Provider::discover(&self.config)?;
        let Some(tokens) = tokens::refresh(&self.config, &provider, refresh)? else { return Ok(false) };
        let claims = match tokens.id.as_deref().map(|_| id_token::check(&self.config, &tokens, &session.id, true)) {
            Some(Err(Halt::Failed(failure))) => return Err(failure),
            Some(Err(Halt::Refused(_))) => return Ok(false),
            Some(Ok(claims)) => Some(claims),
            None => None,
        };
        // Whose session it is never changes (OpenID Connect Core 1.0 section 12.2).
        if claims.as_ref().is_some_and(|claims| claims.string("sub") != session.subject()) {
            log::warn("an ID token that came with a refresh is somebody else's");
            return Ok(false);
        }
        session.renew(&self.config, claims.as_ref(), tokens, now_ms);
        Ok(true)
    }

    fn admit(&self, head: &Head<'_>, mut session: Session, cookie: Option<String>) -> Result<Verdict, Halt> {
        let claims = session.take_claims();
        if claims.check_values(&self.config.claims).is_err() {
            let refused = Refused::from(Refusal::ClaimNotPermitted).or_sign_out(&self.config.logout);
            // The refresh token in the cookie the browser has may be used up.
            return Err(cookie.into_iter().fold(refused, |refused, cookie| refused.field("set-cookie", cookie)).into());
        }
        let edits = self.edits(head, &session, &claims);
        Ok(match cookie {
            Some(cookie) => edits.state([&session.stale_ms().to_le_bytes(), cookie.as_bytes()].concat()).into(),
            None => edits.into(),
        })
    }

    /// What the upstream is told of the visitor, and other cookies.
    fn edits(&self, head: &Head<'_>, session: &Session, claims: &Claims) -> Edits {
        let mut edits = self.passing.with_claims(claims);
        for cookies in self.names.others(head) {
            edits = edits.append("cookie", cookies);
        }
        match session.access_token() {
            Some(token) if self.config.forward_access_token => edits.set("authorization", format!("Bearer {token}")),
            // A session that is good has one where one is passed on.
            _ => edits,
        }
    }

    /// The value of `set-cookie` for a session.
    fn session_cookie(&self, session: &Session, now_ms: u64) -> Result<String, Halt> {
        let sealed = self.sealer.seal(Purpose::Session, session)?;
        let cookie = self.names.set_session(&sealed, session.cookie_seconds(&self.config, now_ms));
        // No failure of the policy: those who can have long claims could bring about as many as they like.
        cookie.ok_or_else(|| {
            log::error("a session is too long for a cookie: pass on fewer claims, or no tokens");
            Refusal::SessionTooLong.into()
        })
    }
}

lockgate_sdk::export!(Oidc: RequestPhase + ResponsePhase);
