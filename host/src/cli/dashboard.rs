//! `lockgate dashboard`: a link to the pages of a running gateway about its requests.

use std::process::ExitCode;

use serde::Deserialize;

use super::admin::{Gateway, understood};
use super::out;

const EXAMPLES: &str = "\
Examples:
  lockgate dashboard                              a link that is good once, for a minute: open it in a browser
  lockgate dashboard --state /var/lib/lockgate    where the state directory is another
  lockgate dashboard --json                       link and seconds, for programs
  ssh -L 8081:127.0.0.1:8081 server               then the link of the server opens here

The browser that opens it may look at what came, how long it took and what failed for twelve hours, and can change nothing. The gateway
forgets it when it ends. What is there to be seen needs the table [analytics] in gateway.toml.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    gateway: Gateway,
    /// Print the link as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Said {
    link: String,
    seconds: u64,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let text = args.gateway.link()?;
    let Said { link, seconds } = understood(&text)?;
    if args.json {
        out::line(&text);
    } else {
        out::line(&out::plain(&link));
        out::progress(&format!("Open it in a browser: it is good once, for {seconds} seconds."));
    }
    Ok(ExitCode::SUCCESS)
}
