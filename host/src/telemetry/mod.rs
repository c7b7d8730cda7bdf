//! What the gateway tells about itself: metrics, traces, and one access record per request. It reads requests and changes none.

pub(crate) mod access_log;
pub(crate) mod account;
mod class;
pub(crate) mod counted;
mod id;
pub(crate) mod load;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod otlp;
mod span;
mod timestamp;
pub(crate) mod trail;

pub(crate) use class::CLASSES;
pub(crate) use id::RequestId;
pub(crate) use span::{SpanContext, TRACEPARENT};
pub(crate) use timestamp::{date, rfc3339};

/// Who is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Blame {
    /// The request was wrong.
    Client,
    /// A policy said no.
    Policy,
    /// A policy broke.
    Plugin,
    /// The upstream did not answer as it should.
    Upstream,
    /// We did.
    Gateway,
}

impl Blame {
    pub(crate) fn as_str(self) -> &'static str {
        metrics::Label::name(Outcome::Fault(self))
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Ok,
    Fault(Blame),
}

impl From<Blame> for Outcome {
    fn from(blame: Blame) -> Self {
        Self::Fault(blame)
    }
}

impl metrics::Label for Outcome {
    const NAMES: &'static [&'static str] = &["ok", "client", "policy", "plugin", "upstream", "gateway"];

    fn index(self) -> usize {
        match self {
            Self::Ok => 0,
            Self::Fault(Blame::Client) => 1,
            Self::Fault(Blame::Policy) => 2,
            Self::Fault(Blame::Plugin) => 3,
            Self::Fault(Blame::Upstream) => 4,
            Self::Fault(Blame::Gateway) => 5,
        }
    }
}
