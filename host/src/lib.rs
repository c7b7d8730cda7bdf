//! The gateway, in the order a request meets its rooms.
//!
//! A connection is accepted by [`listen`]; [`serve`] tells the story of each request on it: one [`generation`] is taken
//! for the whole exchange, the request is brought into its one form ([`exchange`]), [`route`] finds where it goes,
//! [`chain`] takes it through its policies, each run in the [`sandbox`], and [`upstream`] or a responder answers; then
//! back through the chain. Around that:
//! [`config`] reads the policies folder, [`reload`] follows it, [`record`] keeps what served, [`report`] what is
//! known of finished requests, [`alerts`] watches them, [`admin`] tells what is going on, [`cli`] is how people start it all.

mod access;
mod admin;
mod alerts;
mod builtin;
mod chain;
mod cli;
mod config;
mod consumers;
mod content;
mod contract;
mod dashboard;
mod egress;
mod exchange;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod gateway;
mod generation;
mod jwks;
mod keys;
mod limiter;
mod listen;
mod near;
mod observe;
mod openapi;
mod project;
mod record;
mod rehearsal;
mod reload;
mod report;
mod route;
mod sandbox;
mod serve;
mod service;
mod signature;
mod state;
mod store;
mod table;
mod takeover;
mod telemetry;
mod tls;
mod token;
mod upstream;

pub use cli::main;
#[cfg(feature = "bench")]
pub use report::bench as report_bench;
#[cfg(feature = "bench")]
pub use sandbox::bench;
