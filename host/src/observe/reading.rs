//! How entries become finished requests: what their numbers stand for, and when it was.

use std::num::{NonZeroU32, NonZeroU128};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::column::Batch;
use super::entry::{Entry, Rest};
use super::names::{Catalog, OperationId};
use super::teller::Ring;
use crate::report::{Called, Client, Finished, OTHER, Operation};
use crate::telemetry::RequestId;
use crate::telemetry::trail::Call;

/// What numbers in entries stand for, while some are read.
pub(super) struct Reading<'a> {
    catalog: &'a Catalog,
    policies: Vec<Arc<str>>,
    /// The same moment by both clocks.
    clock: (Instant, SystemTime),
}

/// Now, by the clock that only goes on and by that of the machine.
fn clocks() -> (Instant, SystemTime) {
    (Instant::now(), SystemTime::now())
}

impl<'a> Reading<'a> {
    pub(super) fn new(catalog: &'a Catalog) -> Self {
        Self { catalog, policies: catalog.policies(), clock: clocks() }
    }

    /// Another batch.
    pub(super) fn begins(&mut self) {
        self.clock = clocks();
    }

    /// What waits in a ring, of which so much is left to read, as far as the batch has room.
    pub(super) fn read(&mut self, ring: &mut Ring, left: &mut usize, batch: &mut Batch) {
        let mut last: Option<(OperationId, Arc<Operation>)> = None;
        while *left > 0
            && !batch.is_full()
            && let Some(entry) = ring.next()
        {
            *left -= 1;
            let operation = entry.operation.and_then(|id| match &last {
                Some((known, operation)) if *known == id => Some(operation.clone()),
                _ => last.insert((id, self.catalog.get(id)?)).1.clone().into(),
            });
            let mut finished = self.finished(&entry, operation, ring);
            if entry.has_rest
                && let Some(rest) = ring.rest()
            {
                self.complete(&mut finished, rest);
            }
            batch.push(finished, entry.client);
        }
    }

    fn finished(&self, entry: &Entry, operation: Option<Arc<Operation>>, ring: &mut Ring) -> Finished {
        let (run, time) = self.clock;
        let ago = run.saturating_duration_since(entry.ended);
        Finished {
            time: time.checked_sub(ago).unwrap_or(time),
            request: RequestId::Number(entry.number),
            trace: None,
            operation,
            consumer: entry.consumer.and_then(|id| ring.names.get(id)),
            application: entry.application.and_then(|id| ring.names.get(id)),
            method: entry.method.as_str(),
            status: entry.status.map(|status| status.as_u16()),
            class: entry.class,
            outcome: entry.outcome,
            total_us: entry.total_us.into(),
            upstream_us: entry.upstream_us.map(NonZeroU32::get).map(u64::from),
            policy_us: entry.policy_us.into(),
            gateway_us: entry.gateway_us.into(),
            bytes_in: entry.bytes_in,
            bytes_out: entry.bytes_out,
            retries: entry.retries.into(),
            generation: entry.generation.into(),
            client: entry.client.map(Client::from),
            calls: Vec::new(),
            calls_left_out: 0,
        }
    }

    /// With what is known of it besides.
    fn complete(&mut self, finished: &mut Finished, rest: Rest) {
        let Rest { name, trace, calls } = rest;
        // Of a generation that came since the names were read.
        if calls.iter().any(|call| usize::from(call.policy.0) >= self.policies.len()) {
            self.policies = self.catalog.policies();
        }
        let call = |call: &Call| {
            let Call { policy, hook, outcome, took_us } = *call;
            let policy = self.policies.get(usize::from(policy.0)).cloned().unwrap_or_else(|| OTHER.into());
            Called { policy, hook, outcome, took_us: took_us.into() }
        };
        if let Some(name) = name {
            finished.request = RequestId::Given(name);
        }
        finished.trace = trace.map(NonZeroU128::get);
        finished.calls = calls.iter().map(call).collect();
        finished.calls_left_out = calls.left_out();
    }
}

#[cfg(test)]
pub(super) mod tests {
    use http::{Method, StatusCode};
    use prometheus_client::metrics::counter::Counter;

    use super::super::teller::{Attributes, RING, Teller, ring};
    use super::*;
    use crate::telemetry::Outcome;
    use crate::telemetry::metrics::{CallOutcome, Hook};
    use crate::telemetry::trail::Calls;

    pub(in super::super) fn entry(teller: &Teller, consumer: &str) -> Entry {
        let (consumer, application) = teller.who([(&b"auth.consumer"[..], consumer.as_bytes())].into_iter());
        Entry {
            ended: Instant::now(),
            number: 1,
            operation: None,
            consumer,
            application,
            generation: 1,
            method: (&Method::GET).into(),
            status: Some(StatusCode::OK),
            class: "ok",
            outcome: Outcome::Ok,
            total_us: 1000,
            upstream_us: NonZeroU32::new(900),
            policy_us: 10,
            gateway_us: 90,
            bytes_in: 0,
            bytes_out: 100,
            retries: 0,
            client: None,
            has_rest: false,
        }
    }

    /// One of which little is known.
    pub(in super::super) fn finished() -> Finished {
        let (teller, mut ring) = ring(Attributes::new("auth.consumer", "auth.application"), Counter::default());
        Reading::new(&Catalog::default()).finished(&entry(&teller, "ann"), None, &mut ring)
    }

    #[test]
    fn what_is_known_besides_goes_with_the_entry_it_belongs_to() {
        let (teller, mut ring) = ring(Attributes::new("auth.consumer", "auth.application"), Counter::default());
        let catalog = Catalog::default();
        let policy = catalog.policy(&"jwt".into());
        let rest = |name: &str| {
            let mut calls = Calls::default();
            calls.add(Call { policy, hook: Hook::Request, outcome: CallOutcome::Pass, took_us: 7 });
            Rest { name: Some(name.into()), trace: NonZeroU128::new(0xb2), calls }
        };
        // Also where some are lost.
        let tell = |which: std::ops::Range<usize>| {
            for at in which {
                teller.tell(entry(&teller, "ann"), (at % 3 == 0).then(|| rest(&at.to_string())));
            }
        };
        let mut reading = Reading::new(&catalog);
        for _ in 0..2 {
            // The last that are handed over together fit in part.
            tell(0..5);
            teller.hand_over();
            tell(5..RING + 5);
            teller.hand_over();
            let (mut batch, mut left, mut read) = (Batch::default(), usize::MAX, 0);
            loop {
                batch.clear();
                reading.read(&mut ring, &mut left, &mut batch);
                for record in batch.records() {
                    let (name, policies) = (record.request.to_string(), record.calls.iter().map(|call| &*call.policy));
                    match read % 3 {
                        0 => assert_eq!((name, record.trace), (read.to_string(), Some(0xb2))),
                        _ => assert_eq!((name, record.trace), (RequestId::Number(1).to_string(), None)),
                    }
                    assert_eq!(policies.collect::<Vec<_>>(), if read % 3 == 0 { vec!["jwt"] } else { vec![] });
                    read += 1;
                }
                if batch.records().is_empty() {
                    break;
                }
            }
            assert_eq!(read, RING);
        }
    }
}
