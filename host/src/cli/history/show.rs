//! `lockgate history show`: what served since an entry of the record, and how that differs from what served before.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;

use super::{about, changed, mark, reason, when};
use crate::cli::audit::{self, Diff};
use crate::cli::{check, out};
use crate::config::Tree;
use crate::record::{Entry, Past, Served};
use crate::state::StateDir;

/// Faults that are told of what cannot be built.
const MOST_FAULTS: usize = 3;

const EXAMPLES: &str = "\
Examples:
  lockgate history show 12                  files that served since entry 12; + was added, - removed, ~ changed
  lockgate history show 12 --json           for programs: `entry`, the digests of `contents`, and `diff` as `lockgate diff` says it
  lockgate history show 12 gateway.toml     one of the files, as it was
  lockgate diff --from 9 --to 12            two entries that do not follow each other

Of the last 32 states of the folder that served the files are kept. To compare what policies may do both states are built here, so
their secrets are needed.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A number of the first column of `lockgate history`
    #[arg(value_name = "ENTRY")]
    entry: u64,
    /// A file of the folder
    #[arg(value_name = "FILE", conflicts_with = "json")]
    file: Option<PathBuf>,
    /// The state directory of the gateway [default: $STATE_DIRECTORY, or else .lockgate]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Print the entry as JSON
    #[arg(long)]
    json: bool,
}

/// What is known of an entry. What cannot be told is the reason for that.
struct Shown<'a> {
    entry: &'a Entry,
    files: anyhow::Result<Tree>,
    diff: anyhow::Result<Diff>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let past = Past::open(&args.state.clone().unwrap_or_else(StateDir::default_path))?;
    let entry = past.entry(args.entry)?;
    if let Some(path) = &args.file {
        let files = past.files(entry)?;
        let absent = || format!("{} was no file that served at entry {}", path.display(), entry.entry);
        let content = files.get(path).with_context(absent)?;
        // A reader that has gone is no error.
        let _ = std::io::stdout().write_all(content);
        return Ok(ExitCode::SUCCESS);
    }
    let shown = Shown { entry, files: past.files(entry), diff: diff(&past, entry) };
    match args.json {
        true => out::line(&shown.json()?),
        false => shown.print(),
    }
    Ok(ExitCode::SUCCESS)
}

/// What policies may do since then that they might not before, and what not any more.
fn diff(past: &Past, entry: &Entry) -> anyhow::Result<Diff> {
    let after = past.files(entry)?;
    let before = past.before(entry).context("what served before is not on record")?;
    let (before, after) = (report(&past.files(before)?)?, report(&after)?);
    Ok(Diff::of(&before, &after))
}

fn report(files: &Tree) -> anyhow::Result<audit::Report> {
    match check::build_served(files)? {
        Ok((config, generation)) => audit::report(&config, &generation),
        Err(faults) => {
            let told: Vec<_> = faults.iter().take(MOST_FAULTS).map(ToString::to_string).collect();
            Err(anyhow::anyhow!("one of the two cannot be built here; are its secrets there? {}", told.join("; ")))
        }
    }
}

impl Shown<'_> {
    fn print(&self) {
        let Entry { entry, at, why, serving, .. } = self.entry;
        let about = about(why);
        let why = [reason(why), about].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
        out::line(&format!("entry {entry}, {}: {why}", when(*at)));
        let Some(serving) = serving else { return };
        let Served { generation, routes, after, .. } = serving;
        let routes = out::counted(*routes, "route");
        out::line(&format!("generation {generation} with {routes}, of files with the digest {after}"));
        out::line(&format!("changed: {}", changed(&self.entry.why, serving)));
        match &self.files {
            Ok(files) => self.files(files, serving),
            Err(error) => out::line(&format!("\nFILES: not known; {error:#}")),
        }
        match &self.diff {
            Ok(diff) => out::text(&format!("\n{}", diff.text())),
            Err(error) => out::line(&format!("\nNot compared with what served before: {error:#}")),
        }
    }

    fn files(&self, files: &Tree, serving: &Served) {
        out::line("\nFILES");
        let changes: BTreeMap<_, _> = serving.files.iter().flatten().map(|it| (it.path.as_path(), mark(it))).collect();
        let held = files.files().map(|(path, content)| (path, content.digest().to_string()));
        let gone = changes.iter().filter(|(_, mark)| **mark == '-').map(|(path, _)| (*path, "-".to_owned()));
        let all: BTreeMap<_, _> = held.chain(gone).collect();
        let row = |(path, digest): (&std::path::Path, String)| {
            let mark = changes.get(path).copied().unwrap_or(' ');
            [format!("{mark} {}", out::plain(&path.to_string_lossy())), digest]
        };
        out::table(all.into_iter().map(row).collect());
    }

    fn json(&self) -> anyhow::Result<String> {
        let digests = |files: &Tree| -> BTreeMap<String, String> {
            let digest = |(path, content): (&std::path::Path, &crate::content::Content)| {
                (path.to_string_lossy().into_owned(), content.digest().to_string())
            };
            files.files().map(digest).collect()
        };
        let said = json!({
            "entry": self.entry,
            "contents": self.files.as_ref().ok().map(digests),
            "diff": self.diff.as_ref().ok(),
            "not_compared": self.diff.as_ref().err().map(|error| format!("{error:#}")),
        });
        Ok(serde_json::to_string(&said)?)
    }
}
