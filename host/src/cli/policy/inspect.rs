//! `lockgate policy inspect`: what a component holds, asks for and would need to be granted.

mod text;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use serde::Serialize;
use serde_json::{Value, json};

use super::super::out;
use super::component::{Component, Source};
use super::{needs, verify};
use crate::config::Grant;
use crate::content::Content;
use crate::sandbox::{Image, Inspection, Interest, Sandbox};
use crate::signature::{PublicKey, beside};

const EXAMPLES: &str = "\
Examples:
  lockgate policy inspect headers.wasm
  lockgate policy inspect greet.wasm --config greet.json     what it needs with this configuration
  lockgate policy inspect greet.wasm --key team.pub          is it signed by the team?
  lockgate policy inspect builtin:cors --json | jq .imports
  lockgate policy inspect theirs.wasm --no-run               by whom? then do not even ask it

The exit status is 1 where something is wrong; what can be said is printed all the same.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Args {
    /// The file of a component, or `builtin:NAME`
    component: String,
    /// Its configuration, JSON or TOML (`*.toml`); `{}` when absent
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only read the component: nothing of it is compiled or run, so it cannot be asked what it needs
    #[arg(long, conflicts_with = "config")]
    no_run: bool,
    /// Verify the signature beside the component with this public key, or the key in this file
    #[arg(long, value_name = "FILE|RW...", value_parser = |text: &str| verify::public_key(text).map_err(|error| format!("{error:#}")))]
    key: Option<PublicKey>,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

pub(in crate::cli) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let report = match Report::of(&args) {
        Ok(report) => report,
        Err(error) if args.json => {
            out::line(&json!({ "ok": false, "faults": [format!("{error:#}")] }).to_string());
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error),
    };
    if args.json {
        out::line(&serde_json::to_string(&report)?);
    } else {
        out::text(&text::text(&report));
        report.faults.iter().for_each(|fault| out::error(&out::plain(fault)));
    }
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything there is to say.
#[derive(Serialize)]
struct Report {
    ok: bool,
    /// Whether it was compiled, and asked what it needs.
    was_run: bool,
    /// As `source` names it.
    source: String,
    #[serde(flatten)]
    inspection: Inspection,
    signature: Option<Signed>,
    /// Absent if `configure` did not accept the configuration, or was not asked.
    interest: Option<Interest>,
    /// Whether fresh instances can be made from an image of the configured component. Absent as the interest is.
    image: Option<Snapshot>,
    /// The grants it needs, as the operator writes them.
    grant: Vec<String>,
    /// To be put into gateway.toml.
    policy: Option<String>,
    faults: Vec<String>,
}

/// What instances of its own for each call would be made from.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Snapshot {
    /// An image, of so many bytes as compiled code.
    Bytes(usize),
    /// The component, which is configured each time: why there can be no image.
    Impossible(String),
}

/// The signature beside the component.
#[derive(Serialize)]
struct Signed {
    file: PathBuf,
    key_id: Option<String>,
    comment: Option<String>,
    /// None without a key to verify with.
    verified: Option<bool>,
}

impl Report {
    fn of(args: &Args) -> anyhow::Result<Self> {
        let component = Component::read(&args.component)?;
        let config = needs::configuration(args.config.as_deref())?;
        let inspection =
            Inspection::of(&component.content).with_context(|| format!("{} is refused", args.component))?;
        let mut faults = Vec::new();
        let signature = signature(&component, args.key.as_ref(), &mut faults)?;
        let told = if args.no_run { None } else { configure(&component.content, &config, &mut faults)? };
        let (interest, image) = told.unzip();
        let is_responder = inspection.hooks.contains(&"responder");
        let grant = interest.as_ref().map(|interest| needs::grants(interest, is_responder)).unwrap_or_default();
        for word in &grant {
            if let Err(error) = word.parse::<Grant>() {
                faults.push(format!("it declares what cannot be granted, `{word}`: {error}"));
            }
        }
        let policy = interest.as_ref().map(|_| text::policy(&component.source, &inspection, &grant));
        let (ok, source) = (faults.is_empty(), component.source.reference());
        Ok(Self { ok, was_run: !args.no_run, source, inspection, signature, interest, image, grant, policy, faults })
    }
}

/// The signature beside the file, if there is one, verified if there is a key.
fn signature(
    component: &Component,
    key: Option<&PublicKey>,
    faults: &mut Vec<String>,
) -> anyhow::Result<Option<Signed>> {
    let file = match &component.source {
        Source::File(path) => beside(path),
        Source::Builtin(_) if key.is_some() => {
            bail!("built-in policies are part of the gateway, and signed with it only")
        }
        Source::Builtin(_) => return Ok(None),
    };
    if !file.is_file() {
        if key.is_some() {
            faults.push(format!("it is not signed: there is no {}", file.display()));
        }
        return Ok(None);
    }
    let signature = match verify::signature(&file) {
        Ok(signature) => signature,
        Err(error) => {
            faults.push(format!("{error:#}"));
            return Ok(Some(Signed { file, key_id: None, comment: None, verified: key.map(|_| false) }));
        }
    };
    let verified = key.map(|key| key.verify(&component.content, &signature));
    if let Some(Err(error)) = &verified {
        faults.push(format!("{}: {error}", file.display()));
    }
    let (id, comment) = (signature.id().to_string(), signature.comment().to_owned());
    Ok(Some(Signed { file, key_id: Some(id), comment: Some(comment), verified: verified.map(|it| it.is_ok()) }))
}

/// What the component says to its configuration, asked in a process of its own.
fn configure(
    component: &Content,
    config: &Value,
    faults: &mut Vec<String>,
) -> anyhow::Result<Option<(Interest, Snapshot)>> {
    let tried = match needs::tried(&Sandbox::new(None)?.hurried(), component, config)? {
        Ok(tried) => tried,
        Err(reasons) => {
            faults.extend(reasons);
            return Ok(None);
        }
    };
    let image = match tried.image {
        Image::Taken(image) => Snapshot::Bytes(image.bytes()),
        Image::Impossible(reason) => Snapshot::Impossible(reason),
        Image::NotWanted => return Err(anyhow!("the building process took no image")),
    };
    Ok(Some((tried.interest, image)))
}
