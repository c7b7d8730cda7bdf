//! The first generation of a process: of what the folder says, or of what was last good where it cannot be used.

use std::sync::Arc;

use super::beginning::Beginning;
use super::fixed::Fixed;
use super::inputs::Outside;
use super::settle::{Settled, Settling};
use crate::config::ConfigFault;
use crate::generation::Builder;
use crate::listen::{Change, Listeners};

/// What came of it.
pub(super) struct First {
    pub(super) settled: Settled,
    /// What it listens on.
    pub(super) change: Change,
    pub(super) outside: Outside,
    /// Nothing of the folder counts.
    pub(super) is_past: bool,
}

impl First {
    /// Build it. Without one there is nothing to run, so its faults are the caller's to show.
    pub(super) async fn build(
        Beginning { tree, good, refused, .. }: &Beginning,
        fixed: &Fixed,
        builder: &mut Builder,
        listeners: &Arc<Listeners>,
        change: Change,
    ) -> Result<Self, Vec<ConfigFault>> {
        let (first, is_past) = match refused {
            None => (Settling::new(tree, good), false),
            Some(faults) => (Settling::past(good, faults.clone()), true),
        };
        let first = first.read()?;
        // Before they are read for good: what changes from now on is a change.
        let outside = Outside::of(&first.config);
        let faults = match first.build(builder, Vec::new(), None, None).await {
            Ok(settled) => return Ok(Self { settled, change, outside, is_past }),
            // What was last good was tried already, or never was, or serves.
            Err(faults) if is_past || good.is_empty() || listeners.are_inherited() => return Err(faults),
            Err(faults) => faults,
        };
        let Ok(past) = Settling::past(good, faults.clone()).read() else { return Err(faults) };
        // Nobody has connected to them yet, and while they are open nobody else can have their addresses.
        drop(change);
        let Ok(change) = listeners.prepare(&past.config.listeners).await else { return Err(faults) };
        let outside = Outside::of(&past.config);
        // The process is set up by now.
        let wrong = fixed.changes(&past.config);
        let settled = past.build(builder, wrong, None, None).await.map_err(|_| faults)?;
        Ok(Self { settled, change, outside, is_past: true })
    }
}
