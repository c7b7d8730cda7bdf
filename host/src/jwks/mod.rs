//! Key sets that identity providers publish: fetched by way of services policies may ask, and kept while those are down.
//!
//! One task for each set fetches it, now and then and when somebody needs it ([`Published::keep`]). Who verifies only
//! looks at what is there. Where a key is not, it is told to come back after a fetch that begins from now on, so that a
//! key that was published a moment ago is never taken for one that does not exist.

mod absent;
mod fetch;
mod keeper;
mod shelf;
#[cfg(test)]
mod tests;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

use crate::config::{KeyRefresh, PublishedAt};
use crate::content::Digest;
use crate::egress::Egress;
use crate::keys::{KeySet, VerifyError};
use crate::telemetry::metrics::KeySetMetrics;
use absent::Absent;
use shelf::Shelf;

/// How long it is known that there is no such key: at most, and in times of the cool-down.
const KNOWN_ABSENT: Duration = Duration::from_secs(30);
const KNOWN_ABSENT_TIMES: u32 = 6;
/// Most that wait for one set; who comes then hears that nothing is known.
const MOST_WAITING: usize = 256;

/// A set as it is declared.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Of `[keys.NAME]`.
    pub(crate) name: String,
    pub(crate) at: PublishedAt,
    /// The first is asked; what is found elsewhere has to be below one of them.
    pub(crate) services: Vec<Arc<Egress>>,
    pub(crate) refresh: KeyRefresh,
}

impl Settings {
    /// Whose set it is: what was fetched elsewhere is none of this.
    fn place(&self) -> String {
        match &self.at {
            PublishedAt::Target(target) => {
                let service = self.services.first().map(|service| service.url());
                format!("{}{target}", service.unwrap_or_default())
            }
            PublishedAt::Issuer(issuer) => issuer.clone(),
        }
    }
}

impl PartialEq for Settings {
    fn eq(&self, other: &Self) -> bool {
        let services = |settings: &Self| settings.services.iter().map(Arc::as_ptr).collect::<Vec<_>>();
        (&self.name, &self.at, self.refresh, services(self)) == (&other.name, &other.at, other.refresh, services(other))
    }
}

/// A published set; one for the process.
pub(crate) struct Published {
    settings: Settings,
    /// None without a state directory.
    shelf: Option<Shelf>,
    held: ArcSwapOption<Held>,
    progress: watch::Sender<Progress>,
    /// To have it fetched before that is due.
    wanted: Notify,
    absent: Mutex<Absent>,
    hasher: RandomState,
    waiting: AtomicUsize,
    metrics: KeySetMetrics,
}

/// What was fetched last.
struct Held {
    set: Arc<KeySet>,
    digest: Digest,
    /// It is good for nothing afterwards.
    until: Instant,
}

/// Fetches so far, by number.
#[derive(Clone, Copy)]
struct Progress {
    begun: u64,
    ended: u64,
    ended_at: Instant,
    succeeded: u64,
    succeeded_at: Instant,
}

/// How it stands with a set.
pub(crate) struct Freshness<'a> {
    pub(crate) name: &'a str,
    /// That can be used; none where there is no set that is new enough.
    pub(crate) keys: Option<usize>,
    /// How long, if it is not fetched again.
    pub(crate) good_for: Option<Duration>,
    /// Whether the last attempt to fetch it failed.
    pub(crate) is_failing: bool,
}

/// A signature could not be found right.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It is not.
    No(VerifyError),
    /// There is no set, or none that is new enough to tell.
    Unavailable,
    /// The next fetch will tell.
    NotYet(Wait),
}

impl Published {
    /// What is there already is good until there is something newer: what `before` holds, the set of that name so far,
    /// or what an earlier process left in the state directory. Both only if they are from the same place.
    pub(crate) fn new(settings: Settings, before: Option<&Self>, state: Option<&Path>, metrics: KeySetMetrics) -> Self {
        let now = Instant::now();
        let nothing = Progress { begun: 0, ended: 0, ended_at: now, succeeded: 0, succeeded_at: now };
        let before = before.filter(|before| before.settings.place() == settings.place());
        let shelf = state.map(|state| Shelf::at(state, &settings.name));
        let left = || shelf.as_ref().and_then(|shelf| left(shelf, &settings)).map(Arc::new);
        let held = before.and_then(|before| before.held.load_full()).or_else(left);
        Self {
            held: ArcSwapOption::new(held),
            settings,
            shelf,
            progress: watch::Sender::new(nothing),
            wanted: Notify::new(),
            absent: Mutex::default(),
            hasher: RandomState::new(),
            waiting: AtomicUsize::new(0),
            metrics,
        }
    }

    /// How it stands with it.
    pub(crate) fn freshness(&self) -> Freshness<'_> {
        let (now, progress, held) = (Instant::now(), *self.progress.borrow(), self.held.load());
        let good = held.as_ref().filter(|held| now < held.until);
        Freshness {
            name: &self.settings.name,
            keys: good.map(|held| held.set.count()),
            good_for: good.map(|held| held.until - now),
            is_failing: progress.succeeded < progress.ended,
        }
    }

    pub(crate) fn is_of(&self, settings: &Settings) -> bool {
        self.settings == *settings
    }

    /// Have a signature checked with the set as it is now, by `check`.
    pub(crate) fn verify(
        self: &Arc<Self>,
        id: Option<&str>,
        message: &[u8],
        signature: &[u8],
        check: impl FnMut(&KeySet) -> Result<(), VerifyError>,
    ) -> Result<(), Refusal> {
        self.verify_at(Instant::now(), id, message, signature, check)
    }

    fn verify_at(
        self: &Arc<Self>,
        now: Instant,
        id: Option<&str>,
        message: &[u8],
        signature: &[u8],
        mut check: impl FnMut(&KeySet) -> Result<(), VerifyError>,
    ) -> Result<(), Refusal> {
        loop {
            let held = self.held.load();
            let Some(good) = held.as_ref().filter(|held| now < held.until) else {
                return Err(self.nothing(now));
            };
            let Err(error) = check(&good.set) else { return Ok(()) };
            let wanted = match id {
                Some(id) if good.set.has(id) => return Err(Refusal::No(error)),
                Some(id) => self.hasher.hash_one(id),
                // Any key might have been meant: of these only the signature itself can be remembered.
                None => self.hasher.hash_one((message, signature)),
            };
            // A fetch is over when its set is held: of all that are over by now, this is what they say, unless another
            // set came meanwhile.
            let progress = *self.progress.borrow();
            if self.held.load().as_ref().is_some_and(|newest| Arc::ptr_eq(newest, good)) {
                return Err(self.missing(wanted, error, progress, now));
            }
        }
    }

    /// There is no set at all.
    fn nothing(self: &Arc<Self>, now: Instant) -> Refusal {
        let progress = *self.progress.borrow();
        let is_first = progress.ended == 0 || progress.begun > progress.ended;
        if !is_first && now - progress.ended_at < self.settings.refresh.cool_down {
            return Refusal::Unavailable;
        }
        if !is_first {
            self.wanted.notify_one();
        }
        self.wait(progress.ended + 1).map_or(Refusal::Unavailable, Refusal::NotYet)
    }

    /// There is a set, and no key in it for this.
    fn missing(self: &Arc<Self>, wanted: u64, error: VerifyError, progress: Progress, now: Instant) -> Refusal {
        let mut absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        let needs = match absent.needs(wanted) {
            Some(needs) if progress.ended < needs => needs,
            Some(needs) if progress.succeeded >= needs && now - progress.succeeded_at < self.absent_for() => {
                return Refusal::No(error);
            }
            Some(needs) if progress.succeeded < needs && now - progress.ended_at < self.settings.refresh.cool_down => {
                return Refusal::Unavailable;
            }
            // A fetch that is under way may have been answered before the key was there.
            _ => progress.begun + 1,
        };
        let Some(wait) = self.wait(needs) else { return Refusal::Unavailable };
        absent.put(wanted, needs);
        self.wanted.notify_one();
        Refusal::NotYet(wait)
    }

    fn wait(self: &Arc<Self>, needs: u64) -> Option<Wait> {
        let place = Wait { published: self.clone(), needs };
        (self.waiting.fetch_add(1, Ordering::Relaxed) < MOST_WAITING).then_some(place)
    }

    fn absent_for(&self) -> Duration {
        KNOWN_ABSENT.min(self.settings.refresh.cool_down * KNOWN_ABSENT_TIMES)
    }

    /// How long a fetch that somebody needs may take to begin, after one that is under way, and to end.
    fn patience(&self) -> Duration {
        let asked = self.settings.services.iter().map(|service| service.patience()).max().unwrap_or_default();
        self.settings.refresh.cool_down + asked * 4
    }
}

/// What an earlier process left, unless that is too old.
fn left(shelf: &Shelf, settings: &Settings) -> Option<Held> {
    let (text, age) = shelf.get(&settings.place())?;
    let left = settings.refresh.stale.checked_sub(age)?;
    let set = Arc::new(KeySet::published(text.as_bytes()).ok()?);
    Some(Held { set, digest: Digest::of(text.as_bytes()), until: Instant::now() + left })
}

impl fmt::Debug for Published {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Published").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A place among those that wait for a fetch.
#[derive(Debug)]
pub(crate) struct Wait {
    published: Arc<Published>,
    needs: u64,
}

impl Wait {
    /// Until that fetch ended, whatever it came to; false where it took too long.
    pub(crate) async fn over(self) -> bool {
        let mut progress = self.published.progress.subscribe();
        let ended = progress.wait_for(|progress| progress.ended >= self.needs);
        timeout(self.published.patience(), ended).await.is_ok_and(|ended| ended.is_ok())
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.published.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
