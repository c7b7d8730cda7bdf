//! What policies that take tokens share: finding one in a request, reading it strictly, checking what it claims, refusing it, and
//! passing on what it says.
//!
//! The order is that of the types. [`Jws`] is text in three parts, [`Signed`] one whose header asks for nothing that is refused, and
//! only a signature that was verified gives [`Claims`]. Nothing here writes a token, or a part of one, into an answer or a log,
//! and no type that holds one has a `Debug` that shows it.

mod algorithms;
mod claims;
mod credentials;
pub mod json;
mod jws;
mod names;
mod passing;
mod refusal;

pub use algorithms::{Algorithms, algorithm_named};
pub use claims::{Claims, Times};
pub use credentials::{Credentials, Scheme, credentials};
pub use jws::{Jws, Signed};
pub use names::{Allowed, ClaimPath, Scope, Strings, named_or_any};
pub use passing::{Passing, default_attributes};
pub use refusal::{Challenge, Refusal};
