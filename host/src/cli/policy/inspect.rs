//! `lockgate policy inspect`: what a component holds, asks for and would need to be granted.

mod text;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use serde::Serialize;
use serde_json::{Value, json};

use super::super::out;
use super::component::{Component, Source};
use super::{files, verify};
use crate::config::Grant;
use crate::sandbox::{Image, Inspection, Interest, Limits, MAX_MEMORY, Sandbox, Trial};
use crate::signature::{PublicKey, beside};

/// At most what an operator can give: what is said is about the component, not about limits.
const LIMITS: Limits = Limits {
    cpu: Duration::from_secs(1),
    wall: Duration::from_secs(60),
    memory: MAX_MEMORY,
    table_elements: 20_000,
    host_calls: 10_000_000,
    host_memory: MAX_MEMORY,
    log: 0,
    calls: 1,
};

const EXAMPLES: &str = "\
Examples:
  lockgate policy inspect greet.wasm
  lockgate policy inspect greet.wasm --config greet.json     what it needs with this configuration
  lockgate policy inspect greet.wasm --key team.pub          is it signed by the team?
  lockgate policy inspect builtin:jwt --json | jq .imports
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
        let config = args.config.as_deref().map_or_else(|| Ok(json!({})), configuration)?;
        let inspection = Inspection::of(&component.bytes).with_context(|| format!("{} is refused", args.component))?;
        let mut faults = Vec::new();
        let signature = signature(&component, args.key.as_ref(), &mut faults)?;
        let told = if args.no_run { None } else { configure(&component.bytes, &config, &mut faults)? };
        let (interest, image) = told.unzip();
        let is_responder = inspection.hooks.contains(&"responder");
        let grant = interest.as_ref().map(|interest| grants(interest, is_responder)).unwrap_or_default();
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
    let verified = key.map(|key| key.verify(&component.bytes, &signature));
    if let Some(Err(error)) = &verified {
        faults.push(format!("{}: {error}", file.display()));
    }
    let (id, comment) = (signature.id().to_string(), signature.comment().to_owned());
    Ok(Some(Signed { file, key_id: Some(id), comment: Some(comment), verified: verified.map(|it| it.is_ok()) }))
}

/// What the component says to its configuration, asked in a process of its own.
fn configure(bytes: &[u8], config: &Value, faults: &mut Vec<String>) -> anyhow::Result<Option<(Interest, Snapshot)>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sandbox = Sandbox::new(None)?;
    let trial = Trial { config: config.to_string(), limits: LIMITS, image: true };
    let built = match runtime.block_on(sandbox.build(bytes, &[trial])) {
        Ok(built) => built,
        Err(error) => {
            faults.push(format!("the gateway refuses it: {error}"));
            return Ok(None);
        }
    };
    match built.trials.into_iter().next() {
        Some(Ok(tried)) => {
            let image = match tried.image {
                Image::Taken(image) => Snapshot::Bytes(image.bytes()),
                Image::Impossible(reason) => Snapshot::Impossible(reason),
                Image::NotWanted => return Err(anyhow!("the building process took no image")),
            };
            Ok(Some((tried.interest, image)))
        }
        Some(Err(reasons)) => {
            faults.extend(reasons.into_iter().map(|reason| format!("configuration refused: {reason}")));
            Ok(None)
        }
        None => Err(anyhow!("the building process tried no configuration")),
    }
}

fn grants(interest: &Interest, is_responder: bool) -> Vec<String> {
    let responder = is_responder.then(|| Grant::Responder.to_string());
    interest.missing(&[]).into_iter().chain(responder).collect()
}

/// The object a file holds, as a policy is handed it.
fn configuration(path: &Path) -> anyhow::Result<Value> {
    let text = files::read_text(path)?;
    let cannot = || format!("{} cannot be used as a configuration", path.display());
    let value = match path.extension().is_some_and(|extension| extension == "toml") {
        true => toml::from_str::<toml::Table>(&text).map(|table| plain(table.into())).with_context(cannot)?,
        false => serde_json::from_str(&text).with_context(cannot)?,
    };
    if !value.is_object() {
        return Err(anyhow!("write an object, `{{ ... }}`")).with_context(cannot);
    }
    Ok(value)
}

/// Datetimes become strings, as in chains.
fn plain(value: toml::Value) -> Value {
    match value {
        toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, plain(value))).collect(),
        toml::Value::Array(items) => items.into_iter().map(plain).collect(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(flag) => flag.into(),
    }
}
