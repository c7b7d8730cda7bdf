//! The traits a policy implements, one for each export of the contract.

use crate::{BodyEdits, ChunkEdits, Direction, Failure, Head, Interest, Records, Response, Verdict};
use serde::de::DeserializeOwned;

/// A configured policy: its type is the shape of its configuration.
///
/// A new instance is deserialised from the operator's configuration, [`check`](Self::check)ed and asked for its
/// [`interest`](Self::interest), all before any hook. Of the capabilities only [`log`](crate::log) may be used
/// meanwhile.
pub trait Policy: DeserializeOwned {
    /// Everything the policy will read, write and reach; asking for more than the operator granted refuses the policy.
    fn interest(&self) -> Interest;

    /// Faults that deserialising cannot see, such as two settings that contradict each other. Report all of them.
    fn check(&self) -> Result<(), Vec<ConfigError>> {
        Ok(())
    }
}

/// Deciding about requests.
pub trait RequestPhase: Policy {
    /// Called once for each request, when its head is complete and before any of its body is read.
    fn on_request(&self, head: &Head<'_>) -> Verdict;
}

/// Deciding about responses.
pub trait ResponsePhase: Policy {
    /// Called once for each response, when its head is complete; `state` is what this policy carried last, empty if
    /// nothing.
    fn on_response(&self, head: &Head<'_>, state: &[u8]) -> Verdict;
}

/// Reading and changing bodies. Implement the hook of the mode the interest names; the other fails with
/// [`Failure::Internal`].
pub trait BodyPhase: Policy {
    /// Buffered mode: called at most once per direction with the whole body, while the head can still be edited;
    /// `state` is what this policy carried last, empty if nothing.
    fn on_body(&self, _direction: Direction, _body: &[u8], _state: &[u8]) -> Verdict<BodyEdits> {
        Failure::Internal.into()
    }

    /// Chunked mode: called for each piece and, with `last` and possibly no bytes, at the end. `state` is what the call
    /// before carried, at the beginning of a body what this policy carried last, empty if nothing.
    fn on_chunk(&self, _direction: Direction, _chunk: &[u8], _last: bool, _state: &[u8]) -> Verdict<ChunkEdits> {
        Failure::Internal.into()
    }
}

/// Being the upstream: a policy that makes the response itself.
pub trait Responder: Policy {
    /// Called once for each request routed to the responder, with the whole body.
    fn respond(&self, head: &Head<'_>, body: &[u8]) -> Result<Response, Failure>;
}

/// Looking at finished exchanges, in batches, before anything of them is kept.
pub trait Observer: Policy {
    /// Called with some that ended lately. Columns that are rewritten take the place of those of their names; on a failure
    /// the operator decides whether they are kept as they were or not at all.
    ///
    /// # Errors
    /// Why it could not do its work.
    fn on_records(&self, records: &mut Records) -> Result<(), Failure>;
}

/// One fault in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Where, in the form `rules[2].name`; empty for the whole.
    pub path: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl ConfigError {
    /// A fault at `path`, written `rules[2].name`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Idle;

    impl Policy for Idle {
        fn interest(&self) -> Interest {
            Interest::new()
        }
    }

    impl BodyPhase for Idle {}

    #[test]
    fn a_body_hook_that_is_not_written_decides_nothing() {
        assert_eq!(Idle.on_body(Direction::Request, b"", b""), Verdict::Fail(Failure::Internal));
        assert_eq!(Idle.on_chunk(Direction::Request, b"", true, b""), Verdict::Fail(Failure::Internal));
    }
}
