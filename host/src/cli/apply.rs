//! `lockgate apply`: check a folder, put it in the place of the one a running gateway follows, all at once, and wait until it serves.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::admin::Gateway;
use super::exchange::{Exchange, Next, Outcome};
use super::out;
use crate::record::Why;

const EXAMPLES: &str = "\
Examples:
  lockgate apply next                               check next/, have a copy of it in the place of the folder the gateway of this
                                                    machine follows, wait until all workers serve it
  lockgate apply policies.before                    and back: what was there before lies beside it
  lockgate apply v42 --state /var/lib/lockgate      where the state directory is another

Where the gateway follows a link, it leads to DIR afterwards. A folder with a fault changes nothing. What the gateway refuses when
it finds it is taken away again, and what was there before is put back. Exit status 1 where nothing changed, 4 where it is not known.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// What is to serve
    #[arg(value_name = "DIR")]
    next: PathBuf,
    #[command(flatten)]
    gateway: Gateway,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let exchange = Exchange::prepare(&Next::Folder(&args.next), &args.gateway.folder()?)?;
    let (generation, shadowed, about) = match exchange.take_effect(&args.gateway, Why::Apply, &args.next)? {
        Outcome::Serves { generation, shadowed, about } => (generation, shadowed, about),
        Outcome::Not(code) => return Ok(code),
    };
    match args.json {
        true => out::line(&json!({ "generation": generation, "shadowed": shadowed }).to_string()),
        false => out::line(&format!("generation {generation} serves on all workers; {about}")),
    }
    Ok(ExitCode::SUCCESS)
}
