//! The outside view: runs the real gateway between a client and an upstream of the test's own, on ports the system chooses.
//!
//! Every test shows the configuration it is about. Nothing here sleeps: what is waited for announces itself, and a
//! deadline that no test should ever meet turns a gateway that hangs into a failure with its logs.
// A harness has nobody to hand an error to: whatever goes wrong fails the test that called it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod browser;
mod client;
pub mod collector;
mod corpora;
mod folder;
pub mod foreign;
pub mod frames;
mod gateway;
pub mod guests;
pub mod http2;
mod judge;
mod lines;
mod load;
mod message;
mod process;
mod prometheus;
mod recorder;
mod redis;
mod running;
mod secrets;
pub mod smith;
mod tls;
mod upstream;
mod wire;

use std::time::Duration;

pub use client::{Client, Request};
pub use collector::Collector;
pub use corpora::corpus;
pub use folder::{Finished, Folder, binary};
pub use gateway::{Gateway, Predecessor};
pub use judge::{Flaw, Message};
pub use lines::Lines;
pub use load::{Dice, Load, Pace, allow_open_files};
pub use message::Response;
pub use prometheus::Prometheus;
pub use recorder::Recorder;
pub use redis::Redis;
pub use running::Running;
pub use tls::{Authority, Certificate, Handshake, TlsClient};
pub use upstream::{Exchange, Upstream};
pub use wire::read_head;

/// Longer than anything a test waits for can take, even on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Between two attempts: whoever is waited for gets the processor, which a compiler that gives way to everybody would not
/// get from one who asks all the time.
pub(crate) const PAUSE: Duration = Duration::from_millis(3);

/// Try until `attempt` gives something: for effects that are seen only by asking. Each attempt should be a round trip.
pub fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let begun = std::time::Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(value) = attempt() {
            return value;
        }
        std::thread::sleep(PAUSE);
    }
    panic!("waited in vain for {what}");
}
