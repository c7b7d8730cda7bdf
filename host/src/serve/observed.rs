//! What is gathered about every request for those who keep account of all of them: nothing that takes memory.

use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroU128};
use std::time::Duration;

use http::Method;

use super::Begun;
use super::line::Completion;
use crate::exchange::Exchange;
use crate::observe::{Entry, NameId, Rest, Teller, Verb};
use crate::telemetry::RequestId;
use crate::telemetry::trail::Calls;

/// One request.
#[derive(Clone, Copy)]
pub(super) struct Observed {
    method: Verb,
    client: Option<IpAddr>,
    trace: Option<NonZeroU128>,
    consumer: Option<NameId>,
    application: Option<NameId>,
    pub(super) retries: u8,
}

impl Observed {
    pub(super) fn new(begun: &Begun<'_>, method: &Method) -> Self {
        let (client, trace) = (begun.asker.client, begun.trace.and_then(|here| NonZeroU128::new(here.trace)));
        Self { method: method.into(), client, trace, consumer: None, application: None, retries: 0 }
    }

    /// Who asked, as far as policies have found out.
    pub(super) fn knows(&mut self, teller: &Teller, exchange: &Exchange) {
        (self.consumer, self.application) = teller.who(exchange.attributes());
    }

    pub(super) fn tell(&self, teller: &Teller, completion: &Completion<'_>, generation: u64, calls: Option<Calls>) {
        let Completion { id, route, status, class, blame, bytes_in, bytes_out, ended, duration, times } = completion;
        let (number, name) = match id {
            RequestId::Number(number) => (*number, None),
            RequestId::Given(name) => (0, Some(name.clone())),
        };
        let calls = calls.filter(|calls| !calls.is_empty());
        let is_all = name.is_none() && self.trace.is_none() && calls.is_none();
        let rest = (!is_all).then(|| Rest { name, trace: self.trace, calls: calls.unwrap_or_default() });
        let entry = Entry {
            ended: ended.into_std(),
            number,
            operation: route.map(|route| route.operation),
            consumer: self.consumer,
            application: self.application,
            generation: u32::try_from(generation).unwrap_or(u32::MAX),
            method: self.method,
            status: Some(*status),
            class,
            outcome: *blame,
            total_us: micros(*duration),
            upstream_us: times.upstream.map(|took| NonZeroU32::new(micros(took)).unwrap_or(NonZeroU32::MIN)),
            policy_us: micros(times.policies),
            gateway_us: micros(times.own(*duration)),
            bytes_in: *bytes_in,
            bytes_out: *bytes_out,
            retries: self.retries,
            client: self.client,
            has_rest: false,
        };
        teller.tell(entry, rest);
    }
}

/// Up to an hour and eleven minutes.
fn micros(time: Duration) -> u32 {
    let micros = time.as_secs().saturating_mul(1_000_000) + u64::from(time.subsec_micros());
    u32::try_from(micros).unwrap_or(u32::MAX)
}
