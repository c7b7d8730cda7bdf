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
use tokio::sync::watch;
use tokio::time::Instant;

use crate::egress::Egress;
use crate::exchange::Chain;

pub(crate) use fetch::AccessError;

/// Least time between a fetch that failed and the next: an authorization server in trouble gets no more of it.
const COOL_DOWN: Duration = Duration::from_secs(1);
/// Least time between a token and the next that is fetched because an upstream refused it.
const BETWEEN_REFUSALS: Duration = Duration::from_secs(10);
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
    fetching: Mutex<Fetching>,
}

/// How it goes with fetching it.
#[derive(Debug, Default)]
struct Fetching {
    /// What whoever waits is told by, while a fetch is under way.
    under_way: Option<watch::Receiver<Option<Outcome>>>,
    /// When the last one ended, and whether it failed.
    last: Option<(Instant, bool)>,
}

type Outcome = Result<HeaderValue, Arc<AccessError>>;

/// A token that was fetched.
#[derive(Debug)]
struct Held {
    /// Marked as sensitive.
    value: HeaderValue,
    came: Instant,
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
        Self { settings, held: ArcSwapOption::empty(), fetching: Mutex::default() }
    }

    /// Whether it was made of these settings.
    pub(crate) fn is_of(&self, settings: &Settings) -> bool {
        self.settings == *settings
    }

    pub(crate) fn standing(&self) -> Standing<'_> {
        let (now, held) = (Instant::now(), self.held.load());
        let good_for = held.as_ref().and_then(|held| held.end.checked_duration_since(now));
        Standing { name: &self.settings.name, good_for, is_failing: self.fetching().is_failing() }
    }

    /// What to show an upstream as `authorization`. Who has one that is good does not wait for the next.
    pub(crate) async fn value(self: &Arc<Self>) -> Outcome {
        match self.good(Instant::now()) {
            Some((value, is_due)) => {
                if is_due {
                    // Whether there is another is for those to hear who come then.
                    let _ = self.fetch();
                }
                Ok(value)
            }
            None => {
                let mut news = self.fetch()?;
                match news.wait_for(Option::is_some).await.map(|told| told.clone()) {
                    Ok(Some(outcome)) => outcome,
                    // Whoever fetched has ended without a word, as when the gateway ends.
                    Ok(None) | Err(_) => Err(Arc::new(AccessError::CoolingDown)),
                }
            }
        }
    }

    /// An upstream did not take what it was shown: it may have been revoked, so another is fetched. One that is new stays,
    /// for an upstream may have other reasons, and say so of every request.
    pub(crate) fn refused(self: &Arc<Self>, shown: &HeaderValue) {
        let is_old = |held: &Held| held.value == *shown && held.came.elapsed() >= BETWEEN_REFUSALS;
        if self.held.load().as_deref().is_some_and(is_old) {
            let _ = self.fetch();
        }
    }

    /// What can be shown, and whether it is time to fetch another.
    fn good(&self, now: Instant) -> Option<(HeaderValue, bool)> {
        let held = self.held.load();
        let held = held.as_ref().filter(|held| now < held.end)?;
        Some((held.value.clone(), now >= held.renew))
    }

    /// Have one fetched, unless that is under way; whatever becomes of who wants it.
    fn fetch(self: &Arc<Self>) -> Result<watch::Receiver<Option<Outcome>>, Arc<AccessError>> {
        let mut fetching = self.fetching();
        if let Some(news) = &fetching.under_way {
            return Ok(news.clone());
        }
        if fetching.last.is_some_and(|(ended, failed)| failed && ended.elapsed() < COOL_DOWN) {
            return Err(Arc::new(AccessError::CoolingDown));
        }
        let (teller, news) = watch::channel(None);
        fetching.under_way = Some(news.clone());
        // Where nothing is spawned any more, what says that it is over needs the lock.
        drop(fetching);
        let under_way = UnderWay(self.clone());
        tokio::spawn(async move {
            let asked = Instant::now();
            let fetched = fetch::token(&under_way.0.settings).await;
            let outcome = under_way.0.take(asked, fetched);
            drop(under_way);
            teller.send_replace(Some(outcome));
        });
        Ok(news)
    }

    /// What a fetch came to.
    fn take(&self, asked: Instant, fetched: Result<(HeaderValue, Duration), AccessError>) -> Outcome {
        let (name, failed) = (&*self.settings.name, fetched.is_err());
        let before = self.fetching().last.replace((Instant::now(), failed));
        let was_failing = before.is_some_and(|(_, failed)| failed);
        match fetched {
            Ok((value, life)) => {
                let renew = asked + life - RENEW_BEFORE.min(life / 10);
                let held = Held { value: value.clone(), came: asked, renew, end: asked + life };
                self.held.store(Some(Arc::new(held)));
                if was_failing {
                    tracing::info!(access = name, "access token fetched again");
                }
                Ok(value)
            }
            Err(error) => {
                if !was_failing {
                    let kept = self.good(Instant::now()).is_some();
                    tracing::warn!(access = name, kept, reason = %Chain(&error), "access token cannot be fetched");
                }
                Err(Arc::new(error))
            }
        }
    }

    fn fetching(&self) -> MutexGuard<'_, Fetching> {
        self.fetching.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fetching {
    fn is_failing(&self) -> bool {
        self.last.is_some_and(|(_, failed)| failed)
    }
}

/// That a fetch is under way, while this lives.
struct UnderWay(Arc<Access>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetching().under_way = None;
    }
}
