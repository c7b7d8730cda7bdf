//! A gateway under everything at once, for as long as one says: `cargo run --release -p lockgate-tests --bin soak -- --seconds 300`.
//!
//! Clients of all kinds ask it as fast as they can, while its configuration and its certificate are exchanged and an
//! upstream dies and comes back. In the end it tells what they were answered, how its memory went, and which files it
//! has open. Something that must not happen makes it end with 1.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark tells what it measured, or what went wrong"
)]

mod clients;
mod tally;
mod trouble;
mod upstream;
mod watch;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use lockgate_tests::{Load, allow_open_files};

use clients::KINDS;
use tally::Tally;
use watch::Watch;

/// Clients of each kind.
const EACH: usize = 2;

fn main() -> ExitCode {
    let time = Duration::from_secs(seconds());
    allow_open_files(8192);
    let (stage, mut trouble) = trouble::set();
    let stage = Arc::new(stage);
    stage.warm();
    let (watch, files) = (Watch::start(&stage.gateway), stage.gateway.open_files());
    let load = Load::start(EACH * KINDS.len(), |number| {
        let (stage, kind) = (stage.clone(), KINDS[number % KINDS.len()]);
        move |pace| kind.run(&stage, number as u64, pace)
    });
    trouble.make(&stage, time);
    let requests = load.done();
    let tally = load.stop().into_iter().fold(Tally::default(), Tally::and);

    println!("{requests} requests in {} s, among {}", time.as_secs(), trouble);
    println!("{tally}");
    println!("{}", watch.stop());
    let left = stage.files_left();
    println!(
        "open files: {files} at the beginning, {left} when all clients had gone, connections kept for upstreams among them"
    );
    if tally.has_faults() {
        println!("the log of the gateway says of errors:\n{}", stage.errors());
    }
    ExitCode::from(u8::from(tally.has_faults()))
}

fn seconds() -> u64 {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => 60,
        ["--seconds", number] => number.parse().expect("--seconds takes a number"),
        _ => panic!("usage: soak [--seconds N]"),
    }
}
