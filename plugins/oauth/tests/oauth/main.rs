//! The policy as the gateway sees it: requests in, verdicts out. The authorization server says what a test says; proofs are signed, and
//! their signatures checked, for real.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a helper fails the test that calls it")]

mod answers;
mod binding;
mod changes;
mod config;
mod introspection;
mod nonces;
mod proofs;
mod signed;
mod standards;
mod support;
