//! `lockgate policy test`: plays exchanges that are written as files, and compares what comes of them with what the files expect.

mod report;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};

use super::super::out;
use super::subject::{Edition, Given, Subject};
use super::{files, needs};
use crate::config::ConfigFault;
use crate::rehearsal::{Leads, Overheard, Player, Script, Setup, Stage};
use report::{Exchange, File, Report};

/// What files of exchanges end in.
const EXTENSION: &str = "http";
/// Where they are looked for.
const FOLDER: &str = "exchanges";

const EXAMPLES: &str = "\
Examples:
  lockgate policy test                                build the project here, and play exchanges/*.http
  lockgate policy test --update                       the same, and write what came of them into the files
  lockgate policy test greet.wasm exchanges/ahoy.http
  lockgate policy test builtin:cors cors.http --config cors.json

A file begins as requests alone:

  ### A response is greeted
  GET /pets

What may follow, and what `--update` adds: README.md of the SDK. The exit status is 1 unless all came out as expected.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Args {
    /// The folder of a project, the file of a component, or `builtin:NAME`
    #[arg(default_value = ".", value_name = "DIR|X.wasm")]
    what: String,
    /// Files of exchanges, or folders of them; by default the folder `exchanges` beside the component or in the project
    #[arg(value_name = "FILE|DIR")]
    exchanges: Vec<PathBuf>,
    #[command(flatten)]
    given: Given,
    /// Write what came of each exchange into its file, as what is expected from now on
    #[arg(long)]
    update: bool,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

pub(in crate::cli) fn run(mut args: Args) -> anyhow::Result<ExitCode> {
    // Of the project here.
    if Path::new(&args.what).extension().is_some_and(|extension| extension == EXTENSION) {
        args.exchanges.insert(0, std::mem::replace(&mut args.what, ".".to_owned()).into());
    }
    let report = match report(&args) {
        Ok(report) => report,
        Err(error) if args.json => {
            out::line(&serde_json::json!({ "ok": false, "faults": [format!("{error:#}")] }).to_string());
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error),
    };
    match args.json {
        true => out::line(&serde_json::to_string(&report)?),
        false => report.show(),
    }
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report(args: &Args) -> anyhow::Result<Report> {
    let subject = Subject::open(&args.what)?;
    let paths = match args.exchanges.as_slice() {
        [] => {
            let folder = subject.folder().join(FOLDER);
            if !folder.is_dir() {
                bail!(
                    "there is no {}; name a file of exchanges, or write one there",
                    files::relative(&folder).display()
                );
            }
            found(&folder)?
        }
        named => named.iter().map(|path| found(path)).collect::<anyhow::Result<Vec<_>>>()?.concat(),
    };
    let overheard = Overheard::start();
    // One for all: what is compiled once is there for all files.
    let stage = Stage::new()?;
    let edition = subject.edition(Some(stage.code()))?;
    let files = paths.iter().map(|path| play(path, args, &edition, &stage, &overheard));
    Ok(Report::of(&edition, files.collect::<anyhow::Result<_>>()?))
}

/// The file itself, or those of a folder in the order of their names.
fn found(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let paths: Vec<_> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    let wanted = |path: &PathBuf| path.extension().is_some_and(|extension| extension == EXTENSION);
    let mut paths: Vec<_> = paths.into_iter().filter(wanted).collect();
    paths.sort();
    let paths: Vec<_> = paths.iter().map(|path| files::relative(path)).collect();
    if paths.is_empty() {
        bail!(
            "{} holds no file of exchanges, *.{EXTENSION}; write one, `### What is to be shown` and `GET /`",
            path.display()
        );
    }
    Ok(paths)
}

/// Play one file.
fn play(path: &Path, args: &Args, edition: &Edition, stage: &Stage, overheard: &Overheard) -> anyhow::Result<File> {
    let script = match Script::parse(path, files::read_text(path)?) {
        Ok(script) => script,
        Err(faults) => return Ok(File::faulty(path, shown(faults, None))),
    };
    let given = Given {
        config: args.given.config.clone().or_else(|| script.config.clone()),
        grants: args.given.grants.clone().or_else(|| script.grants.clone()),
        grant: args.given.grant.clone(),
    };
    let config = needs::configuration(given.config.as_deref())?;
    let terms = match edition.terms(&given, &config, Some(stage.code()), true)? {
        Ok(terms) => terms,
        Err(reasons) => return Ok(File::faulty(path, reasons)),
    };
    let mut patterns: Vec<_> = script.scenes.iter().filter_map(|scene| scene.told.route.clone()).collect();
    patterns.sort();
    patterns.dedup();
    let setup = Setup {
        name: edition.name.clone(),
        code: edition.code.clone(),
        config,
        terms,
        leads: Leads::Offline(patterns),
        responder: edition.is_responder(),
    };
    stage.set(&setup)?;
    let player = match Player::new(stage, overheard.clone())? {
        Ok(player) => player,
        Err(faults) => return Ok(File::faulty(path, shown(faults, given.grants.as_deref()))),
    };
    let played: Vec<_> = script.scenes.iter().map(|scene| player.play(scene)).collect();
    if args.update && script.scenes.iter().zip(&played).any(|(scene, played)| !scene.expects(&played.outcome)) {
        files::replace(path, script.with(played.iter().map(|played| played.outcome.as_str())).as_bytes())?;
    }
    let exchanges = script.scenes.into_iter().zip(played);
    let exchanges = exchanges.map(|(scene, played)| Exchange::of(scene, played, player.instances(), args.update));
    Ok(File::played(path, exchanges.collect()))
}

/// What is wrong with the stage, of which `grants` is what an author wrote, if anything is.
fn shown(faults: Vec<ConfigFault>, grants: Option<&Path>) -> Vec<String> {
    let named = |fault: ConfigFault| match grants {
        // Lines are others on the stage.
        Some(file) if fault.file == Path::new(Stage::GRANTS) => {
            ConfigFault { file: files::relative(file), line: None, ..fault }
        }
        _ => fault,
    };
    faults.into_iter().map(|fault| named(fault).to_string()).collect()
}
