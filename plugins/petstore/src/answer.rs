//! Ends of a request other than its success.

use lockgate_sdk::{Failure, Response, store};

/// Why a request goes no further.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The client is told.
    Answer(Response),
    /// The gateway decides what the client is told.
    Fail(Failure),
}

impl From<Response> for Stop {
    fn from(response: Response) -> Self {
        Self::Answer(response)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Fail(failure)
    }
}

impl From<store::Error> for Stop {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Limit => Self::Answer(Response::problem(507, "Store full", "The store holds no more.")),
            store::Error::Unavailable => Self::Fail(Failure::Dependency),
            store::Error::Denied | store::Error::NotACounter => Self::Fail(Failure::Internal),
        }
    }
}
