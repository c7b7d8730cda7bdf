//! Who calls, as requests ask for it: every key in memory by its id, exchanged as a whole when something is done to one.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU64};

use arc_swap::ArcSwapOption;

use super::bounds::{Asked, Beyond, Bounds};
use super::key::{KeyDigest, KeyId, ShownKey};

/// A use is noted this exactly: a key that is used all the time is written to once in this time.
const NOTED_EVERY: u64 = 10;

/// All keys. Empty until they are known, and then nobody is.
#[derive(Default)]
pub(crate) struct Directory {
    keys: ArcSwapOption<Keys>,
    /// Whether there may be a last use that is not written down.
    is_used: AtomicBool,
}

type Keys = HashMap<KeyId, Arc<Known>>;

/// A key, as far as requests need it.
pub(super) struct Known {
    pub(super) consumer: String,
    pub(super) digest: KeyDigest,
    pub(super) is_revoked: bool,
    /// Its application, or the consumer of that.
    pub(super) is_disabled: bool,
    /// In seconds since 1970.
    pub(super) expires: Option<u64>,
    pub(super) bounds: Bounds,
    pub(super) identity: Identity,
    pub(super) uses: Arc<Uses>,
}

/// When a key was used last, in seconds since 1970; 0 where nobody knows of that.
#[derive(Default)]
pub(super) struct Uses {
    last: AtomicU64,
    /// The last that is written down.
    noted: AtomicU64,
}

/// What policies are told of whoever shows a key: names and values, `consumer`, `application`, `key`, `environment` and
/// the attributes.
pub(crate) type Identity = Vec<(String, String)>;

/// Why it is not known who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unidentified {
    /// Nobody's keys are known here.
    Unavailable,
    /// It is no key.
    Malformed,
    /// It is a key of nobody.
    Unknown,
    Revoked,
    Expired,
    Disabled,
    /// It is somebody's, and not good for what is asked.
    Beyond(Beyond),
}

impl Directory {
    /// Tell `found` who shows a key and may ask for this at a time, in milliseconds since 1970.
    pub(crate) fn identify<T>(
        &self,
        shown: &[u8],
        asked: Asked<'_>,
        unix_ms: u64,
        found: impl FnOnce(&Identity) -> T,
    ) -> Result<T, Unidentified> {
        let keys = self.keys.load();
        let keys = keys.as_ref().ok_or(Unidentified::Unavailable)?;
        let shown = std::str::from_utf8(shown).ok().and_then(|shown| ShownKey::parse(shown).ok());
        let shown = shown.ok_or(Unidentified::Malformed)?;
        // What is wrong with a key is told to whoever has it, and to nobody who guessed its id.
        let known = keys.get(&shown.id).filter(|known| shown.is(&known.digest)).ok_or(Unidentified::Unknown)?;
        let seconds = unix_ms / 1000;
        known.admit(asked, seconds)?;
        if seconds >= known.uses.last.load(Relaxed).saturating_add(NOTED_EVERY) {
            known.uses.last.store(seconds, Relaxed);
            self.is_used.store(true, Release);
        }
        Ok(found(&known.identity))
    }

    /// These are all there are.
    pub(super) fn set(&self, keys: impl IntoIterator<Item = (KeyId, Known)>) {
        self.keys.store(Some(Arc::new(keys.into_iter().map(|(id, known)| (id, Arc::new(known))).collect())));
    }

    /// Nobody is known any more.
    pub(super) fn clear(&self) {
        self.keys.store(None);
    }

    /// These are all keys of a consumer; those of others stay as they are. What was noted of them is not forgotten.
    pub(super) fn set_of(&self, consumer: &str, keys: impl IntoIterator<Item = (KeyId, Known)>) {
        let Some(before) = self.keys.load_full() else { return };
        let others = before.iter().filter(|(_, known)| known.consumer != consumer);
        let mut all: Keys = others.map(|(id, known)| (*id, known.clone())).collect();
        all.extend(keys.into_iter().map(|(id, mut known)| {
            if let Some(before) = before.get(&id) {
                known.uses = before.uses.clone();
            }
            (id, Arc::new(known))
        }));
        self.keys.store(Some(Arc::new(all)));
    }

    /// When a key was used last, if that is known.
    pub(super) fn last_use(&self, key: &KeyId) -> Option<u64> {
        let last = self.keys.load().as_ref()?.get(key)?.uses.last.load(Relaxed);
        (last > 0).then_some(last)
    }

    /// Whether there may be last uses that are not written down.
    pub(super) fn is_used(&self) -> bool {
        self.is_used.load(Relaxed)
    }

    /// Last uses that are not written down.
    pub(super) fn unnoted(&self) -> Vec<(KeyId, u64)> {
        // What comes later is seen the next time.
        self.is_used.swap(false, AcqRel);
        let keys = self.keys.load();
        let uses = keys.iter().flat_map(|keys| keys.iter()).map(|(id, known)| (id, &known.uses));
        let uses = uses.map(|(id, uses)| (*id, uses.last.load(Relaxed), uses.noted.load(Relaxed)));
        uses.filter(|(_, last, noted)| last > noted).map(|(id, last, _)| (id, last)).collect()
    }

    /// These are.
    pub(super) fn note(&self, uses: &[(KeyId, u64)]) {
        let keys = self.keys.load();
        let Some(keys) = keys.as_ref() else { return };
        for (id, last) in uses {
            if let Some(known) = keys.get(id) {
                known.uses.noted.store(*last, Relaxed);
            }
        }
    }

    /// How many keys are known; none where none can be.
    pub(super) fn count(&self) -> Option<usize> {
        self.keys.load().as_ref().map(|keys| keys.len())
    }
}

impl Uses {
    /// As it is written down.
    pub(super) fn noted(last: u64) -> Self {
        Self { last: AtomicU64::new(last), noted: AtomicU64::new(last) }
    }
}

impl Known {
    fn admit(&self, asked: Asked<'_>, seconds: u64) -> Result<(), Unidentified> {
        if self.is_revoked {
            return Err(Unidentified::Revoked);
        }
        if self.expires.is_some_and(|expires| seconds >= expires) {
            return Err(Unidentified::Expired);
        }
        if self.is_disabled {
            return Err(Unidentified::Disabled);
        }
        self.bounds.admit(asked).map_err(Unidentified::Beyond)
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::NewKey;
    use super::*;

    fn known(consumer: &str, key: &NewKey) -> (KeyId, Known) {
        let known = Known {
            consumer: consumer.to_owned(),
            digest: key.digest,
            is_revoked: false,
            is_disabled: false,
            expires: Some(100),
            bounds: Bounds::default(),
            identity: vec![("consumer".to_owned(), consumer.to_owned())],
            uses: Arc::default(),
        };
        (key.id, known)
    }

    fn key() -> NewKey {
        NewKey::generate(&"live".parse().unwrap()).unwrap()
    }

    fn ask(directory: &Directory, key: &str, unix_ms: u64) -> Result<String, Unidentified> {
        directory.identify(key.as_bytes(), Asked::default(), unix_ms, |identity| identity[0].1.clone())
    }

    #[test]
    fn nobody_is_known_until_all_are() {
        let directory = Directory::default();
        assert_eq!(ask(&directory, key().reveal(), 0), Err(Unidentified::Unavailable));
        directory.set([]);
        assert_eq!(ask(&directory, key().reveal(), 0), Err(Unidentified::Unknown));
        assert_eq!(ask(&directory, "lg_live_x", 0), Err(Unidentified::Malformed));
    }

    #[test]
    fn only_whoever_has_a_key_is_told_what_is_wrong_with_it() {
        let (directory, mine, other) = (Directory::default(), key(), key());
        let (id, revoked) = known("a", &mine);
        directory.set([(id, Known { is_revoked: true, ..revoked })]);
        assert_eq!(ask(&directory, mine.reveal(), 0), Err(Unidentified::Revoked));
        // A key of the same id with another secret.
        let (id, guessed) = known("a", &other);
        directory.set([(mine.id, Known { is_revoked: true, ..guessed })]);
        assert_eq!((id == mine.id, ask(&directory, mine.reveal(), 0)), (false, Err(Unidentified::Unknown)));
    }

    #[test]
    fn a_key_is_good_until_the_second_it_expires() {
        let (directory, key) = (Directory::default(), key());
        directory.set([known("a", &key)]);
        assert_eq!(ask(&directory, key.reveal(), 99_999), Ok("a".to_owned()));
        assert_eq!(ask(&directory, key.reveal(), 100_000), Err(Unidentified::Expired));
    }

    #[test]
    fn what_is_set_of_one_consumer_leaves_others_and_last_uses() {
        let (directory, [a, b, c]) = (Directory::default(), [key(), key(), key()]);
        directory.set([known("a", &a), known("b", &b)]);
        assert!(ask(&directory, a.reveal(), 50_000).is_ok() && ask(&directory, b.reveal(), 60_000).is_ok());
        directory.set_of("a", [known("a", &a), known("a", &c)]);
        let mut unnoted = directory.unnoted();
        unnoted.sort_by_key(|(_, last)| *last);
        assert_eq!(unnoted, [(a.id, 50), (b.id, 60)]);
        directory.note(&unnoted);
        assert_eq!(
            (directory.unnoted(), directory.last_use(&a.id), directory.last_use(&c.id)),
            (vec![], Some(50), None)
        );
        directory.set_of("a", []);
        assert_eq!(ask(&directory, a.reveal(), 0), Err(Unidentified::Unknown));
        assert_eq!((ask(&directory, b.reveal(), 0), directory.count()), (Ok("b".to_owned()), Some(1)));
    }
}
