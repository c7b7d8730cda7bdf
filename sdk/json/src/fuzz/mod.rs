//! What fuzzing calls: one target for each thing that reads bytes of strangers, or of who configures. No part of the library.

mod paths;
mod rewriting;

pub use paths::paths;
pub use rewriting::rewriting;
