//! What a guest may use, and how use is measured while it runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use wasmtime::{ResourceLimiter, UpdateDeadline};

use super::ticker::Ticker;
use super::turns::Turns;
use crate::config;

/// Largest linear memory any policy can be given, in bytes.
pub(crate) const MAX_MEMORY: usize = config::MAX_MEMORY as usize;
/// Largest table any policy can have.
pub(super) const MAX_TABLE_ELEMENTS: usize = config::MAX_TABLE_ELEMENTS as usize;

pub(super) const MAX_TABLES: usize = 16;
pub(super) const MAX_MEMORIES: usize = 4;
pub(super) const MAX_CORE_INSTANCES: usize = 64;

/// Limits on one policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Limits {
    /// CPU time of one hook call.
    pub(crate) cpu: Duration,
    /// Wall-clock time of one hook call, host calls included.
    pub(crate) wall: Duration,
    /// Bytes of all linear memories of an instance.
    pub(crate) memory: usize,
    /// Elements of all tables of an instance.
    pub(crate) table_elements: usize,
    /// Calls of imports in one hook call.
    pub(crate) host_calls: u32,
    /// Bytes a guest can hand over at once, and so make the host allocate: in one call of an import, or as what a hook
    /// says.
    pub(crate) host_memory: usize,
    /// Bytes of all log lines of one hook call.
    pub(crate) log: usize,
    /// Hook calls before an instance is replaced by a new one.
    pub(crate) calls: u32,
}

/// A limit that ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Exceeded {
    #[error("CPU time limit reached")]
    Cpu,
    #[error("wall-clock limit reached")]
    Wall,
    #[error("memory limit reached")]
    Memory,
    #[error("limit on calls of imports reached")]
    HostCalls,
    #[error("it handed over more at once than it may")]
    HostMemory,
}

/// Measures one call at a time against the limits of its policy.
///
/// The first tick of the epoch starts the clocks: reading CPU time costs a system call, and
/// nearly every hook returns before the first tick. A hook may so overrun by up to one tick.
pub(super) struct Meter {
    limits: Limits,
    ticker: Arc<Ticker>,
    running_since: Option<(Duration, Instant)>,
    /// Of a call that waits in between, which must not be charged for what others do meanwhile.
    turns: Option<Arc<Turns>>,
    memory_denied: bool,
    memory: usize,
    table_elements: usize,
    host_calls_left: u32,
}

impl Meter {
    pub(super) fn new(limits: Limits, ticker: Arc<Ticker>) -> Self {
        Self {
            turns: None,
            limits,
            ticker,
            running_since: None,
            memory_denied: false,
            memory: 0,
            table_elements: 0,
            host_calls_left: limits.host_calls,
        }
    }

    /// A call begins; forget the one before.
    pub(super) fn restart(&mut self) {
        self.ticker.call();
        self.running_since = None;
        self.memory_denied = false;
        self.host_calls_left = self.limits.host_calls;
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The guest calls an import.
    pub(super) fn host_call(&mut self) -> Result<(), Exceeded> {
        self.host_calls_left = self.host_calls_left.checked_sub(1).ok_or(Exceeded::HostCalls)?;
        Ok(())
    }

    /// Whether the guest asked for more memory than it may have; what follows is usually a trap.
    pub(super) fn memory_denied(&self) -> bool {
        self.memory_denied
    }

    /// Calls of imports since the call began.
    pub(super) fn host_calls(&self) -> u32 {
        self.limits.host_calls - self.host_calls_left
    }

    /// Bytes of linear memory the instance holds.
    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    /// Charge calls by the turns their future has.
    pub(super) fn in_turns(&mut self) -> Arc<Turns> {
        self.turns.get_or_insert_default().clone()
    }

    /// What happens at the epoch deadline: the call goes on until a limit is reached. One that has turns leaves the
    /// next to others.
    pub(super) fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        match &self.turns {
            None => self.check()?,
            Some(turns) if turns.used() >= self.limits.cpu => return Err(Exceeded::Cpu.into()),
            Some(_) => return Ok(UpdateDeadline::Yield(1)),
        }
        Ok(UpdateDeadline::Continue(1))
    }

    fn check(&mut self) -> Result<(), Exceeded> {
        let cpu = thread_cpu_time();
        let Some((cpu_then, then)) = self.running_since else {
            self.running_since = Some((cpu, Instant::now()));
            return Ok(());
        };
        if cpu.saturating_sub(cpu_then) >= self.limits.cpu {
            return Err(Exceeded::Cpu);
        }
        if then.elapsed() >= self.limits.wall {
            return Err(Exceeded::Wall);
        }
        Ok(())
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, _max: Option<usize>) -> wasmtime::Result<bool> {
        let all = self.memory.saturating_add(desired.saturating_sub(current));
        let allowed = all <= self.limits.memory;
        if allowed {
            self.memory = all;
        } else {
            self.memory_denied = true;
        }
        Ok(allowed)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _max: Option<usize>) -> wasmtime::Result<bool> {
        let all = self.table_elements.saturating_add(desired.saturating_sub(current));
        let allowed = all <= self.limits.table_elements;
        if allowed {
            self.table_elements = all;
        } else {
            self.memory_denied = true;
        }
        Ok(allowed)
    }

    fn instances(&self) -> usize {
        MAX_CORE_INSTANCES
    }

    fn tables(&self) -> usize {
        MAX_TABLES
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }
}

/// CPU time this thread has used.
pub(crate) fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
