//! `lockgate audit`: what each policy of a folder may see and do, for those who answer for it.

mod diff;
mod facts;
mod gather;
mod listeners;
mod page;
mod peers;
mod reach;
mod report;
mod text;
mod words;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::json;

use super::{DEFAULT_FOLDER, check, out};
use crate::config::Config;
use crate::generation::Generation;
pub(super) use diff::Diff;
use report::FORMAT;
pub(super) use report::Report;

/// Exit status where something widened.
const WIDENED: u8 = 3;
/// Largest report that is read.
const LARGEST: u64 = 64 << 20;

const EXAMPLES: &str = "\
Examples:
  lockgate audit own                        what may the policies of own/ see and do?
  lockgate audit --html --out audit.html    one page, to be read, signed and kept
  lockgate audit --json > audit.json        keep it, to compare with later
  lockgate audit --diff audit.json          what widened since? exit status 3 if something did
  git show v1:audit.json | lockgate audit --diff - --json

JSON has `format`, `digest` (SHA-256 of what was reviewed), `routes` with the `chain` of each and a row for each host, `uses` (each policy as an
API uses it: `reads`, `changes`, `responds`, `bodies`, `keys`, `stores`, `limiters`, `identifies`, `services`, `imports`, `isolation`, `limits`, `breaker`, `rollout`, `accept`, `spare` grants),
`services`, `listeners`, `upstreams`, `keys`, `trusted_keys`, `unused` and `skips`; with --diff `widened`, `narrowed` and `changed`. These names stay as long
as `format` does. Secrets are told by name.

Exit status: 0; 1 if the folder has faults or something cannot be read; 2 for wrong arguments; 3 if --diff found that something widened.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder with gateway.toml and the APIs
    #[arg(default_value = DEFAULT_FOLDER)]
    folder: PathBuf,
    /// Print the audit as JSON
    #[arg(long)]
    json: bool,
    /// Write the audit as one page for browsers that needs nothing else, with a place to sign
    #[arg(long, conflicts_with_all = ["json", "diff"])]
    html: bool,
    /// Write the page into this file instead of printing it
    #[arg(long, value_name = "FILE", requires = "html")]
    out: Option<PathBuf>,
    /// Print what changed since an audit in this file, made with --json; `-` for standard input
    #[arg(long, value_name = "OLD")]
    diff: Option<PathBuf>,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let old = args.diff.as_deref().map(read).transpose()?;
    let (config, generation) = match check::build_with_config(&args.folder)? {
        Ok(built) => built,
        Err(faults) if args.json => {
            out::line(&json!({ "ok": false, "faults": faults }).to_string());
            return Ok(ExitCode::FAILURE);
        }
        Err(faults) => {
            out::faults(&args.folder, &faults);
            return Ok(ExitCode::FAILURE);
        }
    };
    let report = report(&config, &generation)?;
    if args.html {
        let page = page::page(&report)?;
        match &args.out {
            Some(path) => fs::write(path, page).with_context(|| format!("{} cannot be written", path.display()))?,
            None => out::text(&page),
        }
        return Ok(ExitCode::SUCCESS);
    }
    match (old, args.json) {
        (Some(old), json) => {
            let diff = Diff::of(&old, &report);
            if json {
                out::line(&serde_json::to_string(&diff)?)
            } else {
                out::text(&diff.text())
            }
            return Ok(if diff.widens() { ExitCode::from(WIDENED) } else { ExitCode::SUCCESS });
        }
        (None, true) => out::line(&serde_json::to_string(&report)?),
        (None, false) => out::text(&text::text(&report)),
    }
    Ok(ExitCode::SUCCESS)
}

/// What the policies of a generation may see and do.
pub(super) fn report(config: &Config, generation: &Generation) -> anyhow::Result<Report> {
    Ok(Report::of(gather::content(config, generation)?)?)
}

/// An earlier report.
fn read(path: &Path) -> anyhow::Result<Report> {
    let shown = if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() };
    let text = read_text(path).with_context(|| format!("{shown} cannot be read"))?;
    let value: serde_json::Value = serde_json::from_str(&text)
        .with_context(|| format!("{shown} is no JSON; give it what `lockgate audit --json` printed"))?;
    match value.get("format").and_then(serde_json::Value::as_u64) {
        Some(format) if format == u64::from(FORMAT) => {}
        Some(format) => bail!("{shown} has the format {format}, and this gateway compares format {FORMAT}"),
        None => bail!("{shown} is no audit; give it what `lockgate audit --json` printed"),
    }
    let report: Report = serde_json::from_value(value).with_context(|| format!("{shown} is no whole audit"))?;
    if !report.is_whole()? {
        bail!(
            "{shown} was changed after it was made: its content does not fit its `digest`; give it what `lockgate audit --json` printed, as it was printed"
        );
    }
    Ok(report)
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let length = match is_stdin(path) {
        true => std::io::stdin().take(LARGEST + 1).read_to_string(&mut text)?,
        false => File::open(path)?.take(LARGEST + 1).read_to_string(&mut text)?,
    };
    if length as u64 > LARGEST {
        bail!("it has more than {LARGEST} B");
    }
    Ok(text)
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}
