//! Label values that are known when the program is built, and tables of counters indexed by them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A small closed set of label values.
pub(crate) trait Label: Copy {
    /// The values, in the order of the indexes.
    const NAMES: &'static [&'static str];

    fn index(self) -> usize;

    fn name(self) -> &'static str {
        Self::NAMES[self.index()]
    }
}

/// Which hook of a policy was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hook {
    Request,
    Response,
    Body,
    Chunk,
    Responder,
    Records,
}

impl Label for Hook {
    const NAMES: &'static [&'static str] = &["request", "response", "body", "chunk", "responder", "records"];

    fn index(self) -> usize {
        self as usize
    }
}

/// How the call of a hook ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallOutcome {
    Pass,
    Edit,
    Respond,
    /// The policy said that it failed.
    Fail,
    Trap,
    /// Out of time or memory.
    Limit,
    /// The host refused what the policy asked for.
    Refused,
    /// No instance could be had.
    Busy,
    /// It was not called, because it failed again and again.
    Paused,
    /// It wanted keys that were on their way, and was called again when they were there.
    Waited,
}

impl Label for CallOutcome {
    const NAMES: &'static [&'static str] =
        &["pass", "edit", "respond", "fail", "trap", "limit", "refused", "busy", "paused", "waited"];

    fn index(self) -> usize {
        self as usize
    }
}

/// Why a client got no request through to where requests are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There were as many connections as there may be.
    Connections,
    /// Its address had as many as it may have.
    Address,
    /// No PROXY header where there has to be one, or one that is wrong.
    ProxyHeader,
    /// The TLS handshake failed.
    Tls,
    /// A head that is not HTTP/1.1, or whose framing could be read in two ways.
    Malformed,
    HeadTooLarge,
    /// A connection error of HTTP/2, floods included.
    Http2,
    /// The handshake or the head took too long. Not seen where no more comes than what HTTP/2 without TLS is told from.
    Slow,
    /// Too many requests were given up before they were answered.
    Resets,
    /// It left in the middle of a handshake or of a head.
    Left,
}

impl Label for Refusal {
    const NAMES: &'static [&'static str] = &[
        "connections",
        "address",
        "proxy_header",
        "tls",
        "malformed",
        "head_too_large",
        "http2",
        "slow",
        "resets",
        "left",
    ];

    fn index(self) -> usize {
        self as usize
    }
}

/// Why an instance was thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retirement {
    /// It has served its number of calls.
    Calls,
    /// Its memory passed the high-water mark.
    Memory,
    Trap,
    Timeout,
    /// It answered what it may not.
    Refused,
    /// A newer generation took its place.
    Replaced,
    /// It had its one call.
    Isolation,
}

impl Label for Retirement {
    const NAMES: &'static [&'static str] = &["calls", "memory", "trap", "timeout", "refused", "replaced", "isolation"];

    fn index(self) -> usize {
        self as usize
    }
}

/// How a reload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReloadOutcome {
    Applied,
    Rejected,
}

impl Label for ReloadOutcome {
    const NAMES: &'static [&'static str] = &["applied", "rejected"];

    fn index(self) -> usize {
        self as usize
    }
}

/// One counter per value of a label, side by side; `N` is the number of values.
#[derive(Debug)]
pub(super) struct Counts<const N: usize>([AtomicU64; N]);

impl<const N: usize> Default for Counts<N> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl<const N: usize> Counts<N> {
    pub(super) fn inc(&self, index: usize) {
        self.add(index, 1);
    }

    pub(super) fn add(&self, index: usize, count: u64) {
        self.0[index].fetch_add(count, Relaxed);
    }

    /// Index and count of those that were ever counted; the others would only lengthen the answer.
    pub(super) fn counted(&self) -> impl Iterator<Item = (usize, u64)> {
        self.0.iter().map(|count| count.load(Relaxed)).enumerate().filter(|(_, count)| *count > 0)
    }
}
