//! `lockgate rollback`: put back what the folder of a running gateway held at an entry of its history.

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use serde::Deserialize;
use serde_json::json;

use super::admin::{Gateway, understood};
use super::exchange::{Exchange, Next, Outcome};
use super::out;
use crate::record::{Past, Why};

const EXAMPLES: &str = "\
Examples:
  lockgate rollback          what served before what serves now is in the folder again, and serves on all workers
  lockgate rollback 12       the same for entry 12 of `lockgate history`
  lockgate rollback --json   for programs

ENTRY is a number of the first column of `lockgate history`, not a generation: generations are counted anew at each start.
It must be named while a change of the folder is being built, when nobody knows yet what will have served before what serves.
Of the last 32 states of the folder that served the files are kept that the gateway was made from; whatever else lay in the
folder is not, and what was there before is put beside it. Secrets are not put back. What is put back is checked, exchanged
and taken away again as by `lockgate apply`, with the same exit status.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The entry to go back to [default: the newest that served other files than serve now]
    #[arg(value_name = "ENTRY")]
    entry: Option<u64>,
    #[command(flatten)]
    gateway: Gateway,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// What of `/status` says which entry is the one before.
#[derive(Deserialize)]
struct Said {
    building_since: Option<u64>,
    record: Record,
}

#[derive(Deserialize)]
struct Record {
    /// The newest: what serves.
    entry: Option<u64>,
}

/// Without an entry, what is being built may serve by the time the one before is put back, and that would be one too far.
fn refuse_while_building(gateway: &Gateway) -> anyhow::Result<()> {
    let Said { building_since, record } = understood(&gateway.status()?)?;
    if building_since.is_none() {
        return Ok(());
    }
    let now = record.entry.map(|entry| format!("`lockgate rollback {entry}` for what serves now, "));
    bail!(
        "a change of the folder is being built and does not serve yet: name the entry that is to serve, {}or wait until `lockgate status` \
         says nothing of it any more",
        now.unwrap_or_default()
    )
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let folder = args.gateway.folder()?;
    if args.entry.is_none() {
        refuse_while_building(&args.gateway)?;
    }
    let past = Past::open(&args.gateway.state())?;
    let entry = args.entry.map_or_else(|| past.other(), |number| past.entry(number))?;
    let files = past.files(entry)?;
    let (of, name) = (entry.entry, format!("entry-{}", entry.entry));
    let exchange = Exchange::prepare(&Next::Files(&files, &name), &folder)?;
    let what = format!("what served at entry {of}");
    let (generation, shadowed, about) =
        match exchange.take_effect(&args.gateway, Why::Rollback { of }, Path::new(&what))? {
            Outcome::Serves { generation, shadowed, about } => (generation, shadowed, about),
            Outcome::Not(code) => return Ok(code),
        };
    match args.json {
        true => out::line(&json!({ "generation": generation, "entry": of, "shadowed": shadowed }).to_string()),
        false => out::line(&format!("{what} is back: generation {generation} serves on all workers; {about}")),
    }
    Ok(ExitCode::SUCCESS)
}
