//! Journeys through the real gateway, one file for each story; every test starts a gateway of its own.
// Helpers of tests are tests to everybody but the lint.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admin;
mod bodies;
mod body_guard;
mod capabilities;
mod chains;
mod cli;
mod components;
mod configuration;
mod correlation;
mod cors;
mod demo;
mod drain;
mod explain;
mod forwarding;
mod headers;
mod hostile;
mod http2;
mod http2_conformance;
mod hygiene;
mod jwt;
mod llhttp;
mod otlp;
mod petstore;
mod prometheus;
mod proxy_protocol;
mod refusals;
mod reload;
mod routing;
mod streaming;
mod strictness;
mod swaps;
mod telemetry;
mod tidy;
mod timeouts;
mod tls;
mod traffic;
mod unix;
mod upgrades;
mod upstreams;
