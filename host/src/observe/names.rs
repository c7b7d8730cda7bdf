//! Names that entries speak of by number: operations, which all workers know, and who asked, which each worker learns for itself.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

/// Longest name of who asked, in bytes; longer ones are one.
const LONGEST: usize = 256;
/// Most names one worker tells apart between two restarts; those that come later are one.
const MOST: usize = 10_000;
/// What names are called that are not told apart.
pub(crate) const OTHER: &str = "__other__";

/// Which operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OperationId(u32);

/// Which name of those that a worker has learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NameId(u32);

/// What an operation is called.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Operation {
    pub(crate) api: Arc<str>,
    pub(crate) version: Arc<str>,
    /// Of its route.
    pub(crate) name: Arc<str>,
    pub(crate) pattern: Arc<str>,
}

/// All operations there ever were since the start, numbered. Generations ask it while they are built, requests never.
#[derive(Debug, Default)]
pub(crate) struct Operations(Mutex<Numbered>);

#[derive(Debug, Default)]
struct Numbered {
    all: Vec<Arc<Operation>>,
    ids: HashMap<Arc<Operation>, OperationId>,
}

impl Operations {
    /// The number of an operation, the same each time.
    pub(crate) fn id(&self, operation: Operation) -> OperationId {
        let mut numbered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = numbered.ids.get(&operation) {
            return *id;
        }
        let id = OperationId(u32::try_from(numbered.all.len()).unwrap_or(u32::MAX));
        let operation = Arc::new(operation);
        numbered.all.push(operation.clone());
        numbered.ids.insert(operation, id);
        id
    }

    pub(super) fn get(&self, id: OperationId) -> Option<Arc<Operation>> {
        let numbered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        numbered.all.get(id.0 as usize).cloned()
    }
}

/// The names one worker has learnt.
#[derive(Debug)]
pub(super) struct Learnt {
    known: RefCell<HashMap<Box<str>, NameId>>,
    news: Sender<Arc<str>>,
}

/// The same as whoever reads the entries of that worker knows them.
#[derive(Debug)]
pub(super) struct Told {
    all: Vec<Arc<str>>,
    news: Receiver<Arc<str>>,
}

/// Names of one worker, on both sides.
pub(super) fn names() -> (Learnt, Told) {
    let (send, news) = channel();
    (Learnt { known: RefCell::default(), news: send }, Told { all: Vec::new(), news })
}

impl Learnt {
    /// The number of a name. Whoever is new is told of before the entry that speaks of it.
    pub(super) fn id(&self, name: &[u8]) -> NameId {
        let text = str::from_utf8(name).ok().filter(|text| text.len() <= LONGEST).unwrap_or(OTHER);
        let mut known = self.known.borrow_mut();
        if let Some(id) = known.get(text) {
            return *id;
        }
        let text = if known.len() < MOST { text } else { OTHER };
        let next = NameId(u32::try_from(known.len()).unwrap_or(u32::MAX));
        *known.entry(text.into()).or_insert_with(|| {
            // Nobody listens any more where nothing is kept any more.
            let _ = self.news.send(text.into());
            next
        })
    }
}

impl Told {
    pub(super) fn get(&mut self, id: NameId) -> Option<Arc<str>> {
        self.all.extend(self.news.try_iter());
        self.all.get(id.0 as usize).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_keeps_its_number_over_generations() {
        let operations = Operations::default();
        let operation = |name: &str| Operation {
            api: "shop".into(),
            version: "1".into(),
            name: name.into(),
            pattern: "/orders".into(),
        };
        let (one, other) = (operations.id(operation("a")), operations.id(operation("b")));
        assert_ne!(one, other);
        assert_eq!(operations.id(operation("a")), one);
        assert_eq!(&*operations.get(other).unwrap().name, "b");
    }

    #[test]
    fn names_are_told_once_and_found_by_number() {
        let (learnt, mut told) = names();
        let ann = learnt.id(b"ann");
        assert_eq!(learnt.id(b"ann"), ann);
        let bob = learnt.id(b"bob");
        assert_eq!((told.get(bob).as_deref(), told.get(ann).as_deref()), (Some("bob"), Some("ann")));
    }

    #[test]
    fn names_beyond_what_is_told_apart_are_one() {
        let (learnt, mut told) = names();
        for name in 0..MOST {
            learnt.id(name.to_string().as_bytes());
        }
        let (late, later) = (learnt.id(b"late"), learnt.id(b"later"));
        assert_eq!((late, learnt.id(&[b'x'; LONGEST + 1]), learnt.id(b"\xff")), (later, later, later));
        assert_eq!(told.get(late).as_deref(), Some(OTHER));
        assert_eq!(told.get(learnt.id(b"7")).as_deref(), Some("7"));
    }
}
