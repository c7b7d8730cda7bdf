//! Access tokens the gateway gets for itself, to be let in by upstreams (client credentials, RFC 6749 section 4.4).
//!
//! One is fetched when it is first needed, and anew shortly before it ends; meanwhile the one there is goes on being shown.
//! Only who has none at all waits, and all of them for the same fetch.

mod fetch;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::HeaderValue;
use tokio::time::Instant;

use crate::egress::Egress;
use crate::exchange::Chain;

pub(crate) use fetch::AccessError;

/// Least time between a fetch that failed and the next: an authorization server in trouble gets no more of it.
const COOL_DOWN: Duration = Duration::from_secs(1);
/// How long before its end a token is fetched anew: a tenth of its life, and at most this.
const RENEW_BEFORE: Duration = Duration::from_secs(60);

/// As it is declared.
pub(crate) struct Settings {
    /// Of `[access.NAME]`.
    pub(crate) name: String,
    pub(crate) service: Arc<Egress>,
    /// Of the token endpoint, below the URL of the service.
    pub(crate) target: String,
    /// What is sent there; it may hold the secret of the client.
    pub(crate) form: String,
}

impl PartialEq for Settings {
    fn eq(&self, other: &Self) -> bool {
        let service = Arc::as_ptr(&self.service) == Arc::as_ptr(&other.service);
        service && (&self.name, &self.target, &self.form) == (&other.name, &other.target, &other.form)
    }
}

/// Says nothing of what is sent.
impl fmt::Debug for Settings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Settings").field("name", &self.name).field("target", &self.target).finish_non_exhaustive()
    }
}

/// An access token, and how to get another; one for the process.
#[derive(Debug)]
pub(crate) struct Access {
    settings: Settings,
    held: ArcSwapOption<Held>,
    /// Whoever has this fetches.
    turn: tokio::sync::Mutex<()>,
    /// When a fetch failed last, if that was after the last that did not.
    failed: Mutex<Option<Instant>>,
}

/// A token that was fetched.
#[derive(Debug)]
struct Held {
    /// Marked as sensitive.
    value: HeaderValue,
    renew: Instant,
    end: Instant,
}

/// How it stands with a token.
pub(crate) struct Standing<'a> {
    pub(crate) name: &'a str,
    /// How long the one there is can be shown; none where there is none.
    pub(crate) good_for: Option<Duration>,
    /// Whether the last attempt to fetch one failed.
    pub(crate) is_failing: bool,
}

impl Access {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, held: ArcSwapOption::empty(), turn: tokio::sync::Mutex::default(), failed: Mutex::default() }
    }

    /// Whether it was made of these settings.
    pub(crate) fn is_of(&self, settings: &Settings) -> bool {
        self.settings == *settings
    }

    pub(crate) fn standing(&self) -> Standing<'_> {
        let (now, held) = (Instant::now(), self.held.load());
        let good_for = held.as_ref().and_then(|held| held.end.checked_duration_since(now));
        Standing { name: &self.settings.name, good_for, is_failing: self.failed().is_some() }
    }

    /// What to show an upstream as `authorization`.
    pub(crate) async fn value(&self) -> Result<HeaderValue, AccessError> {
        let good = self.good(Instant::now());
        match good {
            Some((value, false)) => Ok(value),
            // One who comes by fetches the next; the others have one that is good.
            Some((value, true)) => match self.turn.try_lock() {
                Ok(_turn) => Ok(self.fetch().await.unwrap_or(value)),
                Err(_) => Ok(value),
            },
            None => {
                let _turn = self.turn.lock().await;
                match self.good(Instant::now()) {
                    Some((value, _)) => Ok(value),
                    None => self.fetch().await,
                }
            }
        }
    }

    /// An upstream did not take what it was shown: it may have been revoked, so another is fetched next time.
    pub(crate) fn refused(&self, shown: &HeaderValue) {
        let held = self.held.load();
        if held.as_ref().is_some_and(|held| held.value == *shown) {
            // Another that came meanwhile stays.
            self.held.compare_and_swap(&*held, None);
        }
    }

    /// What can be shown, and whether it is time to fetch another.
    fn good(&self, now: Instant) -> Option<(HeaderValue, bool)> {
        let held = self.held.load();
        let held = held.as_ref().filter(|held| now < held.end)?;
        Some((held.value.clone(), now >= held.renew))
    }

    async fn fetch(&self) -> Result<HeaderValue, AccessError> {
        if self.failed().is_some_and(|failed| failed.elapsed() < COOL_DOWN) {
            return Err(AccessError::CoolingDown);
        }
        let asked = Instant::now();
        match fetch::token(&self.settings).await {
            Ok((value, life)) => {
                let renew = asked + life - RENEW_BEFORE.min(life / 10);
                self.held.store(Some(Arc::new(Held { value: value.clone(), renew, end: asked + life })));
                if self.failed().take().is_some() {
                    tracing::info!(access = self.settings.name, "access token fetched again");
                }
                Ok(value)
            }
            Err(error) => {
                if self.failed().replace(Instant::now()).is_none() {
                    let kept = self.good(Instant::now()).is_some();
                    let reason = Chain(&error);
                    tracing::warn!(access = self.settings.name, kept, %reason, "access token cannot be fetched");
                }
                Err(error)
            }
        }
    }

    fn failed(&self) -> MutexGuard<'_, Option<Instant>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
