//! `lockgate run`: start the gateway and say what it serves.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

use super::{DEFAULT_FOLDER, out};
use crate::config::Address;
use crate::gateway::{self, Exit, Options, StartError, Started};
use crate::table::Table;
use crate::telemetry::log;

const EXAMPLES: &str = "\
Examples:
  lockgate run etc/policies                        serve another folder
  lockgate run own --listen 127.0.0.1:9000         on another port
  lockgate run own --takeover                      in place of the gateway that serves own, which ends when this one serves
  LOCKGATE_LOG=debug lockgate run own 2>log        and tell more";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder with gateway.toml and the APIs
    #[arg(default_value = DEFAULT_FOLDER)]
    pub(super) folder: PathBuf,
    /// Listen here instead of where gateway.toml says, if it has one listener only
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Take the place of the gateway that serves with the same state directory, without losing a connection
    #[arg(long)]
    takeover: bool,
}

/// The exit status where something under way was cut off.
const CUT: u8 = 3;

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let given = gateway::given().context("what the service manager gives is no socket to listen at")?;
    let (_flushed_at_the_end, lost) = log::start();
    let folder = args.folder.clone();
    let greet = |started: &Started| greet(&folder, started);
    let Args { folder: policies, listen, takeover } = args;
    match gateway::run(Options { folder: policies, falls_back: true, listen, takeover, given, lost }, greet) {
        Ok(exit) => Ok(exit_code(exit)),
        Err(StartError::Config(faults)) => {
            out::faults(&folder, &faults);
            Ok(ExitCode::FAILURE)
        }
        Err(StartError::Other(error)) => Err(error),
    }
}

/// What the end of a gateway is told as.
pub(super) fn exit_code(exit: Exit) -> ExitCode {
    match exit {
        Exit::Drained => ExitCode::SUCCESS,
        Exit::Cut => ExitCode::from(CUT),
    }
}

fn greet(folder: &Path, started: &Started) {
    let table = Table::of(&started.generation);
    let routes = out::counted(table.rows().len(), "route");
    out::line(&format!("Lockgate {} serves {routes} of {}", env!("CARGO_PKG_VERSION"), folder.display()));
    for (name, address) in &started.listeners {
        let scheme = if started.generation.tls(name).is_some() { "https" } else { "http" };
        match address {
            Address::Ip(address) => out::line(&format!("  {name:<7} {scheme}://{address}")),
            Address::Unix(path) => out::line(&format!("  {name:<7} {scheme} on {path}")),
        }
    }
    out::line(&format!("  {:<7} http://{}", "admin", started.admin));
    let state = started.state.as_ref().map(|state| state.display().to_string());
    let state = state.unwrap_or_else(|| "none: /metrics and /status are closed to all; see the log".into());
    out::line(&format!("  {:<7} {state}", "state"));
    out::text(&table.text().lines().map(|line| format!("    {line}\n")).collect::<String>());
    if started.fell_back {
        out::line(
            "The folder is faulty: of what cannot be used there this is what served last, if anything; `lockgate status` tells more.",
        );
    }
    let tries = tries(folder, &table, started);
    if !tries.is_empty() {
        out::line("Try");
        tries.iter().for_each(|line| out::line(&format!("  {line}")));
    }
    out::line("Ready. Edit the folder, and the change takes effect.");
}

/// Three requests that work as they stand: one that is open, one that needs a token, one to the admin listener.
fn tries(folder: &Path, table: &Table, started: &Started) -> Vec<String> {
    let get = |wants_token: bool| {
        table.rows().iter().find(|row| {
            let is_free = row.scheme.is_none() && row.headers.is_empty() && row.query.is_empty();
            let plain = !row.path.contains('{') && is_free;
            let get = row.methods == "*" || row.methods.split(',').any(|method| method == "GET");
            // Others would need a Host that leads here.
            row.host == "*" && plain && get && row.chain.iter().any(|policy| policy == "jwt") == wants_token
        })
    };
    // Of a certificate nobody knows whether it is for this address.
    let first = started.listeners.first().and_then(|(name, _)| started.generation.tls(name));
    let scheme = if first.is_some() { "-k https" } else { "http" };
    let public = match started.listeners.first() {
        Some((_, Address::Ip(address))) => format!("{scheme}://{address}"),
        Some((_, Address::Unix(path))) => {
            format!("--unix-socket {} {scheme}://localhost", shell(&path.path().display().to_string()))
        }
        None => String::new(),
    };
    let binary = shell(&std::env::args().next().unwrap_or_else(|| "lockgate".into()));
    let policies = match folder == Path::new(DEFAULT_FOLDER) {
        true => String::new(),
        false => format!(" --policies {}", shell(&folder.display().to_string())),
    };
    let mut lines = Vec::new();
    if let Some(open) = get(false) {
        lines.push(format!("curl -i {public}{}", open.path));
    }
    if let Some(guarded) = get(true) {
        lines
            .push(format!("curl -i -H \"Authorization: Bearer $({binary} token{policies})\" {public}{}", guarded.path));
    }
    if let Some(state) = &started.state {
        let token = state.join("admin-token");
        lines.push(format!(
            "curl -H \"Authorization: Bearer $(cat {})\" http://{}/status",
            shell(&token.display().to_string()),
            started.admin
        ));
    }
    lines
}

/// A word for a shell to take as it is.
fn shell(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_more_than_plain_letters_are_quoted_for_the_shell() {
        assert_eq!(shell("/srv/policies-2"), "/srv/policies-2");
        assert_eq!(shell("it's here"), r"'it'\''s here'");
        assert_eq!(shell(""), "''");
    }
}
