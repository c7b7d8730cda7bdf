//! `lockgate routes`: the route table of a folder.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{DEFAULT_FOLDER, check, out};
use crate::table::Table;

const EXAMPLES: &str = "\
Examples:
  lockgate routes own                   the table of another folder
  lockgate routes --json | jq .         for programs";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder with gateway.toml and the APIs
    #[arg(default_value = DEFAULT_FOLDER)]
    folder: PathBuf,
    /// Print the table as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    match check::build(&args.folder)? {
        Ok(generation) => {
            let table = Table::of(&generation);
            if args.json {
                out::line(&table.json().to_string())
            } else {
                out::text(&table.text())
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(faults) => {
            out::faults(&args.folder, &faults);
            Ok(ExitCode::FAILURE)
        }
    }
}
