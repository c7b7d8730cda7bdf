//! What the connections of one worker on one listener have in common, from when its settings became what they are.

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::time::Instant;

use super::Listener;
use super::admission::Seat;
use super::pulse::{Limits, Sweep};
use crate::serve::{Entrance, Worker};
use crate::telemetry::metrics::Refusal;

/// Belongs to one thread.
pub(super) struct Desk {
    pub(super) worker: Rc<Worker>,
    pub(super) listener: Arc<Listener>,
    pub(super) entrance: Rc<Entrance>,
    pub(super) sweep: Sweep,
    /// Value of `Entrance::shown` when open connections were last checked against it.
    judged: Cell<u64>,
}

impl Desk {
    pub(super) fn new(worker: Rc<Worker>, listener: Arc<Listener>, entrance: Rc<Entrance>) -> Rc<Self> {
        let config = &listener.config;
        let (head, idle) = (config.header_timeout, config.idle_timeout);
        let sweep = Sweep::new(Limits { head, idle, rate: config.min_rate });
        let judged = Cell::new(entrance.shown());
        Rc::new(Self { worker, listener, entrance, sweep, judged })
    }

    /// Look after all connections: those that are too slow, and those whose clients might not connect any more.
    pub(super) fn look(&self, now: Instant) {
        let shown = self.entrance.shown();
        if self.judged.replace(shown) != shown {
            self.sweep.dismiss(now, |session| !self.entrance.admits(session));
        }
        self.sweep.look(now);
    }

    /// A place for a connection, or why there is none.
    pub(super) fn admit(&self, client: Option<IpAddr>) -> Result<Seat, Refusal> {
        let config = &self.listener.config;
        let mut seat = self.listener.door.admission.seat(config.max_connections).ok_or(Refusal::Connections)?;
        // Where a proxy in front says who the client is, that is counted once it was said.
        if !config.proxy_protocol && !self.claims(&mut seat, client) {
            return Err(Refusal::Address);
        }
        Ok(seat)
    }

    /// Count a connection as one of its address, if that is one that is counted: behind those that are trusted there
    /// are many.
    pub(super) fn claims(&self, seat: &mut Seat, client: Option<IpAddr>) -> bool {
        match client {
            Some(address) if !self.worker.current().generation.forwarding.trusts(client) => {
                seat.claim(address, self.listener.config.max_connections_per_address)
            }
            _ => true,
        }
    }

    /// Count and log a client that was turned away. One that just left is counted only: whoever looks whether the port
    /// is open does that.
    pub(super) fn refuse(&self, client: Option<IpAddr>, reason: Refusal) {
        self.listener.metrics.refused(reason);
        if reason != Refusal::Left {
            self.worker.refused(client, reason);
        }
    }
}
