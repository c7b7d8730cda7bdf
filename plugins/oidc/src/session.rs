//! A session: who signed in, until when that is good, and the tokens that go with it. It lives in a sealed cookie alone.

use crate::config::Config;
use crate::tokens::Tokens;
use lockgate_tokens::Claims;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::mem;

/// An access token is renewed so long before its end, so that it does not end on its way; one that is good for less than twice
/// as long, in the middle of its life.
const EARLY_MS: u64 = 10_000;
/// A cookie is set anew once this part of the time without use has passed, and not for each request.
const PARTS_OF_IDLE: u64 = 10;

/// What the cookie of a session holds.
#[derive(Serialize, Deserialize)]
pub(crate) struct Session {
    /// The nonce of the login it began with, which no other has.
    pub(crate) id: String,
    began_ms: u64,
    /// When it is over, whatever is configured then.
    pub(crate) ends_ms: u64,
    seen_ms: u64,
    claims: Map<String, Value>,
    access: Option<Access>,
}

/// What a session has of tokens, of those that are needed.
#[derive(Serialize, Deserialize)]
struct Access {
    /// When it is to be renewed.
    due_ms: u64,
    ends_ms: u64,
    token: Option<String>,
    refresh: Option<String>,
}

/// What a session is good for.
pub(crate) enum Standing<'a> {
    Good,
    /// Its access token ends; with this there may be another.
    Due(&'a str),
    Over,
}

impl Session {
    /// What begins with this login.
    pub(crate) fn begin(config: &Config, nonce: String, claims: &Claims, tokens: Tokens, now_ms: u64) -> Self {
        Self {
            id: nonce,
            began_ms: now_ms,
            ends_ms: now_ms.saturating_add(config.lifetime.ms()),
            seen_ms: now_ms,
            claims: needed(config, claims),
            access: Access::new(config, tokens, None, now_ms),
        }
    }

    /// The same with new tokens, and with new claims if there are.
    pub(crate) fn renew(&mut self, config: &Config, claims: Option<&Claims>, tokens: Tokens, now_ms: u64) {
        if let Some(claims) = claims {
            self.claims = needed(config, claims);
        }
        // Where none comes with it, the refresh token stays (RFC 6749 section 6).
        let refresh = self.access.take().and_then(|access| access.refresh);
        self.access = Access::new(config, tokens, refresh, now_ms);
    }

    pub(crate) fn standing(&self, config: &Config, now_ms: u64) -> Standing<'_> {
        if self.left_ms(config, now_ms) == 0 || now_ms >= self.seen_ms.saturating_add(config.idle.ms()) {
            return Standing::Over;
        }
        match &self.access {
            _ if !config.needs_access() => Standing::Good,
            // It began when no token was needed, or none to pass on.
            None => Standing::Over,
            Some(access) if config.forward_access_token && access.token.is_none() => Standing::Over,
            Some(_) if now_ms < self.stale_ms() => Standing::Good,
            Some(Access { refresh: Some(refresh), .. }) if config.refresh => Standing::Due(refresh),
            Some(access) if now_ms < access.ends_ms => Standing::Good,
            Some(_) => Standing::Over,
        }
    }

    /// Note that it is used now; whether its cookie has to say so.
    pub(crate) fn touch(&mut self, config: &Config, now_ms: u64) -> bool {
        let is_due = now_ms >= self.seen_ms.saturating_add(config.idle.ms() / PARTS_OF_IDLE);
        if is_due {
            self.seen_ms = now_ms;
        }
        is_due
    }

    /// What is known of the visitor, which the session no longer holds then.
    pub(crate) fn take_claims(&mut self) -> Claims {
        Claims::new(mem::take(&mut self.claims))
    }

    pub(crate) fn subject(&self) -> Option<&str> {
        self.claims.get("sub")?.as_str()
    }

    pub(crate) fn access_token(&self) -> Option<&str> {
        self.access.as_ref()?.token.as_deref()
    }

    /// From when on it has to have other tokens than these.
    pub(crate) fn stale_ms(&self) -> u64 {
        self.access.as_ref().map_or(u64::MAX, |access| access.due_ms)
    }

    /// How long it can go on at most. One that began when more was allowed ends by what is configured now.
    fn left_ms(&self, config: &Config, now_ms: u64) -> u64 {
        self.began_ms.saturating_add(config.lifetime.ms()).min(self.ends_ms).saturating_sub(now_ms)
    }

    /// How long a browser keeps its cookie, in seconds.
    pub(crate) fn cookie_seconds(&self, config: &Config, now_ms: u64) -> u64 {
        self.left_ms(config, now_ms).min(config.idle.ms()).div_ceil(1000)
    }
}

impl Access {
    fn new(config: &Config, tokens: Tokens, refresh: Option<String>, now_ms: u64) -> Option<Self> {
        let ends_ms = tokens.access_ends_ms;
        let early_ms = EARLY_MS.min(ends_ms.saturating_sub(now_ms) / 2);
        config.needs_access().then(|| Self {
            due_ms: ends_ms.saturating_sub(early_ms),
            ends_ms,
            token: Some(tokens.access).filter(|_| config.forward_access_token),
            refresh: tokens.refresh.or(refresh).filter(|_| config.refresh),
        })
    }
}

/// Of all claims those that requests need: a cookie is small.
fn needed(config: &Config, claims: &Claims) -> Map<String, Value> {
    let named = config.needed_claims().filter_map(|name| Some((name.to_owned(), claims.member(name)?.clone())));
    named.collect()
}
