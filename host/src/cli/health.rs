//! `lockgate health`: ask a running gateway whether it takes requests.

use std::process::ExitCode;

use http::StatusCode;
use serde_json::json;

use super::admin::Listener;
use super::out;

const EXAMPLES: &str = "\
Examples:
  lockgate health                            is 127.0.0.1:8081 ready? exit status 1 if not
  lockgate health --admin 127.0.0.1:9001     where [admin] address is another
  lockgate health --live                     does it run at all? true while it drains, too";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    listener: Listener,
    /// Ask whether it runs, not whether it takes requests
    #[arg(long)]
    live: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let path = if args.live { "/healthz" } else { "/readyz" };
    let (status, said) = match &args.listener.get(path) {
        Ok((status, said)) => (Some(status.as_u16()), said.trim().to_owned()),
        Err(error) => (None, format!("{error:#}")),
    };
    let well = status == Some(StatusCode::OK.as_u16());
    if args.json {
        out::line(&json!({ "ok": well, "path": path, "status": status, "said": said }).to_string());
    } else if well {
        out::line(&said);
    } else {
        out::error(&format!("the gateway at {}: {said}", args.listener.address));
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
