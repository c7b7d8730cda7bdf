//! `lockgate run`: start the gateway and say what it serves.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use super::out;
use crate::gateway::{self, Options, StartError, Started};
use crate::table::Table;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The folder with gateway.toml and the APIs
    #[arg(default_value = "policies")]
    folder: PathBuf,
    /// Listen here instead of where the first listener of gateway.toml says
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    start_log();
    let folder = args.folder.clone();
    let greet = |started: &Started| greet(&folder, started);
    match gateway::run(Options { folder: args.folder, listen: args.listen }, greet) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(StartError::Config(faults)) => {
            out::faults(&folder, &faults);
            Ok(ExitCode::FAILURE)
        }
        Err(StartError::Other(error)) => Err(error),
    }
}

/// Lines for people on a terminal, JSON for everything else. `LOCKGATE_LOG` sets levels (`debug`, `policy=trace`).
fn start_log() {
    let filter = EnvFilter::try_from_env("LOCKGATE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        log.compact().init();
    } else {
        log.json().flatten_event(true).init();
    }
}

fn greet(folder: &std::path::Path, started: &Started) {
    let table = Table::of(&started.generation);
    out::line(&format!(
        "Lockgate {} serves {} routes of {}",
        env!("CARGO_PKG_VERSION"),
        table.rows().len(),
        folder.display()
    ));
    for (name, address) in &started.listeners {
        out::line(&format!("  {name:<7} http://{address}"));
    }
    out::line(&format!("  {:<7} http://{}", "admin", started.admin));
    if let Some(state) = &started.state {
        out::line(&format!("  {:<7} {}", "state", state.display()));
    }
    out::text(&table.text().lines().map(|line| format!("    {line}\n")).collect::<String>());
    out::line("Try");
    for line in tries(&table, started) {
        out::line(&format!("  {line}"));
    }
    out::line("Ready. Edit the folder, and the change takes effect.");
}

/// Three requests that work as they stand: one that is open, one that needs a token, one to the admin listener.
fn tries(table: &Table, started: &Started) -> Vec<String> {
    let get = |wants_token: bool| {
        table.rows().iter().find(|row| {
            let plain = !row.path.contains('{') && row.headers.is_empty();
            let get = row.methods == "*" || row.methods.split(',').any(|method| method == "GET");
            plain && get && row.chain.iter().any(|policy| policy == "jwt") == wants_token
        })
    };
    let public = started.listeners.first().map(|(_, address)| address.to_string()).unwrap_or_default();
    let binary = std::env::args().next().unwrap_or_else(|| "lockgate".into());
    let mut lines = Vec::new();
    if let Some(open) = get(false) {
        lines.push(format!("curl -i http://{public}{}", open.path));
    }
    if let Some(guarded) = get(true) {
        lines.push(format!("curl -i -H \"Authorization: Bearer $({binary} token)\" http://{public}{}", guarded.path));
    }
    if let Some(state) = &started.state {
        let token = state.join("admin-token");
        lines.push(format!(
            "curl -H \"Authorization: Bearer $(cat {})\" http://{}/status",
            token.display(),
            started.admin
        ));
    }
    lines
}
