//! JSON as it passes: read and rewritten piece by piece, with what is selected in it by paths.
//!
#![doc = include_str!("../README.md")]

#[cfg(feature = "fuzz")]
pub mod fuzz;
pub mod rewrite;
pub mod select;
