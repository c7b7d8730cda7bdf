//! The rewriter from outside: collected texts, documents made up, framings.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panic")]

mod corpus;
mod events;
mod lines;
mod random;
mod spliced;
mod support;
#[path = "../testing/written.rs"]
mod written;
