//! `lockgate policy`: what authors and reviewers of policies do on their own machine, one file for each verb.

mod build;
mod component;
mod files;
mod inspect;
mod keygen;
mod needs;
mod new;
mod password;
mod run;
mod sign;
mod subject;
mod test;
mod verify;

use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  lockgate policy new greet && cd greet    a project that builds and tests at once
  lockgate policy build                    greet.wasm, checked against the contract
  lockgate policy test                     what it does with the exchanges in exchanges/
  lockgate policy run --config greet.json --upstream http://127.0.0.1:9000
  lockgate policy inspect greet.wasm       what is in it, and what it needs to be granted
  lockgate policy keygen team              team.key to sign with, team.pub to verify with
  lockgate policy sign greet.wasm --key team.key
  lockgate policy verify greet.wasm --key team.pub";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Write a project for a new policy
    New(new::Args),
    /// Build a project, or wrap a core module, into a component that is checked against the contract
    Build(build::Args),
    /// Play exchanges that are written as files, without a network, and compare what comes of them with what is
    /// expected
    Test(test::Args),
    /// Put a policy in front of an upstream; what is saved takes effect
    Run(run::Args),
    /// Show what a component holds, imports and exports, and what it needs to be granted
    Inspect(inspect::Args),
    /// Make a pair of keys: one to sign with, one to verify with
    Keygen(keygen::Args),
    /// Sign a component; the signature goes into a file beside it
    Sign(sign::Args),
    /// Verify the signature of a component; exit status 1 if it is not good
    Verify(verify::Args),
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.verb {
        Verb::New(args) => new::run(args),
        Verb::Build(args) => build::run(args),
        Verb::Test(args) => test::run(args),
        Verb::Run(args) => run::run(args),
        Verb::Inspect(args) => inspect::run(args),
        Verb::Keygen(args) => keygen::run(args),
        Verb::Sign(args) => sign::run(args),
        Verb::Verify(args) => verify::run(args),
    }
}
