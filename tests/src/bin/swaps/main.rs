//! Whether a swap costs anything: `tests/soak/run`, which says what it does with `--help`.
//!
//! Each response states the generation that made it, in several places; whoever changes the folder keeps a list of all
//! states it was in. A response that is of none of them was made by two, and one that is of an older state than is
//! known to serve came too late.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark tells what it measured, or what went wrong"
)]

mod accounts;
mod broken;
mod certificates;
mod clients;
mod compiling;
mod history;
mod kills;
mod latency;
mod outcome;
mod rest;
mod soaking;
mod stage;
mod state;
mod streams;
mod swapper;
mod times;
mod upstream;

use std::process::ExitCode;
use std::time::SystemTime;

use clap::Parser;
use serde_json::json;

use lockgate_tests::allow_open_files;
use outcome::Outcome;

/// Exchanges what a gateway serves, again and again, and checks that nobody notices. Without an option for a phase all
/// of them take their turn; else those that are named.
#[derive(Parser)]
#[command(bin_name = "tests/soak/run", after_help = "Exit status 1 if something happened that must not.")]
struct Options {
    /// Swaps under a mixed load: no request fails, none is of two generations, nothing is left over [default: 400]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(2..))]
    swaps: Option<u32>,
    /// The gateway is killed in the middle of changes, and serves the last good ones when it is started again [default:
    /// 15]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    kills: Option<u32>,
    /// How long a change takes on a gateway that is idle, so many of each kind
    #[arg(long, value_name = "NUMBER", num_args = 0..=1, default_missing_value = "20", value_parser = clap::value_parser!(u32).range(1..))]
    latency: Option<u32>,
    /// What requests notice while ten components are compiled, so many times with and without
    #[arg(long, value_name = "NUMBER", num_args = 0..=1, default_missing_value = "5", value_parser = clap::value_parser!(u32).range(1..))]
    compiling: Option<u32>,
    /// Make the same changes as another run [default: another seed each time]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u32>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let clock = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.subsec_micros());
    let seed = u64::from(options.seed.unwrap_or_else(clock));
    allow_open_files(4096);
    if !options.json {
        println!("seed {seed}");
    }
    let all = [options.swaps, options.kills, options.latency, options.compiling].iter().all(Option::is_none);
    let count = |named: Option<u32>, default: usize| named.map(|count| count as usize).or(all.then_some(default));
    let phases: [(Option<usize>, fn(usize, u64) -> Outcome); 4] = [
        (count(options.swaps, 400), soaking::run),
        (count(options.kills, 15), kills::run),
        (count(options.latency, 10), latency::run),
        (count(options.compiling, 3), compiling::run),
    ];
    let mut outcomes = Vec::new();
    for (count, run) in phases {
        let Some(count) = count else { continue };
        let outcome = std::panic::catch_unwind(|| run(count, seed)).unwrap_or_else(|_| Outcome::gave_up());
        if !options.json {
            println!("\n== {}\n{}", outcome.name, outcome.text);
            outcome.faults.iter().for_each(|fault| println!("MUST NOT BE: {fault}"));
        }
        outcomes.push(outcome);
    }
    let is_good = outcomes.iter().all(|outcome| outcome.faults.is_empty());
    if options.json {
        let phases = outcomes.into_iter().map(|outcome| {
            let json = json!({ "result": outcome.json, "faults": outcome.faults });
            (outcome.name.to_owned(), json)
        });
        println!("{}", json!({ "seed": seed, "good": is_good, "phases": phases.collect::<serde_json::Map<_, _>>() }));
    } else {
        println!(
            "\n{} (seed {seed})",
            if is_good { "Nothing happened that must not." } else { "SOMETHING HAPPENED THAT MUST NOT." }
        );
    }
    ExitCode::from(u8::from(!is_good))
}
