//! What can go wrong while a guest runs: always the plugin's fault, never an answer of its.

use super::bindings::exports::lockgate::policy::lifecycle::ConfigError;
use super::limits::Exceeded;
use super::occasion::Wait;
use super::shape;
use crate::telemetry::metrics::{CallOutcome, Retirement};

/// Why a call into a guest did not give a usable answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PluginFault {
    /// The guest trapped; with the name of the trap.
    #[error("trapped: {0}")]
    Trap(String),
    #[error("{0}")]
    Exceeded(#[from] Exceeded),
    /// No instance could be made.
    #[error("cannot be instantiated: {0}")]
    Instantiate(String),
    /// `configure` refused the configuration.
    #[error("refused its configuration: {}", .0.join("; "))]
    Configure(Vec<String>),
    /// The guest answered with something it may not, or that makes no sense.
    #[error("gave an answer that is not allowed: {0}")]
    Answer(String),
    /// There is no room for one more call of it now, or no time for it in the slow lane. No fault of the policy.
    #[error("has as many calls under way as it may, or as there is room for")]
    Busy,
    /// It was told that something is not there yet, and is to be called again when it is.
    #[error("waits for what it asked for")]
    Unready(Box<Wait>),
    /// It failed so often that it was not called.
    #[error("is left alone for a while, because it failed again and again")]
    Paused,
}

impl PluginFault {
    /// A short stable word for logs and metrics.
    pub(crate) fn class(&self) -> &'static str {
        match self {
            Self::Trap(_) => "plugin_trap",
            Self::Exceeded(Exceeded::Cpu) => "plugin_cpu",
            Self::Exceeded(Exceeded::Wall) => "plugin_wall",
            Self::Exceeded(Exceeded::Memory) => "plugin_memory",
            Self::Exceeded(Exceeded::HostCalls) => "plugin_host_calls",
            Self::Exceeded(Exceeded::HostMemory) => "plugin_host_memory",
            Self::Busy | Self::Unready(_) => "plugin_busy",
            Self::Paused => "plugin_paused",
            Self::Instantiate(_) => "plugin_instantiate",
            Self::Configure(_) => "plugin_configure",
            Self::Answer(_) => "plugin_answer",
        }
    }

    /// Whether other code might have done better: not where a service was slow, or the gateway had no room.
    pub(crate) fn is_of_code(&self) -> bool {
        !matches!(
            self,
            Self::Exceeded(Exceeded::Wall) | Self::Busy | Self::Unready(_) | Self::Paused | Self::Instantiate(_)
        )
    }

    /// What a call is counted as that ended so.
    pub(super) fn outcome(&self) -> CallOutcome {
        match self {
            Self::Trap(_) => CallOutcome::Trap,
            Self::Exceeded(_) => CallOutcome::Limit,
            Self::Answer(_) => CallOutcome::Refused,
            Self::Instantiate(_) | Self::Configure(_) | Self::Busy => CallOutcome::Busy,
            Self::Unready(_) => CallOutcome::Waited,
            Self::Paused => CallOutcome::Paused,
        }
    }

    /// Why its instance was thrown away.
    pub(super) fn retirement(&self) -> Retirement {
        match self {
            Self::Exceeded(Exceeded::Cpu | Exceeded::Wall) => Retirement::Timeout,
            Self::Exceeded(Exceeded::Memory | Exceeded::HostMemory) => Retirement::Memory,
            Self::Exceeded(Exceeded::HostCalls) | Self::Answer(_) => Retirement::Refused,
            _ => Retirement::Trap,
        }
    }

    /// A configuration was refused for these reasons.
    pub(super) fn configure(faults: Vec<ConfigError>) -> Self {
        Self::Configure(shape::config_errors(&faults))
    }

    /// What was to be called is not there. The chain calls only hooks that are exported.
    pub(super) fn no_hook() -> Self {
        Self::Answer("the hook is not exported".into())
    }

    /// An export could not be taken hold of.
    pub(super) fn not_made(error: &wasmtime::Error) -> Self {
        Self::Instantiate(error.root_cause().to_string())
    }

    /// Tell the reasons a call failed apart.
    pub(super) fn from_call(error: &wasmtime::Error, memory_denied: bool) -> Self {
        if let Some(exceeded) = error.downcast_ref::<Exceeded>() {
            return Self::Exceeded(*exceeded);
        }
        // A guest that is refused memory aborts in its allocator, which looks like any other trap.
        if memory_denied {
            return Self::Exceeded(Exceeded::Memory);
        }
        if let Some(trap) = error.downcast_ref::<wasmtime::Trap>() {
            return Self::Trap(trap.to_string());
        }
        // The root cause; the text above it holds a backtrace.
        let cause = error.root_cause().to_string();
        // The engine has no type for this one.
        if cause.contains("fuel allocated for hostcalls has been exhausted") {
            return Self::Exceeded(Exceeded::HostMemory);
        }
        Self::Trap(cause)
    }
}
