//! What the gateway tells about itself: metrics, traces, and one access record per request. It reads requests and changes none.

pub(crate) mod access_log;
pub(crate) mod account;
mod id;
pub(crate) mod load;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod otlp;
mod span;
mod timestamp;

pub(crate) use id::RequestId;
pub(crate) use span::{SpanContext, TRACEPARENT};
pub(crate) use timestamp::rfc3339;

/// Who a request's end is owed to: nobody, or the party to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    Client,
    /// A policy said no.
    Policy,
    /// A policy broke.
    Plugin,
    Upstream,
    Gateway,
}

impl metrics::Label for Outcome {
    const NAMES: &'static [&'static str] = &["ok", "client", "policy", "plugin", "upstream", "gateway"];

    fn index(self) -> usize {
        self as usize
    }
}
