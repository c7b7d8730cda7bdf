//! Names that entries speak of by number: operations, which all workers know, and who asked, which each worker learns for itself.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use crate::report::{OTHER, Operation};
use crate::telemetry::trail::PolicyId;

/// Longest name of who asked, in bytes; longer ones are one.
pub(super) const LONGEST: usize = 256;
/// Most names one worker knows at a time. With the next it forgets them all, and learns them again.
const MOST: usize = 10_000;

/// Which operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OperationId(NonZeroU32);

/// Which name of those that a worker has learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NameId(NonZeroU64);

/// All operations and policies there ever were since the start, numbered. Generations ask it while they are built, requests never.
#[derive(Debug, Default)]
pub(crate) struct Catalog(Mutex<Numbered>);

#[derive(Debug, Default)]
struct Numbered {
    all: Vec<Arc<Operation>>,
    ids: HashMap<Arc<Operation>, OperationId>,
    /// By their numbers.
    policies: Vec<Arc<str>>,
}

impl Catalog {
    /// The number of an operation, the same each time.
    pub(crate) fn operation(&self, operation: Operation) -> OperationId {
        let mut numbered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = numbered.ids.get(&operation) {
            return *id;
        }
        let operation = Arc::new(operation);
        numbered.all.push(operation.clone());
        let count = u32::try_from(numbered.all.len()).ok().and_then(NonZeroU32::new);
        let id = OperationId(count.unwrap_or(NonZeroU32::MAX));
        numbered.ids.insert(operation, id);
        id
    }

    /// The number of a policy, the same each time.
    pub(crate) fn policy(&self, name: &Arc<str>) -> PolicyId {
        let policies = &mut self.0.lock().unwrap_or_else(PoisonError::into_inner).policies;
        let at = policies.iter().position(|known| known == name).unwrap_or_else(|| {
            policies.push(name.clone());
            policies.len() - 1
        });
        PolicyId(u16::try_from(at).unwrap_or(u16::MAX))
    }

    /// The names of all policies, by their numbers.
    pub(super) fn policies(&self) -> Vec<Arc<str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).policies.clone()
    }

    pub(super) fn get(&self, id: OperationId) -> Option<Arc<Operation>> {
        let numbered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        numbered.all.get(id.0.get() as usize - 1).cloned()
    }
}

/// The names one worker has learnt.
#[derive(Debug)]
pub(super) struct Learnt {
    known: RefCell<HashMap<Box<str>, NameId>>,
    next: Cell<NonZeroU64>,
    news: Sender<Arc<str>>,
}

/// The same as whoever reads the entries of that worker knows them.
#[derive(Debug)]
pub(super) struct Told {
    /// Those an entry that still waits may speak of, in the order of their numbers.
    recent: VecDeque<Arc<str>>,
    /// The number of the first.
    first: NonZeroU64,
    /// How many these are at most.
    most: usize,
    news: Receiver<Arc<str>>,
}

/// Names of one worker, on both sides, where at most so many entries wait.
pub(super) fn names(waiting: usize) -> (Learnt, Told) {
    let (send, news) = channel();
    // Each entry speaks of two.
    let told = Told { recent: VecDeque::new(), first: NonZeroU64::MIN, most: MOST + 2 * waiting, news };
    (Learnt { known: RefCell::default(), next: Cell::new(NonZeroU64::MIN), news: send }, told)
}

impl Learnt {
    /// The number of a name. Whoever is new is told of before the entry that speaks of it.
    pub(super) fn id(&self, name: &[u8]) -> NameId {
        let text = str::from_utf8(name).ok().filter(|text| text.len() <= LONGEST).unwrap_or(OTHER);
        let mut known = self.known.borrow_mut();
        if let Some(id) = known.get(text) {
            return *id;
        }
        if known.len() >= MOST {
            known.clear();
        }
        let id = NameId(self.next.get());
        self.next.set(id.0.saturating_add(1));
        known.insert(text.into(), id);
        // Nobody listens any more where nothing is kept any more.
        let _ = self.news.send(text.into());
        id
    }
}

impl Told {
    pub(super) fn get(&mut self, id: NameId) -> Option<Arc<str>> {
        let at = |first: NonZeroU64| usize::try_from(id.0.get().checked_sub(first.get())?).ok();
        if let Some(known) = self.recent.get(at(self.first)?) {
            return Some(known.clone());
        }
        self.recent.extend(self.news.try_iter());
        while self.recent.len() > self.most {
            self.recent.pop_front();
            self.first = self.first.saturating_add(1);
        }
        self.recent.get(at(self.first)?).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_keeps_its_number_over_generations() {
        let catalog = Catalog::default();
        let operation = |name: &str| Operation {
            api: "shop".into(),
            version: "1".into(),
            name: name.into(),
            pattern: "/orders".into(),
        };
        let (one, other) = (catalog.operation(operation("a")), catalog.operation(operation("b")));
        assert_ne!(one, other);
        assert_eq!(catalog.operation(operation("a")), one);
        assert_eq!(&*catalog.get(other).unwrap().name, "b");
    }

    #[test]
    fn names_are_told_once_and_found_by_number() {
        let (learnt, mut told) = names(10);
        let ann = learnt.id(b"ann");
        assert_eq!(learnt.id(b"ann"), ann);
        let bob = learnt.id(b"bob");
        assert_eq!((told.get(bob).as_deref(), told.get(ann).as_deref()), (Some("bob"), Some("ann")));
        assert_eq!(told.recent.len(), 2);
    }

    #[test]
    fn however_many_names_come_each_is_found_and_few_are_kept() {
        let (learnt, mut told) = names(10);
        for name in 0..3 * MOST {
            let id = learnt.id(name.to_string().as_bytes());
            assert_eq!(told.get(id).as_deref(), Some(&*name.to_string()));
        }
        assert!(told.recent.len() <= MOST + 20 && learnt.known.borrow().len() <= MOST);
        let again = learnt.id(b"7");
        assert_eq!(told.get(again).as_deref(), Some("7"));
    }

    #[test]
    fn what_is_no_name_or_too_long_for_one_is_another() {
        let (learnt, mut told) = names(10);
        let (long, bytes) = (learnt.id(&[b'x'; LONGEST + 1]), learnt.id(b"\xff"));
        assert_eq!(long, bytes);
        assert_eq!(told.get(long).as_deref(), Some(OTHER));
    }
}
