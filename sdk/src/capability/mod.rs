//! The powers of the contract as functions, one file for each import; natively they reach the doubles in `testing`.

pub mod clock;
pub mod consumers;
pub mod crypto;
pub mod egress;
pub mod limiter;
pub mod log;
pub mod metrics;
pub mod random;
pub mod store;

#[cfg(target_family = "wasm")]
use crate::bindings::imports::lockgate::policy as host;
#[cfg(not(target_family = "wasm"))]
use crate::testing as host;
