//! `lockgate check`: build everything a folder says, serve nothing.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use super::{DEFAULT_FOLDER, out};
use crate::config::{Config, ConfigFault, Tree};
use crate::gateway::worker_count;
use crate::generation::{Builder, Generation};
use crate::sandbox::{Sandbox, WASMTIME_VERSION};
use crate::table::Table;
use crate::telemetry::metrics::Metrics;

const EXAMPLES: &str = "\
Examples:
  lockgate check                        is policies/ right?
  lockgate check own && cp -rT own /etc/lockgate
  lockgate check own --json | jq .";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder with gateway.toml and the APIs
    #[arg(default_value = DEFAULT_FOLDER)]
    folder: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let built = build(&args.folder)?;
    if args.json {
        let faults = built.as_ref().err().map_or(&[][..], Vec::as_slice);
        let routes = built.as_ref().ok().map(|generation| Table::of(generation).json());
        out::line(&serde_json::json!({ "ok": built.is_ok(), "faults": faults, "routes": routes }).to_string());
        return Ok(if built.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    match built {
        Ok(generation) => {
            out::text(&Table::of(&generation).text());
            out::line(&format!("{} is right.", args.folder.display()));
            Ok(ExitCode::SUCCESS)
        }
        Err(faults) => {
            out::faults(&args.folder, &faults);
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Everything a gateway would do with the folder before it serves, leaving no trace.
pub(super) fn build(folder: &Path) -> anyhow::Result<Result<Generation, Vec<ConfigFault>>> {
    Ok(build_with_config(folder)?.map(|(_, generation)| generation))
}

/// The same, and what the folder says.
pub(super) fn build_with_config(folder: &Path) -> anyhow::Result<Result<(Config, Generation), Vec<ConfigFault>>> {
    match Tree::read(folder).and_then(|tree| Config::parse(&tree)) {
        Ok(config) => build_config(config),
        Err(faults) => Ok(Err(faults)),
    }
}

/// The same for what was read already.
pub(super) fn build_config(config: Config) -> anyhow::Result<Result<(Config, Generation), Vec<ConfigFault>>> {
    let built = runtime()?.block_on(builder(&config)?.build_whole(&config));
    Ok(built.map(|generation| (config, generation)))
}

/// The same for the files of what served once.
pub(super) fn build_served(files: &Tree) -> anyhow::Result<Result<(Config, Generation), Vec<ConfigFault>>> {
    Config::parse(files).map_or_else(|faults| Ok(Err(faults)), build_serving)
}

/// The same for what serves, whatever is wrong with what it does not need.
pub(super) fn build_serving(config: Config) -> anyhow::Result<Result<(Config, Generation), Vec<ConfigFault>>> {
    let built = runtime()?.block_on(builder(&config)?.build(&config, Vec::new()));
    Ok(built.map(|(generation, _)| (config, generation)).map_err(|refused| refused.faults()))
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Without a state directory: the folder under check names it, and nothing it names is to be trusted or changed yet. So
/// all is compiled here and now, and generated keys are fresh ones that are forgotten again.
fn builder(config: &Config) -> anyhow::Result<Builder> {
    let sandbox = Sandbox::new(None)?;
    let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION"), WASMTIME_VERSION));
    Ok(Builder::new(sandbox, None, worker_count(config.runtime.workers), metrics))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_made_where_the_folder_says_its_state_is() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join(".state");
        std::fs::create_dir(&state).unwrap();
        let gateway = format!(
            "[listen.a]\naddress = '127.0.0.1:1'\n[state]\ndir = '{}'\n[keys.own]\ngenerate = 'EdDSA'\n",
            state.display()
        );
        std::fs::write(folder.path().join("gateway.toml"), gateway).unwrap();
        assert!(build(folder.path()).unwrap().is_ok());
        assert_eq!(std::fs::read_dir(&state).unwrap().count(), 0);
    }
}
