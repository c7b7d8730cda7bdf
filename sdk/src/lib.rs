//! What the author of a policy sees: traits to implement, views and builders for their arguments, and `export!`.
//!
//! The same source runs in two places. Built for `wasm32-unknown-unknown` it becomes a module that `lockgate-build`
//! turns into a component; built natively, its capabilities are the doubles in [`testing`], so that `cargo test` needs
//! neither a gateway nor Wasm.
#![doc = ""]
#![doc = include_str!("../README.md")]
// The tests of the README are run as `tests/readme.rs` and `tests/guard.rs`.
#![allow(clippy::test_attr_in_doctest)]

pub mod attributes;
#[doc(hidden)]
#[cfg(target_family = "wasm")]
pub mod bindings;
mod body;
mod capability;
mod configure;
mod edits;
#[doc(hidden)]
pub mod export;
mod head;
mod interest;
pub mod names;
mod packed;
mod policy;
mod records;
mod response;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
pub mod times;
mod verdict;

pub use body::{BodyEdits, Change, ChunkEdits, Direction, MOST_HELD, Splices};
pub use capability::{clock, consumers, crypto, egress, limiter, log, metrics, random, store};
pub use edits::Edits;
pub use head::{Fields, Head};
pub use interest::{BodyAccess, BodyInterest, BodyMode, Interest, OtherTypes, StoreInterest};
pub use policy::{BodyPhase, ConfigError, Observer, Policy, RequestPhase, Responder, ResponsePhase};
pub use records::Records;
pub use response::{Problem, Response};
pub use verdict::{Failure, Verdict};

/// Everything a policy usually needs, for `use lockgate_sdk::prelude::*`.
pub mod prelude {
    pub use crate::{
        BodyEdits, BodyInterest, BodyPhase, Change, ChunkEdits, ConfigError, Direction, Edits, Failure, Head, Interest,
        Observer, Policy, Records, RequestPhase, Responder, Response, ResponsePhase, Splices, Verdict,
    };
    pub use crate::{clock, consumers, crypto, egress, limiter, log, metrics, random, store};
    pub use serde::Deserialize;
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_readme_shows_the_policy_that_is_tested() {
        for tested in [include_str!("../tests/readme.rs"), include_str!("../tests/guard.rs")] {
            let (_, policy) = tested.split_once("\n\n").unwrap();
            assert!(include_str!("../README.md").contains(policy));
        }
    }
}
