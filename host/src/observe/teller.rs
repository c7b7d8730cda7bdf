//! The side of a worker: a bounded ring that never waits for whoever reads it.

use std::cell::RefCell;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use rtrb::{Consumer, Producer, RingBuffer};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::entry::{Entry, Rest};
use super::names::{Learnt, NameId, Told, names};

/// Entries that may wait; more are lost and counted. At four reads a second that is some sixty thousand requests a second and worker.
pub(super) const RING: usize = 16 * 1024;
/// Entries that are put into the ring together. Its memory goes to and fro between cores: one at a time, each would wait for that.
const TOGETHER: usize = 32;
/// How long an entry waits for others to go with.
const SOON: Duration = Duration::from_millis(50);

/// Tells of the finished exchanges of one worker.
#[derive(Debug)]
pub(crate) struct Teller {
    at_hand: RefCell<AtHand>,
    /// There is something at hand, where there was nothing.
    is_due: Notify,
    lost: Counter,
    learnt: Learnt,
    attributes: Attributes,
}

/// What was told of and is in no ring yet, and the rings it goes into.
#[derive(Debug)]
struct AtHand {
    entries: Vec<Entry>,
    /// Of entries that have some, in the same order.
    rests: Vec<Rest>,
    ring: Producer<Entry>,
    rest_ring: Producer<Rest>,
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
    entries: Consumer<Entry>,
    rests: Consumer<Rest>,
    pub(super) names: Told,
}

/// Both ends.
pub(super) fn ring(attributes: Attributes, lost: Counter) -> (Teller, Ring) {
    let (ring, entries) = RingBuffer::new(RING);
    // There is room for the rest of an entry wherever there is for that, also while that of another is about to be read.
    let (rest_ring, rests) = RingBuffer::new(RING + 1);
    let (learnt, names) = names(RING + TOGETHER);
    let at_hand =
        AtHand { entries: Vec::with_capacity(TOGETHER), rests: Vec::with_capacity(TOGETHER), ring, rest_ring };
    let teller = Teller { at_hand: at_hand.into(), is_due: Notify::new(), lost, learnt, attributes };
    (teller, Ring { entries, rests, names })
}

impl Teller {
    /// Tell of an exchange, unless so many were told of lately that there is no room.
    pub(crate) fn tell(&self, mut entry: Entry, rest: Option<Rest>) {
        entry.has_rest = rest.is_some();
        let mut at_hand = self.at_hand.borrow_mut();
        at_hand.entries.push(entry);
        at_hand.rests.extend(rest);
        match at_hand.entries.len() {
            1 => self.is_due.notify_one(),
            TOGETHER => self.lost_are(at_hand.hand_over()),
            _ => {}
        }
    }

    /// Hand over what nothing else comes to go with, from now on.
    pub(crate) async fn keep_handing_over(&self) {
        loop {
            self.is_due.notified().await;
            sleep(SOON).await;
            self.hand_over();
        }
    }

    pub(super) fn hand_over(&self) {
        self.lost_are(self.at_hand.borrow_mut().hand_over());
    }

    fn lost_are(&self, count: usize) {
        if count > 0 {
            self.lost.inc_by(count as u64);
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

impl Drop for Teller {
    fn drop(&mut self) {
        self.hand_over();
    }
}

impl AtHand {
    /// Returns how many there was no room for.
    fn hand_over(&mut self) -> usize {
        let Self { entries, rests, ring, rest_ring } = self;
        let fit = entries.len().min(ring.slots());
        let rest_count = entries.iter().take(fit).filter(|entry| entry.has_rest).count();
        // They are there before any entry says that they are; without, none is told of, or all others would have the wrong ones.
        let there = rest_ring.write_chunk_uninit(rest_count).map_or(0, |room| {
            room.fill_from_iter(rests.drain(..rest_count));
            ring.push_partial_slice(entries.get(..fit).unwrap_or_default()).0.len()
        });
        let lost = entries.len() - there;
        entries.clear();
        rests.clear();
        lost
    }
}

impl Ring {
    /// The next entry; none where there is none now.
    pub(super) fn next(&mut self) -> Option<Entry> {
        self.entries.pop().ok()
    }

    /// The rest of the entry that was read last, which has some.
    pub(super) fn rest(&mut self) -> Option<Rest> {
        self.rests.pop().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::reading::tests::entry;
    use super::*;

    #[tokio::test]
    async fn what_nothing_comes_to_go_with_is_handed_over_all_the_same() {
        let (teller, mut ring) = ring(Attributes::new("auth.consumer", "auth.application"), Counter::default());
        teller.tell(entry(&teller, "ann"), None);
        assert!(ring.next().is_none());
        let read = async {
            while ring.next().is_none() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = teller.keep_handing_over() => unreachable!("it never ends"),
            read = tokio::time::timeout(Duration::from_secs(30), read) => read.unwrap(),
        }
    }

    #[test]
    fn an_entry_that_comes_while_the_rest_of_another_is_about_to_be_read_has_its_own() {
        let (teller, mut ring) = ring(Attributes::new("auth.consumer", "auth.application"), Counter::default());
        let tell = |name: usize| {
            teller.tell(entry(&teller, "ann"), Some(Rest { name: Some(name.to_string().into()), ..Rest::default() }));
        };
        (0..RING).for_each(tell);
        ring.next().unwrap();
        tell(RING);
        teller.hand_over();
        let mut names = vec![ring.rest().unwrap().name];
        while ring.next().is_some() {
            names.push(ring.rest().unwrap().name);
        }
        let expected: Vec<_> = (0..=RING).map(|name| Some(name.to_string().into())).collect();
        assert_eq!(names, expected);
    }
}
