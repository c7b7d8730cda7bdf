//! Pets in the store: one key each, ids from a counter, and a count that keeps their number bounded.
//!
//! Single calls of the store are atomic and nothing else is, so each way to interleave two requests is answered for
//! where it matters.

use crate::answer::Stop;
use crate::config::Config;
use crate::pet::{Pet, PetDraft};
use crate::resource::PageQuery;
use lockgate_sdk::{Failure, Response, store};

/// Most ids looked at for one page; a page that ends there says where to go on.
const MOST_LOOKS: u32 = 256;
/// How long a deleted id is marked: much longer than any request that found the pet can still be under way.
const GONE_MS: u64 = 60_000;
/// Greatest id ever given.
const LAST: &str = "last";
/// Number of pets at present.
const COUNT: &str = "count";
/// Above 0 once somebody began to seed.
const SEEDED: &str = "seeded";

/// All pets.
pub(crate) struct Shelf<'a> {
    config: &'a Config,
    store: &'a str,
}

/// Part of the pets.
pub(crate) struct Page {
    pub(crate) pets: Vec<Pet>,
    /// Where the next page begins, if there may be more.
    pub(crate) next: Option<u64>,
}

impl<'a> Shelf<'a> {
    /// The pets in the configured store.
    pub(crate) fn new(config: &'a Config) -> Self {
        let store = config.store();
        Self { config, store }
    }

    /// A pet as it is stored.
    pub(crate) fn find(&self, id: u64) -> Result<Option<Vec<u8>>, Stop> {
        let key = pet_key(id);
        match store::get(self.store, &key)? {
            None if self.seed()? => Ok(store::get(self.store, &key)?),
            found => Ok(found),
        }
    }

    /// A page in the order of ids.
    pub(crate) fn page(&self, query: &PageQuery) -> Result<Page, Stop> {
        self.seed()?;
        let last = self.last()?;
        let mut pets = Vec::new();
        let mut at = query.after;
        for _ in 0..MOST_LOOKS {
            if at >= last || pets.len() >= query.limit {
                break;
            }
            at += 1;
            if let Some(stored) = store::get(self.store, &pet_key(at))? {
                let pet = Pet::from_bytes(&stored)?;
                if query.species.as_ref().is_none_or(|species| pet.is_a(species)) {
                    pets.push(pet);
                }
            }
        }
        let next = (at < last).then_some(at);
        Ok(Page { pets, next })
    }

    /// Add a pet under a new id.
    pub(crate) fn create(&self, draft: PetDraft) -> Result<Pet, Stop> {
        self.seed()?;
        self.add(draft)
    }

    /// Write a pet that was found before; false when it has gone meanwhile.
    pub(crate) fn replace(&self, pet: &Pet) -> Result<bool, Stop> {
        let key = pet_key(pet.id);
        store::set(self.store, &key, &pet.to_bytes()?, None)?;
        // Deleting marks first and deletes then, so a pet written after its deletion is seen here.
        let is_gone = store::get(self.store, &gone_key(pet.id))?.is_some();
        if is_gone {
            store::delete(self.store, &key)?;
        }
        Ok(!is_gone)
    }

    /// Delete a pet that was found before; false when another request was faster, which counts it down then.
    pub(crate) fn remove(&self, id: u64) -> Result<bool, Stop> {
        let is_first = match store::add(self.store, &gone_key(id), 1, Some(GONE_MS)) {
            Ok(times) => times == 1,
            // A full store must not keep anybody from making room.
            Err(store::Error::Limit) => true,
            Err(error) => return Err(error.into()),
        };
        store::delete(self.store, &pet_key(id))?;
        if is_first {
            store::add(self.store, COUNT, -1, None)?;
        }
        Ok(is_first)
    }

    fn add(&self, draft: PetDraft) -> Result<Pet, Stop> {
        let added = match store::add(self.store, COUNT, 1, None)? {
            count if count > self.config.max_pets() => {
                let detail = "There are as many pets as may be; delete one first.";
                Err(Response::problem(409, "Too many pets", detail).into())
            }
            _ => self.put(draft),
        };
        if added.is_err() {
            store::add(self.store, COUNT, -1, None)?;
        }
        added
    }

    fn put(&self, draft: PetDraft) -> Result<Pet, Stop> {
        let id = store::add(self.store, LAST, 1, None)?;
        let id = u64::try_from(id).map_err(|_| Failure::Internal)?;
        let pet = Pet::new(id, draft);
        store::set(self.store, &pet_key(id), &pet.to_bytes()?, None)?;
        Ok(pet)
    }

    /// Fill a store in which there never was a pet, once; true if it was done now.
    fn seed(&self) -> Result<bool, Stop> {
        if !self.config.seed()
            || store::get(self.store, LAST)?.is_some()
            || store::add(self.store, SEEDED, 1, None)? != 1
        {
            return Ok(false);
        }
        for (name, species, tag) in [("Rex", "dog", "good"), ("Mia", "cat", "shy"), ("Kiwi", "parrot", "loud")] {
            match self.add(PetDraft::new(name, species, tag)) {
                Err(Stop::Fail(failure)) => return Err(failure.into()),
                // A shelf with room for fewer holds fewer.
                Ok(_) | Err(Stop::Answer(_)) => {}
            }
        }
        Ok(true)
    }

    fn last(&self) -> Result<u64, Stop> {
        counter(self.store, LAST)
    }
}

/// The value of a counter, 0 where there is none.
pub(crate) fn counter(store: &str, key: &str) -> Result<u64, Stop> {
    let Some(digits) = store::get(store, key)? else {
        return Ok(0);
    };
    let value = std::str::from_utf8(&digits).ok().and_then(|digits| digits.parse().ok());
    value.ok_or_else(|| Failure::Internal.into())
}

fn pet_key(id: u64) -> String {
    format!("pet:{id}")
}

fn gone_key(id: u64) -> String {
    format!("gone:{id}")
}
