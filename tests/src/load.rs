//! Clients that go on until they are told to stop, each a thread, while a test does something to what they ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::eventually;

/// Clients under way, each of which ends with a `T`.
pub struct Load<T> {
    pace: Pace,
    clients: Vec<JoinHandle<T>>,
}

/// How a client knows whether to go on, and tells how far it came.
#[derive(Clone, Default)]
pub struct Pace {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
}

/// Chance that comes again with the same seed (xorshift).
pub struct Dice(u64);

impl Dice {
    /// Seeds that are alike make throws that are not.
    pub fn new(seed: u64) -> Self {
        // No sequence begins with 0, which would stay 0.
        Self((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// One of so many sides, from 0.
    pub fn throw(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }
}

impl<T: Send + 'static> Load<T> {
    /// Start so many clients; each is told its number.
    pub fn start<C>(count: usize, client: impl Fn(usize) -> C) -> Self
    where
        C: FnOnce(&Pace) -> T + Send + 'static,
    {
        let pace = Pace::default();
        let start = |number| {
            let (client, pace) = (client(number), pace.clone());
            std::thread::spawn(move || client(&pace))
        };
        let clients = (0..count).map(start).collect();
        Self { pace, clients }
    }

    /// Wait until so much more was done; fails when a client has ended meanwhile.
    pub fn wait_for_more(&self, count: usize) {
        let until = self.done() + count;
        eventually("the load to go on", || {
            assert!(!self.clients.iter().any(JoinHandle::is_finished), "a client gave up");
            (self.done() >= until).then_some(())
        });
    }

    /// What all of them did so far.
    pub fn done(&self) -> usize {
        self.pace.done.load(Ordering::SeqCst)
    }

    /// Tell all to stop, and what each ended with.
    pub fn stop(self) -> Vec<T> {
        self.pace.stop.store(true, Ordering::SeqCst);
        self.join()
    }

    /// Wait until all have ended by themselves, and what each ended with.
    pub fn join(self) -> Vec<T> {
        self.clients.into_iter().map(|client| client.join().expect("a client failed")).collect()
    }
}

impl Pace {
    pub fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::SeqCst)
    }

    /// One thing more was done.
    pub fn did(&self) {
        self.done.fetch_add(1, Ordering::SeqCst);
    }
}

/// Let this process, and those it starts, have so many files open at once.
pub fn allow_open_files(count: u64) {
    let limit = getrlimit(Resource::Nofile);
    let enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= count);
    if enough(limit.current) {
        return;
    }
    // Above the hard limit only root may go.
    let maximum = if enough(limit.maximum) { limit.maximum } else { Some(count) };
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(count), maximum });
    assert!(
        raised.is_ok(),
        "this needs {count} open files, and the hard limit is {:?}: see `ulimit -Hn`",
        limit.maximum
    );
}
