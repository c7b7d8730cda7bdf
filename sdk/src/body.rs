//! What a policy decided about a body or a piece of one.

use crate::{Failure, Response};

/// Which way a body travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the upstream.
    Request,
    /// From the upstream to the client.
    Response,
}

/// What a policy decided about a body or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Action {
    /// Keep the bytes; nothing is copied back.
    Pass,
    /// Change pieces, ascending and not overlapping. Needs access `edit`.
    Splice(Vec<Splice>),
    /// Other bytes instead. Needs access `edit`.
    Replace(Vec<u8>),
    /// Answer with this instead. Needs [`Interest::may_respond`](crate::Interest::may_respond). Where the head of the response has
    /// already left, the host cuts the connection.
    Respond(Response),
    /// No decision was possible.
    Fail(Failure),
}

/// Replace `remove` bytes at `offset` by `insert`; offsets count in the bytes given to this call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// First byte replaced.
    pub offset: u32,
    /// Number of bytes dropped.
    pub remove: u32,
    /// Bytes put there.
    pub insert: Vec<u8>,
}

impl From<Response> for Action {
    fn from(response: Response) -> Self {
        Self::Respond(response)
    }
}

impl From<Failure> for Action {
    fn from(failure: Failure) -> Self {
        Self::Fail(failure)
    }
}
