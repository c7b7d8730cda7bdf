//! `lockgate status`: what of each part of the folder a running gateway serves, since when, and what is wrong.

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use super::admin::{Gateway, understood};
use super::out;
use crate::config::ConfigFault;

/// When not all serves as the folder says, or not all that is to be kept can be put on the disk.
const NOT_AS_IT_STANDS: u8 = 3;

/// `sha256:` and as much as tells one from another.
const SHOWN_OF_DIGEST: usize = 19;

const EXAMPLES: &str = "\
Examples:
  lockgate status                              what serves, and what is wrong; exit status 3 if something is
  lockgate status --state /var/lib/lockgate    where the state directory is another
  lockgate status --json                       what /status says, for programs

States: `current` serves as it stands in the folder; `shadowed` has a new component there, which runs in the shadow of the one that serves
(see `lockgate rollout status`); `held` is faulty there, and what was good before serves; `unavailable` cannot be
used at all, and requests for it are answered with 503.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    gateway: Gateway,
    /// Print what /status says, as JSON
    #[arg(long)]
    json: bool,
}

/// What is shown of `/status`.
#[derive(Deserialize)]
struct Said {
    version: String,
    folder: String,
    generation: u64,
    since: u64,
    building_since: Option<u64>,
    refused: Option<Refused>,
    /// Why a start would not serve what serves now.
    unkept: Option<String>,
    record: Record,
    consumers: Consumers,
    analytics: Option<Analytics>,
    key_sets: Vec<KeySet>,
    limiters: Vec<Limiter>,
    access: Vec<Access>,
    routes: Vec<serde::de::IgnoredAny>,
    parts: Vec<Part>,
}

#[derive(Deserialize)]
struct Refused {
    at: u64,
    faults: Vec<ConfigFault>,
}

#[derive(Deserialize)]
struct Record {
    faults: Vec<String>,
}

#[derive(Deserialize)]
struct Consumers {
    keys: Option<u64>,
    /// Why nobody is known.
    fault: Option<String>,
}

/// The account of requests.
#[derive(Deserialize)]
struct Analytics {
    /// Requests that there is none of.
    lost: u64,
    /// Not all of it can be put on the disk.
    failing: bool,
}

/// A token the gateway gets for itself.
#[derive(Deserialize)]
struct Access {
    access: String,
    good_for_seconds: Option<u64>,
    failing: bool,
}

/// Of an identity provider.
#[derive(Deserialize)]
struct KeySet {
    keys: String,
    usable: Option<u64>,
    good_for_seconds: Option<u64>,
    failing: bool,
}

/// With a store that others share.
#[derive(Deserialize)]
struct Limiter {
    limiter: String,
    answers: bool,
}

#[derive(Deserialize)]
struct Part {
    part: String,
    state: String,
    source: String,
    digest: Option<String>,
    since: u64,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let text = args.gateway.status()?;
    let said: Said = understood(&text)?;
    match args.json {
        true => out::line(&text),
        false => show(&said),
    }
    let is_kept = said.unkept.is_none()
        && said.record.faults.is_empty()
        && said.consumers.fault.is_none()
        && said.analytics.as_ref().is_none_or(|analytics| !analytics.failing);
    let is_well = said.refused.is_none() && is_kept;
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::from(NOT_AS_IT_STANDS) })
}

fn show(said: &Said) {
    let (routes, age) = (out::counted(said.routes.len(), "route"), age(said.since));
    out::line(&format!("Lockgate {} follows {}", said.version, out::plain(&said.folder)));
    out::line(&format!("generation {} has been serving for {age}, with {routes}", said.generation));
    let heads = ["PART", "STATE", "FOR", "SOURCE", "DIGEST"].map(str::to_owned);
    let rows = said.parts.iter().map(|part| {
        let digest = part.digest.as_deref().unwrap_or("-").chars().take(SHOWN_OF_DIGEST).collect();
        [&part.part, &part.state, &self::age(part.since), &part.source, &digest].map(|cell| out::plain(cell))
    });
    out::table(std::iter::once(heads).chain(rows).collect());
    if let Some(since) = said.building_since {
        out::line(&format!("\nA change of the folder is being built, for {}.", self::age(since)));
    }
    if let Some(why) = &said.unkept {
        out::line(&format!("\nA start would not serve this: {}", out::plain(why)));
    }
    for fault in &said.record.faults {
        out::line(&format!("\nThe record: {}", out::plain(fault)));
    }
    for KeySet { keys, usable, good_for_seconds, .. } in said.key_sets.iter().filter(|set| set.failing) {
        let known = match (usable, good_for_seconds) {
            (Some(count), Some(seconds)) => format!("{count} keys that are known are good for another {seconds} s"),
            _ => "none of its keys is known, so nothing they sign is good".to_owned(),
        };
        out::line(&format!("\nThe key set `{}` cannot be fetched: {known}.", out::plain(keys)));
    }
    for Access { access, good_for_seconds, .. } in said.access.iter().filter(|access| access.failing) {
        let shown = match good_for_seconds {
            Some(seconds) => format!("the one there is is good for another {seconds} s"),
            None => "there is none, so upstreams that want it are not asked".to_owned(),
        };
        out::line(&format!("\nThe access token `{}` cannot be fetched: {shown}.", out::plain(access)));
    }
    for Limiter { limiter, .. } in said.limiters.iter().filter(|limiter| !limiter.answers) {
        out::line(&format!("\nThe store of the limiter `{}` does not answer.", out::plain(limiter)));
    }
    match (&said.consumers.fault, said.consumers.keys) {
        (Some(fault), _) => out::line(&format!("\nNobody's keys are known: {}", out::plain(fault))),
        (None, Some(keys)) if keys > 0 => out::line(&format!("\nKeys of consumers that are known: {keys}.")),
        _ => {}
    }
    if let Some(Analytics { lost, .. }) = said.analytics.as_ref().filter(|analytics| analytics.failing) {
        let lost = if *lost > 0 { format!(" Requests that are lost to it: {lost}.") } else { String::new() };
        out::line(&format!(
            "\nNot all of the account of requests can be put on the disk; the log says what is in the way.{lost}"
        ));
    }
    if let Some(refused) = &said.refused {
        out::line(&format!("\nWrong in the folder for {}:", self::age(refused.at)));
        refused.faults.iter().for_each(|fault| out::line(&format!("  {}", out::plain(&fault.to_string()))));
    }
}

/// How long ago that was, in the largest unit that is none too large.
fn age(since: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let seconds = now.saturating_sub(since);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
