//! Where this process comes in a line of them: after one whose place it takes, and before one that takes its own.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;

use crate::listen::Listeners;
use crate::state::{Lock, StateDir};
use crate::takeover::{Handover, Predecessor};

/// Where another process serves with this state directory, have its sockets.
pub(super) fn meet(state: Option<PathBuf>, listeners: &Listeners) -> anyhow::Result<Option<Handover>> {
    let Some(state) = state else { return Ok(None) };
    let (handover, offers) = Handover::begin(&state)?;
    listeners.inherit(offers);
    Ok(Some(handover))
}

/// Who served before serves no more from here on, and the state directory is this process's.
pub(super) fn take(handover: Option<&Handover>, listeners: &Listeners, state: Option<&StateDir>) -> anyhow::Result<()> {
    let Some((handover, state)) = handover.zip(state) else { return Ok(()) };
    handover.ready(listeners.take_over())?;
    state.lock().take().context("the gateway that served keeps the state directory")?;
    Ok(())
}

pub(super) struct Succession {
    /// With the one before, if there is one.
    pub(super) handover: Option<Handover>,
    pub(super) listeners: Arc<Listeners>,
    pub(super) admin_address: SocketAddr,
    /// None without a state directory: nobody would know where to ask.
    pub(super) lock: Option<Lock>,
}

impl Succession {
    /// Everything serves: the one before may end, and one after may come. Ends with its process when that serves.
    pub(super) fn begin(self, admin: TcpListener) -> impl Future<Output = u32> {
        let Self { handover, listeners, admin_address, lock } = self;
        let predecessor = lock.map(|lock| Predecessor {
            listeners: listeners.clone(),
            admin,
            admin_address: admin_address.to_string(),
            lock,
        });
        let waiting = predecessor.map(Predecessor::wait).transpose();
        let waiting = waiting.unwrap_or_else(|error| {
            tracing::warn!(%error, "no other process can take over from this one");
            None
        });
        if let Some(handover) = handover {
            listeners.adopt();
            handover.serves();
        }
        async move {
            match waiting {
                Some(succeeded) => match succeeded.await {
                    Ok(process) => process,
                    Err(_) => std::future::pending().await,
                },
                None => std::future::pending().await,
            }
        }
    }
}
