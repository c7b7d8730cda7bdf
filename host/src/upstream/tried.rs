//! One try of a target, and the trace it is told of, noted only where the exchange keeps an account.

use std::time::Instant;

use http::{HeaderMap, StatusCode};

use super::Upstream;
use crate::telemetry::account::{Account, Try};
use crate::telemetry::{SpanContext, TRACEPARENT};

/// A try that has begun; nothing where nobody wants to know.
#[must_use = "a try is told of when it has ended"]
pub(super) struct Tried<'a>(Option<Begun<'a>>);

struct Begun<'a> {
    account: &'a Account,
    upstream: &'a Upstream,
    target: usize,
    span: Option<SpanContext>,
    begun: Instant,
}

impl<'a> Tried<'a> {
    /// `headers` are those of the request that is to be sent.
    pub(super) fn begin(
        account: Option<&'a Account>,
        upstream: &'a Upstream,
        target: usize,
        headers: &mut HeaderMap,
    ) -> Self {
        Self(account.map(|account| {
            let span = account.next_try();
            if let Some(value) = span.and_then(SpanContext::traceparent) {
                headers.insert(TRACEPARENT, value);
            }
            Begun { account, upstream, target, span, begun: Instant::now() }
        }))
    }

    /// With what was answered, or the class of the fault.
    pub(super) fn end(self, end: Result<StatusCode, &'static str>) {
        let Some(Begun { account, upstream, target, span, begun }) = self.0 else { return };
        let settings = &upstream.settings;
        let target = settings.targets.get(target).map(|declared| declared.target.to_string()).unwrap_or_default();
        account.tried(Try { upstream: settings.name.clone(), target, end, span, begun, took: begun.elapsed() });
    }
}
