//! `lockgate debug-token`: a token for which the gateway explains its answers, for a short time.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use serde_json::json;

use super::life::life;
use super::{DEFAULT_FOLDER, out};
use crate::config::{Config, Tree};
use crate::gateway::state_path;
use crate::keys::{DebugKey, MAX_DEBUG_LIFE};

const EXAMPLES: &str = "\
Examples:
  curl -si -H \"lockgate-debug: $(lockgate debug-token)\" http://127.0.0.1:8080/ | grep explain
  lockgate debug-token own --for 30m    for the gateway of another folder";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder with gateway.toml and the APIs
    #[arg(default_value = DEFAULT_FOLDER)]
    folder: PathBuf,
    /// Life of the token, such as 90s or 15m, at most 1h
    #[arg(long = "for", default_value = "15m", value_name = "TIME", value_parser = |text: &str| life(text, MAX_DEBUG_LIFE))]
    life: Duration,
    /// Print the field, the token and when it ends as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = match Tree::read(&args.folder).and_then(|tree| Config::parse(&tree)) {
        Ok(config) => config,
        Err(faults) => {
            out::faults(&args.folder, &faults);
            return Ok(ExitCode::FAILURE);
        }
    };
    let state = state_path(&config);
    if !state.is_dir() {
        bail!("there is no state directory {}, and without one no answer is explained", state.display());
    }
    let key = DebugKey::load(&state).with_context(|| {
        format!("no key for debug tokens in {}; the gateway makes it when it starts", state.display())
    })?;
    let (token, until) = key.issue(SystemTime::now() + args.life);
    match args.json {
        true => out::line(&json!({ "field": "lockgate-debug", "token": token, "until": until }).to_string()),
        false => out::line(&token),
    }
    Ok(ExitCode::SUCCESS)
}
