//! `lockgate alerts`: what a running gateway watches for, whether it fires, and who was told.

use std::process::ExitCode;

use serde::Deserialize;

use super::admin::{Gateway, understood};
use super::out;
use crate::report::show_span;

const EXAMPLES: &str = "\
Examples:
  lockgate alerts             every [alert.NAME], how it stands, and who was told of it
  lockgate alerts --json      what /alerts says, for programs

States: `ok`; `pending` holds, and not yet for as long as `for` says; `firing`. NOTIFIED is what came of telling the receivers last: `delivered`; `failed`, and
is tried again; `refused` and `expired`, which is not tried before `repeat` is over.

JSON has `alerts`, each with `name`, `state`, `since`, `when`, `value`, `threshold` (a part of 1, microseconds or requests per minute), `shown` (the value for
people), `requests`, `errors`, `window` (seconds), `where` and `notifications` (`to`, `at`, `state`, `outcome`).";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    gateway: Gateway,
    /// Print what /alerts says, as JSON
    #[arg(long)]
    json: bool,
}

/// What is shown of `/alerts`.
#[derive(Deserialize)]
struct Said {
    alerts: Vec<Alert>,
}

#[derive(Deserialize)]
struct Alert {
    name: String,
    state: String,
    since: String,
    when: String,
    shown: Option<String>,
    requests: u64,
    window: u64,
    notifications: Vec<Notification>,
}

#[derive(Deserialize)]
struct Notification {
    to: String,
    at: Option<String>,
    state: Option<String>,
    outcome: Option<String>,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let text = args.gateway.alerts()?;
    let said: Said = understood(&text)?;
    match args.json {
        true => out::line(&text),
        false => show(&said),
    }
    Ok(ExitCode::SUCCESS)
}

fn show(said: &Said) {
    if said.alerts.is_empty() {
        return out::line("Nothing is watched for; gateway.toml has no [alert.NAME].");
    }
    let heads = ["ALERT", "STATE", "SINCE", "WHEN", "OVER", "VALUE", "REQUESTS", "NOTIFIED"];
    let rows = said.alerts.iter().map(|alert| {
        let told: Vec<_> = alert.notifications.iter().filter_map(told).collect();
        let told = if told.is_empty() { "-".to_owned() } else { told.join(", ") };
        let (name, state, when) = (alert.name.clone(), alert.state.clone(), alert.when.clone());
        let value = alert.shown.clone().unwrap_or_else(|| "-".to_owned());
        let (since, over) = (second(&alert.since), show_span(alert.window));
        [name, state, since, when, over, value, alert.requests.to_string(), told].map(|cell| out::plain(&cell))
    });
    out::table(std::iter::once(heads.map(str::to_owned)).chain(rows).collect());
}

fn told(it: &Notification) -> Option<String> {
    let (at, state, outcome) = (it.at.as_deref()?, it.state.as_deref()?, it.outcome.as_deref()?);
    Some(format!("{} {state} {outcome} {}", it.to, second(at)))
}

/// To the second.
fn second(time: &str) -> String {
    time.split_once('.').map_or_else(|| time.to_owned(), |(whole, _)| format!("{whole}Z"))
}
