//! `lockgate privacy`: what a folder says about personal data, for those who answer for it.

mod gaps;
mod gather;
mod handling;
mod markdown;
mod measures;
mod report;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::{DEFAULT_FOLDER, out};
use crate::config::{Config, Tree};

/// Exit status where something classified passes and nothing redacts it.
const GAPS: u8 = 3;

const EXAMPLES: &str = "\
Examples:
  lockgate privacy report own > processing.md    the record of processing activities of own/
  lockgate privacy report --json | jq .gaps      what passes as it is, for programs
  lockgate privacy report --fail-on-gaps         for checks of a pipeline: exit status 3 if something does";

const REPORT: &str = "\
It is made from annotations of OpenAPI documents (`openapi` of an api.toml), from routes and policies, and from what `[privacy]` of
gateway.toml and of each api.toml states. No gateway need run, and no component is built.

JSON has `format`, `controller`, `contact`, `officer`, `representative` (null where nobody stated them), `activities` (one for each API: `purposes`,
`legal_basis`, `subjects`, `recipients`, `transfers`, `retention`, `categories`, `upstreams`, `services`, `policies`, and `routes` with their `fields`),
`listeners`, `collectors`, `kept`, `gaps`, and `passes`: what is sent on or passes by default and is no gap. These names stay as long as `format` does.

Exit status: 0; 1 if the folder has faults; 2 for wrong arguments; 3 with --fail-on-gaps if there are gaps.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Print the record of processing activities (Art. 30 GDPR), and what is classified and redacted by no policy
    #[command(after_help = format!("{EXAMPLES}\n\n{REPORT}"))]
    Report {
        /// The folder with gateway.toml and the APIs
        #[arg(default_value = DEFAULT_FOLDER)]
        folder: PathBuf,
        /// Print it as JSON in place of Markdown
        #[arg(long)]
        json: bool,
        /// Exit with status 3 if something classified passes that no policy redacts
        #[arg(long)]
        fail_on_gaps: bool,
    },
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Verb::Report { folder, json, fail_on_gaps } = args.verb;
    let config = match Tree::read(&folder).and_then(|tree| Config::parse(&tree)) {
        Ok(config) => config,
        Err(faults) if json => {
            out::line(&json!({ "ok": false, "faults": faults }).to_string());
            return Ok(ExitCode::FAILURE);
        }
        Err(faults) => {
            out::faults(&folder, &faults);
            return Ok(ExitCode::FAILURE);
        }
    };
    let report = gather::report(&config);
    if json {
        out::line(&serde_json::to_string(&report)?);
    } else {
        out::text(&markdown::text(&report));
    }
    Ok(if fail_on_gaps && !report.gaps.is_empty() { ExitCode::from(GAPS) } else { ExitCode::SUCCESS })
}
