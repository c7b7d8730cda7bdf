//! `lockgate policy new`: a project that builds and tests at once.

use std::path::Path;
use std::process::ExitCode;

use super::super::out;
use crate::project::{self, Name};

const EXAMPLES: &str = "\
Examples:
  lockgate policy new greet
  cd greet && cargo test && lockgate policy build && lockgate policy test

It needs Rust, and crates.io for what the SDK depends on. The SDK itself comes along, in greet/vendor.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Args {
    /// The name of the policy, of its package and of the folder made for it here
    name: Name,
    /// The language to write it in
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    lang: Language,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Language {
    Rust,
}

pub(in crate::cli) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let folder = match args.lang {
        Language::Rust => project::create(Path::new(""), &args.name)?,
    };
    out::line(&format!("{} is there. Next:", folder.display()));
    out::line(&format!("  cd {} && cargo test && lockgate policy build && lockgate policy test", folder.display()));
    Ok(ExitCode::SUCCESS)
}
