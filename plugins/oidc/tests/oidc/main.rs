//! The policy as the gateway sees it: a browser with a cookie jar, a provider played by the test, and the policy between them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper fails the test that calls it")]

mod answers;
mod anything;
mod attacks;
mod config;
mod provider;
mod push;
mod refresh;
mod session;
mod sign_in;
mod sign_out;
mod support;
