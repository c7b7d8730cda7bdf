//! Why a message does not go on, and the answer that says so without showing any of it.

use lockgate_json::rewrite::Stop;
use lockgate_sdk::{Direction, Failure, Problem, Response, Verdict, log, metrics};

/// Why a message does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It holds what may not pass.
    Blocked,
    /// It cannot be read, so nobody knows what it holds.
    Unreadable(&'static str),
    /// A part of it is longer than what is kept.
    TooLong(&'static str),
    /// No pseudonym could be made.
    Key,
    /// The gateway does not give what the configuration needs.
    Internal,
}

impl Refusal {
    /// The verdict for it. What a client sent that cannot be read is its own doing; what an upstream sent is a bad gateway
    /// to the client, whatever is wrong with it; what may not pass is forbidden to who asks in any case.
    pub(crate) fn verdict<E>(self, direction: Direction) -> Verdict<E> {
        let (status, title, kind, detail) = match self {
            Self::Blocked => (403, "Forbidden", "personal_data_blocked", "it holds data that may not pass"),
            Self::Unreadable(why) => (502, "Bad Gateway", "unreadable", why),
            Self::TooLong(why) => (413, "Content Too Large", "too_long", why),
            Self::Key => {
                log::warn("no pseudonym can be made: the keys that `pseudonyms` names do not sign with HS256 now");
                return Failure::Dependency.into();
            }
            Self::Internal => return Failure::Internal.into(),
        };
        metrics::count("refused", 1, &[("why", kind)]);
        let (status, title, detail) = match (direction, self) {
            (Direction::Request, Self::Unreadable(why)) => {
                log::debug(&format!("the request is refused: {why}"));
                return Failure::BadInput.into();
            }
            // The beginning of a request may have reached the upstream by now, so it is not said that nothing has.
            (Direction::Request, _) => (status, title, format!("The request is refused: {detail}.")),
            (Direction::Response, Self::Blocked) => {
                (status, title, format!("The response is not passed on: {detail}."))
            }
            (Direction::Response, _) => (502, "Bad Gateway", format!("The response is not passed on: {detail}.")),
        };
        let kind = format!("urn:problem-type:lockgate:{kind}");
        Response::from(Problem::new(status, title).kind(&kind).detail(&detail)).into()
    }
}

impl From<Stop> for Refusal {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Malformed { .. } => Self::Unreadable("it is not JSON in UTF-8 (RFC 8259)"),
            Stop::Incomplete => Self::Unreadable("it ends before its JSON does (RFC 8259)"),
            Stop::Beyond(_) => Self::TooLong("it is nested too deeply, or the name of a member is too long"),
            Stop::Blocked => Self::Blocked,
        }
    }
}
