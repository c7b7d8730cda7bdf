//! `lockgate diff`: what would change if another folder served in place of what a running gateway serves.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;

use super::admin::Gateway;
use super::audit::{self, Diff};
use super::{check, out};
use crate::reload::{Keeper, Settling};

/// When something would widen; as `lockgate audit --diff` has it.
const WIDENED: u8 = 3;

const EXAMPLES: &str = "\
Examples:
  lockgate diff next            what would policies of next/ see and do that those which serve do not? exit status 3 if anything
  lockgate diff next --json     for programs, as `lockgate audit --diff --json` says it
  lockgate diff policies        what of the folder does not serve yet?

What serves is read from the state directory. Nothing is changed.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// What may come to serve
    #[arg(value_name = "DIR")]
    next: PathBuf,
    #[command(flatten)]
    gateway: Gateway,
    /// Print the differences as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (folder, state) = (args.gateway.folder()?, args.gateway.state());
    let serving = Keeper::new(Some(&state), &folder).read();
    if serving.is_empty() {
        bail!("{} does not tell what serves of {}", state.display(), folder.display());
    }
    let before = match Settling::past(&serving, Vec::new()).read() {
        Ok(past) => check::build_serving(past.config)?,
        Err(faults) => Err(faults),
    };
    let before = match before {
        Ok((config, generation)) => audit::report(&config, &generation)?,
        Err(faults) => {
            out::faults(&folder, &faults);
            bail!("what serves cannot be built here; are its secrets there?");
        }
    };
    let after = match check::build_with_config(&args.next)? {
        Ok((config, generation)) => audit::report(&config, &generation)?,
        Err(faults) => {
            out::faults(&args.next, &faults);
            return Ok(ExitCode::FAILURE);
        }
    };
    let diff = Diff::of(&before, &after);
    match args.json {
        true => out::line(&serde_json::to_string(&diff)?),
        false => out::text(&diff.text()),
    }
    Ok(if diff.widens() { ExitCode::from(WIDENED) } else { ExitCode::SUCCESS })
}
