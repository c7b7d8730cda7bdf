//! The side of a worker: a bounded ring that never waits for whoever reads it.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use prometheus_client::metrics::counter::Counter;

use super::entry::{Entry, Rest};
use super::names::{Learnt, NameId, Told, names};

/// Entries that may wait; more are lost and counted. At four reads a second that is some sixty thousand requests a second and worker.
pub(super) const RING: usize = 16 * 1024;

/// Tells of the finished exchanges of one worker.
#[derive(Debug)]
pub(crate) struct Teller {
    // Made at once, and with room for all entries; nobody waits at either end, so that no call goes to the kernel.
    ring: SyncSender<Entry>,
    /// Of entries that have some, in the same order.
    rests: SyncSender<Rest>,
    lost: Counter,
    learnt: Learnt,
    attributes: Attributes,
}

/// The names of the attributes in which policies say who asks.
#[derive(Debug, Clone)]
pub(crate) struct Attributes {
    consumer: Box<[u8]>,
    application: Box<[u8]>,
}

impl Attributes {
    pub(crate) fn new(consumer: &str, application: &str) -> Self {
        Self { consumer: consumer.as_bytes().into(), application: application.as_bytes().into() }
    }
}

/// Where they are read.
#[derive(Debug)]
pub(super) struct Ring {
    entries: Receiver<Entry>,
    rests: Receiver<Rest>,
    pub(super) names: Told,
}

/// Both ends.
pub(super) fn ring(attributes: Attributes, lost: Counter) -> (Teller, Ring) {
    let (ring, entries) = sync_channel(RING);
    // Of all entries that wait, and of the one that is being read.
    let (rests, of_entries) = sync_channel(RING + 1);
    let (learnt, names) = names(RING);
    (Teller { ring, rests, lost, learnt, attributes }, Ring { entries, rests: of_entries, names })
}

impl Teller {
    /// Tell of an exchange, unless so many were told of lately that there is no room.
    pub(crate) fn tell(&self, entry: Entry, rest: Option<Rest>) {
        let entry = Entry { has_rest: rest.is_some(), ..entry };
        match (self.ring.try_send(entry), rest) {
            // There is room: no more of them wait than entries do.
            (Ok(()), Some(rest)) => drop(self.rests.try_send(rest)),
            (Ok(()), None) => {}
            (Err(_), _) => {
                self.lost.inc();
            }
        }
    }

    /// The numbers that entries of this worker have for the consumer and the application that attributes name.
    pub(crate) fn who<'a>(
        &self,
        attributes: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) -> (Option<NameId>, Option<NameId>) {
        let (mut consumer, mut application) = (None, None);
        for (name, value) in attributes.filter(|(_, value)| !value.is_empty()) {
            if name == &*self.attributes.consumer {
                consumer = Some(self.learnt.id(value));
            } else if name == &*self.attributes.application {
                application = Some(self.learnt.id(value));
            }
        }
        (consumer, application)
    }
}

impl Ring {
    /// The next entry; none where there is none now.
    pub(super) fn next(&mut self) -> Option<(Entry, Option<Rest>)> {
        let entry = self.entries.try_recv().ok()?;
        // A worker that has told of the one is about to tell of the other.
        let rest = entry.has_rest.then(|| self.rests.recv().ok()).flatten();
        Some((entry, rest))
    }
}
