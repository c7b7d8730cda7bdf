//! How the process ends, step by step.

use tokio::sync::watch;

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Serving,
    /// Connections are still accepted: whoever sends them here has to notice first.
    Leaving,
    /// No new connections; what is under way may end.
    Draining,
    /// What is still under way ends now.
    Cutting,
}

pub(crate) type Shutdown = watch::Receiver<Stage>;
