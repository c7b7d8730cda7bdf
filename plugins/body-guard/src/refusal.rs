//! Why a body is refused, and the answer; never shows any of the body.

use crate::limit::Limit;
use lockgate_sdk::Response;

/// Why a body is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The byte at this offset, counted from 0, cannot stand there (RFC 8259 section 2).
    Malformed { offset: u64 },
    /// The body ends inside a value, or holds none.
    Incomplete,
    /// More than the limit allows.
    Beyond { limit: Limit, most: u32 },
    /// More bytes are announced than may come.
    TooLong { max_bytes: u64 },
}

impl Refusal {
    /// One word for metrics.
    pub(crate) fn why(self) -> &'static str {
        match self {
            Self::Malformed { .. } | Self::Incomplete => "malformed",
            Self::Beyond { limit, .. } => limit.key(),
            Self::TooLong { .. } => "max_bytes",
        }
    }

    /// What the client is told: 400 for what is no JSON, 413 for too much of it.
    pub(crate) fn response(self) -> Response {
        match self {
            Self::Malformed { offset } => {
                malformed(&format!("The byte at offset {offset} cannot stand there (RFC 8259)."))
            }
            Self::Incomplete => malformed("The body ends before its JSON value does (RFC 8259)."),
            Self::Beyond { limit, most } => too_large(limit.key(), u64::from(most)),
            Self::TooLong { max_bytes } => too_large("max_bytes", max_bytes),
        }
    }
}

fn malformed(detail: &str) -> Response {
    Response::problem(400, "Malformed JSON", detail)
}

fn too_large(key: &str, most: u64) -> Response {
    let detail = format!("The body goes beyond the limit {key} = {most}.");
    Response::problem(413, "Content too large", &detail)
}
