//! `lockgate policy new`: a project that builds and tests at once.

use std::path::Path;
use std::process::ExitCode;

use super::super::out;
use crate::project::{self, Language, Name};

const EXAMPLES: &str = "\
Examples:
  lockgate policy new greet
  cd greet && cargo test && lockgate policy build && lockgate policy test
  lockgate policy new greet --lang python

In Rust it needs Rust, and crates.io for what the SDK depends on; in Python, componentize-py of PyPI. The SDK and the contract come along.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Args {
    /// The name of the policy, of its package and of the folder made for it here
    name: Name,
    /// The language to write it in
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    lang: Language,
}

pub(in crate::cli) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let folder = project::create(Path::new(""), &args.name, args.lang)?;
    let folder = folder.display();
    out::line(&format!("{folder} is there. Next:"));
    match args.lang {
        Language::Rust => {
            out::line(&format!("  cd {folder} && cargo test && lockgate policy build && lockgate policy test"))
        }
        Language::Python => {
            out::line(&format!("  cd {folder} && python3 -m unittest"));
            out::line(
                "  python3 -m venv .venv && .venv/bin/pip install componentize-py==0.25.1 && lockgate policy build",
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}
