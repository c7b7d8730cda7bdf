//! Who calls: consumers, their applications and the keys of those; kept in the state directory, and known to requests from memory.

/// As text in JSON and in the database: what is written with `Display` and read with `FromStr`.
macro_rules! spelled {
    ($error:ident: $($kind:ident),+) => {$(
        impl TryFrom<String> for $kind {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, $error> {
                text.parse()
            }
        }

        impl From<$kind> for String {
            fn from(it: $kind) -> Self {
                it.to_string()
            }
        }
    )+};
}
use spelled;

mod act;
mod book;
mod bounds;
mod directory;
mod key;
mod name;
mod view;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::record::History;
use crate::state::Lock;
use book::{Book, BookError};

pub(crate) use act::{Act, Done, LONGEST_LIFE, LONGEST_OVERLAP, NotDone};
pub(crate) use bounds::{Asked, Beyond, Bounds};
pub(crate) use directory::{Directory, Unidentified};
pub(crate) use key::{Env, KeyId};
pub(crate) use name::{Application, Attributes, Description, Holder, Name, NameError};
pub(crate) use view::{ApplicationView, ConsumerView, KeyState, KeyView, Page};

/// How often last uses are written down.
const NOTING: Duration = Duration::from_secs(15);
/// How soon what could not be read is read again.
const AGAIN: Duration = Duration::from_secs(1);
/// How often a process that another takes the place of looks what that one did.
const FOLLOWING: Duration = Duration::from_millis(100);

/// Consumers, applications and keys of one process.
pub(crate) struct Consumers {
    directory: Arc<Directory>,
    /// Of the state directory; none without one.
    place: Option<Lock>,
    history: Arc<History>,
    inner: Mutex<Inner>,
}

struct Inner {
    /// With the turn it was read in.
    book: Option<(u64, Book)>,
    /// Why there is none.
    fault: String,
}

impl Consumers {
    /// Nobody is known before [`Self::open`].
    pub(crate) fn new(directory: Arc<Directory>, place: Option<Lock>, history: Arc<History>) -> Self {
        let fault = match place {
            Some(_) => "they are not read yet",
            None => "there is nowhere to keep them; set [state] dir to a folder that can be written",
        };
        let inner = Mutex::new(Inner { book: None, fault: fault.to_owned() });
        Self { directory, place, history, inner }
    }

    /// Read what is kept, if the state directory is this process's and what is known is of an earlier turn. Where it
    /// cannot be read nobody is known, and policies that ask fail.
    pub(crate) fn open(&self) {
        let Some(place) = &self.place else { return };
        let read = |inner: &mut Inner, turn| {
            if inner.book.as_ref().is_some_and(|(known, _)| *known == turn) {
                return;
            }
            inner.book = None;
            match read(place.path()) {
                Ok((book, known)) => {
                    self.directory.set(known);
                    inner.book = Some((turn, book));
                }
                Err(error) => {
                    self.directory.clear();
                    let file = place.path().join(book::FILE);
                    let fault = format!("{} cannot be used: {error}", file.display());
                    if inner.fault != fault {
                        tracing::error!(error = fault, "nobody's keys are known: policies that ask for them fail");
                        inner.fault = fault;
                    }
                }
            }
        };
        self.with(|inner| place.while_held(|turn| read(inner, turn)));
    }

    /// Do something, and have it known to the next request. It waits for the disk.
    pub(crate) fn act(&self, act: &Act) -> Result<Done, NotDone> {
        let done = self.change(|turn, book| {
            let done = book.act(act, now(), |why| self.history.acted(turn, why))?;
            let consumer = match &done.of {
                Holder::Consumer(consumer) | Holder::Application(Application { consumer, .. }) => consumer,
            };
            match book.known_of(consumer) {
                Ok(known) => self.directory.set_of(&consumer.to_string(), known),
                // Nobody is better than somebody whose key may have been revoked.
                Err(error) => {
                    tracing::error!(%error, %consumer, "keys cannot be read: none of this consumer is good");
                    self.directory.set_of(&consumer.to_string(), []);
                }
            }
            Ok(done)
        });
        if let Err(NotDone::Unknown(_)) = done {
            // What there is now counts, whatever was tried.
            self.with(|inner| inner.book = None);
            self.open();
        }
        done
    }

    pub(crate) fn consumers(&self, page: &Page) -> Result<Vec<ConsumerView>, NotDone> {
        self.look(page, |book| book.consumers(page))
    }

    pub(crate) fn applications(&self, page: &Page) -> Result<Vec<ApplicationView>, NotDone> {
        self.look(page, |book| book.applications(page, now()))
    }

    pub(crate) fn keys(&self, page: &Page) -> Result<Vec<KeyView>, NotDone> {
        let mut keys = self.look(page, |book| book.keys(page, now()))?;
        for key in &mut keys {
            key.used = key.used.max(self.directory.last_use(&key.key));
        }
        Ok(keys)
    }

    /// How many keys are known, or why none is.
    pub(crate) fn standing(&self) -> Result<usize, String> {
        self.directory.count().ok_or_else(|| self.with(|inner| inner.fault.clone()))
    }

    /// Write down last uses, read again what could not be read, and all of it after another process had the state
    /// directory; follow what that does as long as it has it.
    pub(crate) async fn keep(self: Arc<Self>) {
        let Some(mut turns) = self.place.as_ref().map(Lock::turns) else { return };
        let mut version = None;
        loop {
            let (is_ours, is_known) = (self.is_ours(), self.directory.count().is_some());
            let pause = match (is_ours, is_known) {
                (true, true) => NOTING,
                (true, false) => AGAIN,
                (false, _) => FOLLOWING,
            };
            let is_another = tokio::select! {
                () = tokio::time::sleep(pause) => false,
                () = turns() => true,
            };
            if is_ours && is_known && !is_another && !self.directory.is_used() {
                continue;
            }
            let this = self.clone();
            // The disk may be slow, and so may whoever acts.
            let kept = tokio::task::spawn_blocking(move || {
                // Before what was used is read anew.
                this.note();
                match this.is_ours() {
                    true => {
                        this.open();
                        None
                    }
                    false => this.follow(version),
                }
            });
            match kept.await {
                Ok(seen) => version = seen,
                Err(_) => return,
            }
        }
    }

    /// Write last uses down. They are nothing anybody relies on, and of whichever process served.
    pub(crate) fn note(&self) {
        let uses = self.directory.unnoted();
        if uses.is_empty() {
            return;
        }
        match self.with(|inner| inner.book.as_mut().map(|(_, book)| book.note(&uses))) {
            Some(Ok(())) => self.directory.note(&uses),
            // They are written with the next use.
            Some(Err(error)) => tracing::warn!(%error, "last uses of keys cannot be written down"),
            None => {}
        }
    }

    /// Know what another process knows that has the state directory now, while this one ends. `seen` is the version of
    /// the database that is known; returns the one that is now.
    fn follow(&self, seen: Option<i64>) -> Option<i64> {
        self.with(|inner| {
            let (_, book) = inner.book.as_ref()?;
            let version = book.version().ok()?;
            if seen != Some(version) {
                self.directory.set(book.known().ok()?);
            }
            Some(version)
        })
    }

    fn is_ours(&self) -> bool {
        self.place.as_ref().is_some_and(Lock::is_held)
    }

    fn change<T>(&self, change: impl FnOnce(u64, &mut Book) -> Result<T, NotDone>) -> Result<T, NotDone> {
        self.with(|inner| {
            let unavailable = |why: &str| NotDone::Unavailable(why.to_owned());
            let (known, book) = inner.book.as_mut().ok_or_else(|| unavailable(&inner.fault))?;
            let changed = self.place.as_ref().and_then(|place| {
                place.while_held(|turn| {
                    if turn == *known {
                        change(turn, book)
                    } else {
                        Err(unavailable("they are being read again; try again"))
                    }
                })
            });
            changed.unwrap_or_else(|| Err(unavailable("another process serves in place of this one: ask again")))
        })
    }

    fn look<T>(&self, page: &Page, list: impl FnOnce(&Book) -> rusqlite::Result<Vec<T>>) -> Result<Vec<T>, NotDone> {
        self.with(|inner| {
            let (_, book) = inner.book.as_ref().ok_or_else(|| NotDone::Unavailable(inner.fault.clone()))?;
            match &page.of {
                Some(holder) if !book.has(holder)? => Err(NotDone::NoHolder(holder.clone())),
                _ => Ok(list(book)?),
            }
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn read(state: &Path) -> Result<(Book, Vec<(KeyId, directory::Known)>), BookError> {
    let book = Book::open(&state.join(book::FILE))?;
    let known = book.known()?;
    Ok((book, known))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;
    use crate::state::StateDir;

    /// What a process knows that has this place.
    fn consumers(place: &Lock) -> Consumers {
        let record = Record::new(Some(place.path().to_owned()), Some(place.clone()));
        Consumers::new(Arc::default(), Some(place.clone()), record.history())
    }

    fn act(consumers: &Consumers, act: &str) -> Result<Done, NotDone> {
        consumers.act(&serde_json::from_str(act).unwrap())
    }

    fn ask(consumers: &Consumers, key: &str) -> Result<(), Unidentified> {
        consumers.directory.identify(key.as_bytes(), Asked::default(), 1000 * now(), |_| ())
    }

    #[test]
    fn each_of_two_processes_knows_what_the_other_did_in_its_turn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let (place, next) = (StateDir::open(&path).unwrap().lock(), StateDir::beside(&path).unwrap().lock());
        let (first, second) = (consumers(&place), consumers(&next));
        first.open();
        act(&first, r#"{"act":"add","holder":"shop"}"#).unwrap();
        act(&first, r#"{"act":"add","holder":"shop/web"}"#).unwrap();
        let make = r#"{"act":"make-key","application":"shop/web","environment":"live"}"#;
        let [one, other] = [(); 2].map(|()| act(&first, make).unwrap());
        let secret = |done: &Done| done.secret.clone().unwrap();
        let revoke = |done: &Done| format!(r#"{{"act":"revoke-key","key":"{}"}}"#, done.key.unwrap());
        assert!(matches!(act(&second, make), Err(NotDone::Unavailable(_))), "it is not its turn");

        place.give_up().unwrap();
        next.take().unwrap();
        second.open();
        assert!(matches!(act(&first, &revoke(&one)), Err(NotDone::Unavailable(_))), "its turn is over");
        let seen = first.follow(None);
        assert_eq!((ask(&first, &secret(&one)), ask(&second, &secret(&one))), (Ok(()), Ok(())));
        act(&second, &revoke(&one)).unwrap();
        assert_eq!(ask(&first, &secret(&one)), Ok(()));
        assert!(first.follow(seen) != seen);
        assert_eq!(ask(&first, &secret(&one)), Err(Unidentified::Revoked));

        // Whoever came to serve fails, and the one before serves on.
        act(&second, &revoke(&other)).unwrap();
        next.give_up().unwrap();
        place.take_in_turn().unwrap();
        assert!(matches!(act(&first, make), Err(NotDone::Unavailable(_))), "it has not read what was done");
        first.open();
        assert_eq!(ask(&first, &secret(&other)), Err(Unidentified::Revoked));
        act(&first, make).unwrap();
        assert_eq!(crate::record::verify(&path).unwrap().entries().len(), 7);
    }
}
