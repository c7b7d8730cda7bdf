//! What the gateway holds when nobody asks it for anything.

use std::fmt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lockgate_tests::eventually;
use serde_json::{Value, json};

use crate::stage::Stage;

/// What is the same for so long does not change any more.
const STILL: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(50);
const MIB: f64 = 1024.0 * 1024.0;

/// At one moment.
#[derive(Clone, Debug)]
pub(crate) struct Rest {
    pub(crate) memory: u64,
    /// Of that, pages of files: the program, and compiled code.
    mapped: u64,
    pub(crate) files: usize,
    pub(crate) threads: usize,
}

impl Rest {
    /// Wait until nothing is under way, and look. All clients must have ended.
    pub(crate) fn of(stage: &Stage) -> Self {
        let open = |listener: &str| stage.gateway.metric(&format!("lockgate_connections{{listener=\"{listener}\"}}"));
        eventually("no connection to be left", || {
            ["public", "secure"].iter().all(|name| open(name) == Some(0.0)).then_some(())
        });
        stage.upstream.hang_up();
        let mut rest = Self::now(stage);
        let mut since = Instant::now();
        while since.elapsed() < STILL {
            sleep(LOOK);
            let now = Self::now(stage);
            if (now.files, now.threads) != (rest.files, rest.threads) {
                since = Instant::now();
            }
            rest = if now.memory < rest.memory { now } else { Self { files: now.files, threads: now.threads, ..rest } };
        }
        rest
    }

    fn now(stage: &Stage) -> Self {
        let gateway = &stage.gateway;
        let (files, threads) = (gateway.open_files(), gateway.threads().len());
        Self { memory: gateway.memory().0, mapped: gateway.mapped(), files, threads }
    }

    pub(crate) fn json(&self) -> Value {
        json!({ "memory_bytes": self.memory, "mapped_bytes": self.mapped, "files": self.files, "threads": self.threads })
    }
}

impl fmt::Display for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memory, mapped, files, threads } = self;
        let [memory, mapped] = [*memory, *mapped].map(|bytes| bytes as f64 / MIB);
        write!(f, "{memory:.1} MiB ({mapped:.1} of them pages of files), {files} files, {threads} threads")
    }
}
