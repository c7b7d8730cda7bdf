//! `lockgate history`: which change served when and why, what that was, and whether the record of it was altered.

mod show;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, bail};
use serde::Deserialize;

use super::admin::{Gateway, understood};
use super::out;
use crate::record::{self, ChainError, Change, Entry, Served, Why};
use crate::state::StateDir;
use crate::telemetry::rfc3339;

/// Files that are named in a line of the table.
const MOST_SHOWN: usize = 3;
/// Letters of a digest that tell it from the others.
const SHORT: usize = 12;

const EXAMPLES: &str = "\
Examples:
  lockgate history                           the last 20 changes of what the gateway of this machine serves, the newest first
  lockgate history -n 1 --json               the newest one, with all digests
  lockgate history show 12                   what served since entry 12, and what may policies do since then that they might not before?
  lockgate history show 12 gateway.toml      this file as it was
  lockgate history verify                    was the record edited, cut or put in another order? exit status 1 if so
  lockgate history verify --head 5f3a9c…     and is it still the one this head was noted of?

ENTRY counts all changes and acts, over all starts; GENERATION begins with 1 at each start. In CHANGED, + was added, - removed, ~ changed.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    gateway: Gateway,
    /// How many entries
    #[arg(short, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    n: u16,
    /// Print what /history says, as JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Print what served since an entry and how it differs from what served before; or a file as it was then
    Show(show::Args),
    /// Check in the state directory that nothing of the record was changed, removed or cut off; whether a gateway runs
    /// or not
    Verify(Verify),
}

#[derive(clap::Args)]
struct Verify {
    /// The state directory of the gateway [default: $STATE_DIRECTORY, or else .lockgate]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// A head that was noted earlier, or at least 12 letters of its beginning: it must be in the record
    #[arg(long, value_name = "HASH", value_parser = head)]
    head: Option<String>,
}

/// What is shown of `/history`.
#[derive(Deserialize)]
struct Said {
    entries: Vec<Shown>,
}

#[derive(Deserialize)]
struct Shown {
    #[serde(flatten)]
    entry: Entry,
    #[serde(default)]
    kept: bool,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.verb {
        Some(Verb::Show(args)) => return show::run(&args),
        Some(Verb::Verify(args)) => return verify(args),
        None => {}
    }
    let text = args.gateway.history(args.n)?;
    let said: Said = understood(&text)?;
    match args.json {
        true => out::line(&text),
        false => show(&said),
    }
    Ok(ExitCode::SUCCESS)
}

fn show(said: &Said) {
    let heads = ["ENTRY", "WHEN", "WHY", "GENERATION", "ROUTES", "CONTENTS", "CHANGED"].map(str::to_owned);
    let rows = said.entries.iter().map(|Shown { entry, kept }| {
        let why = reason(&entry.why);
        let (number, at) = (entry.entry.to_string(), when(entry.at));
        let Some(serving) = &entry.serving else {
            let nothing = || "-".to_owned();
            return [number, at, why, nothing(), nothing(), nothing(), about(&entry.why)];
        };
        let contents = if *kept { serving.after.hex().chars().take(SHORT).collect() } else { "not kept".into() };
        let (generation, routes) = (serving.generation.to_string(), serving.routes.to_string());
        [number, at, why, generation, routes, contents, changed(&entry.why, serving)]
    });
    out::table(std::iter::once(heads).chain(rows).collect());
}

/// Why, in a few words.
fn reason(why: &Why) -> String {
    match why {
        Why::Start => "start".to_owned(),
        Why::Folder => "folder".to_owned(),
        Why::Apply => "apply".to_owned(),
        Why::Rollback { of } => format!("rollback to {of}"),
        Why::TakenBack { policy } => out::plain(&format!("{policy} taken back")),
        Why::Promoted { policy } => out::plain(&format!("{policy} promoted")),
        Why::Aborted { policy } => out::plain(&format!("{policy} aborted")),
        Why::Consumers { act, .. } => out::plain(act),
    }
}

/// What an act was about.
fn about(why: &Why) -> String {
    match why {
        Why::Consumers { of, keys, said, .. } => {
            let said = if said.is_empty() { String::new() } else { format!("({said})") };
            let all = [of.as_str(), &keys.join(" "), &said];
            out::plain(&all.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "))
        }
        _ => String::new(),
    }
}

/// The second, in UTC.
pub(super) fn when(at: u64) -> String {
    let text = UNIX_EPOCH.checked_add(Duration::from_secs(at)).map(rfc3339).unwrap_or_default();
    text.split('.').next().map(|second| format!("{second}Z")).unwrap_or_default()
}

fn changed(why: &Why, serving: &Served) -> String {
    let Some(files) = &serving.files else { return "not known".to_owned() };
    if files.is_empty() {
        // Without one the folder would have said what served already.
        let word = match (why, serving.whole) {
            (Why::Start, _) => "nothing",
            (_, true) => "a secret",
            (_, false) => "no file that serves",
        };
        return word.to_owned();
    }
    let one = |change: &Change| format!("{}{}", mark(change), out::plain(&change.path.to_string_lossy()));
    let shown: Vec<_> = files.iter().take(MOST_SHOWN).map(one).collect();
    match files.len() + serving.more - shown.len() {
        0 => shown.join(" "),
        more => format!("{} and {more} more", shown.join(" ")),
    }
}

fn mark(Change { before, after, .. }: &Change) -> char {
    match (before, after) {
        (None, _) => '+',
        (_, None) => '-',
        _ => '~',
    }
}

fn verify(args: Verify) -> anyhow::Result<ExitCode> {
    let state = args.state.unwrap_or_else(StateDir::default_path);
    let chain = match record::verify(&state) {
        Ok(chain) => chain,
        Err(ChainError::Flaw(flaw)) => bail!("the record in {} was altered: {flaw}", state.display()),
        Err(error) => return Err(error).with_context(|| format!("the record in {}", state.display())),
    };
    if let [altered, ..] = record::altered(&state)?.as_slice() {
        bail!(
            "a record was altered before, and set aside at a start: look into {}, and move it away when you have",
            altered.display()
        );
    }
    let noted = match &args.head {
        None => String::new(),
        Some(head) => match chain.find(head) {
            Some(entry) => format!("; the head that was noted is that of entry {entry}"),
            None => bail!(
                "no entry of the record has the hash {head}: it is not the record this head was noted of, or that entry is not kept any more"
            ),
        },
    };
    let (Some(first), Some(last)) = (chain.entries().first(), chain.entries().last()) else {
        out::line("The record is whole, and has no entry yet.");
        return Ok(ExitCode::SUCCESS);
    };
    let (first, last) = (first.entry.entry, last.entry.entry);
    let entries = if first == last { format!("entry {last} is") } else { format!("entries {first} to {last} are") };
    out::line(&format!("The record is whole: {entries} signed and in order{noted}."));
    if first > 1 {
        out::line(&format!("Entries before {first} are not kept any more."));
    }
    if chain.is_torn {
        out::line("Another entry was not written to its end, or is being written.");
    }
    out::line(&format!("head {}", chain.newest_hash()));
    out::line(&format!("key  {}", chain.key));
    Ok(ExitCode::SUCCESS)
}

fn head(text: &str) -> Result<String, String> {
    let is_hash = (SHORT..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { Ok(text.to_ascii_lowercase()) } else { Err("a hash is 12 to 64 letters 0-9 and a-f".to_owned()) }
}
