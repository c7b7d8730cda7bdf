//! Turns policies into components. In Rust: a nested `cargo build` for `wasm32-unknown-unknown`, then the wrapping of each module. In Python:
//! componentize-py.
//!
//! It prints nothing itself; what cargo or componentize-py writes to its standard error is passed through.

mod build;
mod component;
mod dependencies;
mod embed;
mod environment;
mod error;
mod project;
mod python;
mod sources;

pub use build::{Build, Built};
pub use component::encode;
pub use embed::embed_plugins;
pub use error::BuildError;
pub use project::Project;
pub use sources::embed_sdk;

/// What policies are compiled for: no WASI, every import a power of the contract.
pub const TARGET: &str = "wasm32-unknown-unknown";
