//! `lockgate diff`: what would change if another folder served in place of what a running gateway serves.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;

use super::admin::Gateway;
use super::audit::{self, Diff};
use super::{check, out};
use crate::config::{Config, ConfigFault};
use crate::generation::Generation;
use crate::record::Past;
use crate::reload::{Keeper, Settling};

/// When something would widen; as `lockgate audit --diff` has it.
const WIDENED: u8 = 3;

/// What came of building something.
type Built = Result<(Config, Generation), Vec<ConfigFault>>;

const EXAMPLES: &str = "\
Examples:
  lockgate diff next                what would policies of next/ see and do that those which serve do not? exit status 3 if anything
  lockgate diff next --json         for programs, as `lockgate audit --diff --json` says it
  lockgate diff policies            what of the folder does not serve yet?
  lockgate diff --to 12             what would `lockgate rollback 12` change?
  lockgate diff --from 12 --to 14   what changed between two entries of `lockgate history`?

What serves is read from the state directory, and what served at an entry too, as long as that is kept. Nothing is changed.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// What may come to serve
    #[arg(value_name = "DIR", required_unless_present = "to")]
    next: Option<PathBuf>,
    /// Compare what served at this entry of `lockgate history`, in place of what serves
    #[arg(long, value_name = "ENTRY")]
    from: Option<u64>,
    /// Compare with what served at this entry, in place of a folder
    #[arg(long, value_name = "ENTRY", conflicts_with = "next")]
    to: Option<u64>,
    #[command(flatten)]
    gateway: Gateway,
    /// Print the differences as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let state = args.gateway.state();
    let (before, shown) = match args.from {
        Some(entry) => (served(&state, entry)?, at(entry)),
        None => serving(&args.gateway, &state)?,
    };
    let before = match before {
        Ok((config, generation)) => audit::report(&config, &generation)?,
        Err(faults) => {
            out::faults(&shown, &faults);
            let verb = if args.from.is_some() { "served" } else { "serves" };
            bail!("what {verb} cannot be built here; are its secrets there?");
        }
    };
    let (after, shown) = match (args.to, args.next) {
        (Some(entry), _) => (served(&state, entry)?, at(entry)),
        (None, Some(next)) => (check::build_with_config(&next)?, next),
        (None, None) => bail!("there is nothing to compare with; name a folder, or an entry with --to"),
    };
    let after = match after {
        Ok((config, generation)) => audit::report(&config, &generation)?,
        Err(faults) => {
            out::faults(&shown, &faults);
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

/// What serves, and the folder the gateway follows.
fn serving(gateway: &Gateway, state: &Path) -> anyhow::Result<(Built, PathBuf)> {
    let folder = gateway.folder()?;
    let serving = Keeper::new(Some(state), &folder).read();
    if serving.is_empty() {
        bail!("{} does not tell what serves of {}", state.display(), folder.display());
    }
    let built = match Settling::past(&serving, Vec::new()).read() {
        Ok(past) => check::build_serving(past.config)?,
        Err(faults) => Err(faults),
    };
    Ok((built, folder))
}

/// What served at an entry of the record.
fn served(state: &Path, entry: u64) -> anyhow::Result<Built> {
    let past = Past::open(state)?;
    check::build_served(&past.files(past.entry(entry)?)?)
}

/// What stands for an entry where a folder would.
fn at(entry: u64) -> PathBuf {
    format!("what served at entry {entry}").into()
}
