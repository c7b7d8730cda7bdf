//! Why an exchange could not go its way: whose fault, of what kind, and what the client is told.

use std::error::Error;
use std::fmt;

use http::{HeaderValue, StatusCode};

use super::BodyError;
use super::coding::CodingError;
use crate::telemetry::Blame;

#[derive(Debug, thiserror::Error)]
#[error("{place}")]
struct At {
    place: String,
    source: Option<Box<dyn Error>>,
}

/// One failure of one exchange. Built where it happens, turned into a response in one place (`serve::respond`).
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) blame: Blame,
    /// Stable word for logs and metrics, such as `upstream_timeout_connect`.
    pub(crate) class: &'static str,
    pub(crate) status: StatusCode,
    /// What the client is told: never anything of our insides.
    pub(crate) detail: &'static str,
    /// `Allow` of a 405.
    pub(crate) allow: Option<HeaderValue>,
    /// What the log is told.
    source: Option<Box<dyn Error>>,
}

impl Fault {
    pub(crate) fn client(status: StatusCode, class: &'static str, detail: &'static str) -> Self {
        Self::new(Blame::Client, status, class, detail)
    }

    pub(crate) fn upstream(status: StatusCode, class: &'static str, detail: &'static str) -> Self {
        Self::new(Blame::Upstream, status, class, detail)
    }

    /// A request body could not be read to its end.
    pub(crate) fn unread(error: BodyError) -> Self {
        match error {
            BodyError::TooLong => {
                Self::client(StatusCode::PAYLOAD_TOO_LARGE, "body_too_long", "The request body is too long.")
            }
            BodyError::Idle | BodyError::Deadline => {
                let class = if matches!(error, BodyError::Idle) { "timeout_body" } else { "timeout_total" };
                let detail = "The request body did not arrive in time.";
                Self::client(StatusCode::REQUEST_TIMEOUT, class, detail)
            }
            BodyError::Coded(CodingError::Expanded) => Self::client(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_expanded",
                "The request body is too long for what was sent of it.",
            ),
            BodyError::Coded(CodingError::Malformed(_)) => {
                let detail = "The request body is not in the content coding it is said to be in.";
                Self::client(StatusCode::BAD_REQUEST, "body_coding", detail).because(error)
            }
            other => {
                let detail = "The request body ended early.";
                Self::client(StatusCode::BAD_REQUEST, "body_broken", detail).because(other)
            }
        }
    }

    /// A response body could not be read to its end.
    pub(crate) fn unread_response(error: BodyError) -> Self {
        let detail = "The response of the upstream could not be read.";
        let status = match error {
            BodyError::Idle | BodyError::Deadline => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::BAD_GATEWAY,
        };
        Self::upstream(status, error.class(), detail).because(error)
    }

    /// A policy answered `fail(bad-input)`: it could not understand the client's message.
    pub(crate) fn bad_input() -> Self {
        Self::new(Blame::Client, StatusCode::BAD_REQUEST, "policy_bad_input", "The request could not be understood.")
    }

    /// A policy could not decide, and the operator did not say to go on without it.
    pub(crate) fn undecided(class: &'static str) -> Self {
        Self::new(
            Blame::Policy,
            StatusCode::SERVICE_UNAVAILABLE,
            class,
            "A policy could not decide about this request.",
        )
    }

    /// A policy broke.
    pub(crate) fn plugin(class: &'static str) -> Self {
        Self::new(
            Blame::Plugin,
            StatusCode::SERVICE_UNAVAILABLE,
            class,
            "A policy failed while it looked at this exchange.",
        )
    }

    /// There is more to do than there may be.
    pub(crate) fn overloaded() -> Self {
        let detail = "The gateway has too many requests to answer.";
        Self::new(Blame::Gateway, StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail)
    }

    /// No version of the route can be used.
    pub(crate) fn unavailable() -> Self {
        let detail = "The gateway cannot serve this route as it is configured.";
        Self::new(Blame::Gateway, StatusCode::SERVICE_UNAVAILABLE, "route_unavailable", detail)
    }

    pub(crate) fn gateway(class: &'static str) -> Self {
        Self::new(
            Blame::Gateway,
            StatusCode::INTERNAL_SERVER_ERROR,
            class,
            "The gateway could not handle this request.",
        )
    }

    pub(crate) fn because(mut self, source: impl Into<Box<dyn Error>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Tell the log where it came to pass too.
    pub(crate) fn at(mut self, place: String) -> Self {
        self.source = Some(Box::new(At { place, source: self.source.take() }));
        self
    }

    pub(crate) fn allowing(mut self, methods: HeaderValue) -> Self {
        self.allow = Some(methods);
        self
    }

    fn new(blame: Blame, status: StatusCode, class: &'static str, detail: &'static str) -> Self {
        Self { blame, class, status, detail, allow: None, source: None }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.class, self.blame.as_str())
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref()
    }
}

/// All causes of an error, outermost first, for the log.
pub(crate) struct Chain<'a>(pub(crate) &'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
