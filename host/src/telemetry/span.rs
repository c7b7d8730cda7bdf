//! Where something stands in a trace: its own id, that of what it belongs to, and whether it is recorded (W3C Trace Context).

use std::fmt;

use http::{HeaderName, HeaderValue};

/// The field that tells a server who asks it.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// One step of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpanContext {
    pub(crate) trace: u128,
    pub(crate) span: u64,
    /// None where the trace begins.
    pub(crate) parent: Option<u64>,
    pub(crate) flags: u8,
}

impl SpanContext {
    pub(crate) const SAMPLED: u8 = 0b01;

    pub(crate) fn is_sampled(self) -> bool {
        self.flags & Self::SAMPLED != 0
    }

    /// A step within this one.
    pub(crate) fn child(self) -> Self {
        // No id is zero; one that is not random is still one.
        let span = getrandom::u64().unwrap_or_default().max(1);
        Self { span, parent: Some(self.span), ..self }
    }

    /// The value of [`TRACEPARENT`] for whoever is asked in this step.
    pub(crate) fn traceparent(self) -> Option<HeaderValue> {
        HeaderValue::try_from(self.to_string()).ok()
    }
}

/// As in traceparent (section 3.2).
impl fmt::Display for SpanContext {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}
