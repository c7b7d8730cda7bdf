//! What a selection selects, against evaluators that are as plain as can be.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panic")]

mod allow;
mod brute;
mod compliance;
mod limits;
mod lookup;
#[path = "../testing/path.rs"]
mod path;
mod paths;
mod shapes;
mod slices;
mod walk;
