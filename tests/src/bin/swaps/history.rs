//! The states the folder was in, in their order, and which of them a response may be of.

use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use crate::state::{Asked, Said, State};

/// Clients whose exchange is to outlast swaps wait for so many.
const OUTLASTED: usize = 3;

/// Written by who changes the folder, read by all clients.
pub(crate) struct History {
    states: RwLock<Vec<Entry>>,
    /// The newest of which it is known that it serves: nothing older may begin any more.
    confirmed: AtomicUsize,
    /// Whether clients end, so that there will be no next.
    is_resting: AtomicBool,
    faults: AtomicUsize,
}

struct Entry {
    state: State,
    what: &'static str,
}

/// Why a response must not be as it is.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// It is of no state there ever was.
    Mixed(String),
    /// It is of a state that was known to serve no longer, or of one that came after.
    Stale(String),
    /// It is an error.
    Failed(String),
}

impl History {
    pub(crate) fn new(first: State) -> Self {
        let states = RwLock::new(vec![Entry { state: first, what: "the beginning" }]);
        let (confirmed, is_resting, faults) = Default::default();
        Self { states, confirmed, is_resting, faults }
    }

    /// The folder will be in this state in a moment. Returns its place.
    pub(crate) fn push(&self, state: State, what: &'static str) -> usize {
        let mut states = self.states.write().expect("a client failed");
        states.push(Entry { state, what });
        states.len() - 1
    }

    /// The newest that may be seen.
    pub(crate) fn newest(&self) -> usize {
        self.states.read().expect("a client failed").len() - 1
    }

    /// The state at a place.
    pub(crate) fn state(&self, at: usize) -> State {
        self.states.read().expect("a client failed")[at].state.clone()
    }

    pub(crate) fn confirm(&self, at: usize) {
        self.confirmed.store(at, SeqCst);
    }

    pub(crate) fn confirmed(&self) -> usize {
        self.confirmed.load(SeqCst)
    }

    pub(crate) fn rest(&self, is_resting: bool) {
        self.is_resting.store(is_resting, SeqCst);
    }

    /// Whether enough was swapped since a state was confirmed, or nothing will be.
    pub(crate) fn has_outlasted(&self, since: usize) -> bool {
        self.is_resting.load(SeqCst) || self.confirmed() >= since + OUTLASTED
    }

    /// Something was wrong: there is no need to go on for long.
    pub(crate) fn fault(&self) {
        self.faults.fetch_add(1, SeqCst);
    }

    pub(crate) fn has_faults(&self) -> bool {
        self.faults.load(SeqCst) > 0
    }

    /// Of which state a response is, among those from `least` on. The earliest that fits.
    pub(crate) fn judge(&self, asked: Asked, said: &Said, least: usize) -> Result<usize, Wrong> {
        self.judge_between(asked, said, least, self.newest())
    }

    /// The same where the generation was taken before `most` was no longer the newest.
    pub(crate) fn judge_between(&self, asked: Asked, said: &Said, least: usize, most: usize) -> Result<usize, Wrong> {
        let states = self.states.read().expect("a client failed");
        let fits = |at: &usize| states[*at].state.says(asked) == *said;
        if let Some(at) = (least..=most).find(fits) {
            return Ok(at);
        }
        let range = format!("{asked:?} was answered {said:?}; {}", between(&states, least, most));
        if !matches!(said.status, 200 | 404) {
            return Err(Wrong::Failed(range));
        }
        match (0..states.len()).rev().find(fits) {
            Some(at) => Err(Wrong::Stale(format!("{range}; it is of state {at}"))),
            None => {
                let expected = states[most].state.says(asked);
                Err(Wrong::Mixed(format!("{range}; it is of no state there ever was, the newest says {expected:?}")))
            }
        }
    }

    /// Whether a certificate may be shown.
    pub(crate) fn judge_certificate(&self, number: Option<u64>, least: usize) -> Result<(), Wrong> {
        let states = self.states.read().expect("a client failed");
        let most = states.len() - 1;
        if (least..=most).any(|at| Some(states[at].state.certificate) == number) {
            return Ok(());
        }
        Err(Wrong::Stale(format!("the certificate {number:?} was shown; {}", between(&states, least, most))))
    }
}

fn between(states: &[Entry], least: usize, most: usize) -> String {
    let about = |at: usize| format!("{at} ({}: {:?})", states[at].what, states[at].state);
    format!("it may be of the states from {} to {}", about(least), about(most))
}
