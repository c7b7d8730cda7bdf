//! The clock of the sandbox: advances the epoch, by which hooks are interrupted, while there are hooks to interrupt.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed, Ordering::SeqCst};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::{Engine, EngineWeak};

use crate::config::MAX_WALL_MS;

/// The resolution of every time limit on guests.
const TICK: Duration = Duration::from_millis(1);
/// No call can be left when none has begun for this long: each would have met its limit.
const QUIET: Duration = Duration::from_millis(MAX_WALL_MS + 1_000);
/// How long to sleep at once. Nobody waits for this; it bounds how long the thread outlives its engine.
const NAP: Duration = Duration::from_secs(1);

/// Ticks from the first call on until there have been none for a while. An idle gateway wakes nobody.
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

#[derive(Default)]
struct Shared {
    /// Since the thread last looked.
    called: AtomicBool,
    asleep: AtomicBool,
}

impl Ticker {
    pub(super) fn start(engine: &Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { called: AtomicBool::new(false), asleep: AtomicBool::new(true) });
        let (engine, seen) = (engine.weak(), shared.clone());
        let thread = thread::Builder::new().name("epoch".into()).spawn(move || run(&engine, &seen))?;
        Ok(Self { shared, thread: thread.thread().clone() })
    }

    /// A call into a guest begins. Costs a look at memory that changes once in a tick.
    pub(super) fn call(&self) {
        if self.shared.called.load(Relaxed) {
            return;
        }
        // In this order, and the thread in the opposite one: either it sees the call before it sleeps, or this sees it
        // asleep.
        self.shared.called.store(true, SeqCst);
        if self.shared.asleep.load(SeqCst) {
            self.thread.unpark();
        }
    }
}

fn run(engine: &EngineWeak, shared: &Shared) {
    let mut quiet = QUIET;
    while let Some(engine) = engine.upgrade() {
        if shared.called.swap(false, SeqCst) {
            quiet = Duration::ZERO;
        }
        if quiet < QUIET {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
            quiet += TICK;
            continue;
        }
        drop(engine);
        shared.asleep.store(true, SeqCst);
        if !shared.called.load(SeqCst) {
            thread::park_timeout(NAP);
        }
        shared.asleep.store(false, SeqCst);
    }
}
