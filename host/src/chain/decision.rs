//! What a verdict comes to, once it was found allowed and its changes were made.

use bytes::Bytes;
use http::Response;

use super::edits::Writes;
use crate::exchange::Body;
use crate::sandbox::{Failure, PluginFault, Verdict};

/// What to do; `T` is what goes on changed.
pub(super) enum Decision<T> {
    Go(T),
    /// Boxed: a response is large, and nearly every decision is something else.
    Answer(Box<Response<Body>>),
    Failed(Failure),
}

/// A body, or a piece of one, that goes on. What is absent stays as it was.
#[derive(Default)]
pub(super) struct Passed {
    pub(super) bytes: Option<Bytes>,
    /// For the policy's next hook.
    pub(super) state: Option<Vec<u8>>,
}

impl<T: Default> Decision<T> {
    /// Of a hook that may write what `writes` says. Its changes are made by `edit`.
    pub(super) fn of<E>(
        verdict: Verdict<E>,
        writes: &Writes,
        edit: impl FnOnce(E) -> Result<T, PluginFault>,
    ) -> Result<Self, PluginFault> {
        Ok(match verdict {
            Verdict::Pass => Self::Go(T::default()),
            Verdict::Edit(edits) => Self::Go(edit(edits)?),
            Verdict::Respond(response) => Self::Answer(Box::new(writes.answer(response)?)),
            Verdict::Fail(failure) => Self::Failed(failure),
        })
    }
}
