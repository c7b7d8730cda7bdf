//! The gateway, in the order a request meets its rooms.
//!
//! A connection is accepted by [`listen`]; [`serve`] tells the story of each request on it: one [`generation`] is taken for the
//! whole exchange, the request is brought into its one form ([`exchange`]), [`route`] finds where it goes, [`chain`] takes it through
//! its policies, each run in the [`sandbox`], and [`upstream`] or a responder answers; then back through the chain. Around that:
//! [`config`] reads the policies folder, [`reload`] follows it, [`admin`] tells what is going on, [`cli`] is how people start it all.

mod listen;
mod serve;
mod generation;
mod exchange;
mod route;
mod chain;
mod sandbox;
mod upstream;
mod keys;
mod store;
mod telemetry;
mod state;
mod config;
mod reload;
mod table;
mod admin;
mod gateway;
mod cli;

pub use cli::main;
