//! `lockgate rollout`: new versions of policies that run in the shadow, are new, or were taken back; and deciding about one.

use std::process::ExitCode;

use serde::Deserialize;

use super::admin::{Gateway, understood};
use super::out;

/// `sha256:` and as much as tells one from another.
const SHOWN_OF_DIGEST: usize = 19;

const EXAMPLES: &str = "\
Examples:
  lockgate rollout status             new versions of policies, and what is known of them
  lockgate rollout status --json      the same for programs
  lockgate rollout promote guard      the new version of the policy `guard` serves from now on
  lockgate rollout abort guard        it does not, and the one before it does
  lockgate rollout promote guard --digest ac2135d0
                                      this one, which was taken back, may serve when the folder has it again

A component that is new for [policy.NAME] serves at once, or with `rollout.shadow` runs beside the one before it first.
Stages:
  shadow      told copies of what the one before is told; what it says is compared and thrown away
  waiting     the time is over, and not all was the same: promote or abort it
  new         serves; where it fails again and again the one before it is put back
  taken-back  failed again and again; the one before it serves, and the folder is faulty until another is put there
  aborted     not wanted; likewise
  unfit       cannot run in the shadow, `lockgate status` says why; the one before it serves";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Print new versions of policies, and what is known of them
    Status(StatusArgs),
    /// Have a new version serve
    Promote(Decision),
    /// Have a new version not serve, and the one before it
    Abort(Decision),
}

#[derive(clap::Args)]
struct StatusArgs {
    #[command(flatten)]
    gateway: Gateway,
    /// Print what /rollouts says, as JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Decision {
    /// Name of a [policy.NAME]
    policy: String,
    /// Which component, by the first digits of its digest; without it the one in the folder, or else the one that is
    /// new and serves
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,
    #[command(flatten)]
    gateway: Gateway,
}

impl Decision {
    fn send(&self, what: &str) -> anyhow::Result<Decided> {
        understood(&self.gateway.decide(what, &self.policy, self.digest.as_deref())?)
    }
}

/// What came of a decision.
#[derive(Deserialize)]
struct Decided {
    digest: String,
    serves: Option<String>,
}

/// What is shown of `/rollouts`.
#[derive(Deserialize)]
struct Said {
    rollouts: Vec<Rollout>,
}

#[derive(Deserialize)]
struct Rollout {
    policy: String,
    stage: String,
    seconds_left: Option<u64>,
    digest: Option<String>,
    before: Option<String>,
    compared: Option<Compared>,
}

#[derive(Deserialize)]
struct Compared {
    agreed: u64,
    differed: u64,
    failed: u64,
    skipped: u64,
    microseconds_before: u64,
    microseconds_after: u64,
    examples: Vec<Example>,
}

#[derive(Deserialize)]
struct Example {
    hook: String,
    before: String,
    after: String,
    count: u64,
    api: String,
    route: String,
    request_id: String,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.verb {
        Verb::Status(StatusArgs { gateway, json }) => {
            let text = gateway.rollouts()?;
            let said: Said = understood(&text)?;
            match json {
                true => out::line(&text),
                false => show(&said),
            }
        }
        Verb::Promote(decision) => {
            let Decided { digest, serves } = decision.send("promote")?;
            match serves.is_some_and(|serves| serves == digest) {
                true => out::line(&format!("{digest} serves on all workers")),
                false => out::line(&format!("{digest} serves when the folder has it again")),
            }
        }
        Verb::Abort(decision) => {
            let Decided { digest, serves } = decision.send("abort")?;
            let serves = serves.map(|serves| format!(", and {serves} serves on all workers")).unwrap_or_default();
            out::line(&format!("{digest} is aborted{serves}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show(said: &Said) {
    if said.rollouts.is_empty() {
        return out::line("Every policy serves as the folder has it, and has for a while.");
    }
    let heads = ["POLICY", "STAGE", "LEFT", "NEW", "BEFORE", "AGREED", "DIFFERED", "FAILED", "SKIPPED", "TIME"];
    let rows = said.rollouts.iter().map(|rollout| {
        let digest = |digest: &Option<String>| digest.as_deref().unwrap_or("-").chars().take(SHOWN_OF_DIGEST).collect();
        let left = rollout.seconds_left.map_or_else(|| "-".to_owned(), |left| format!("{left} s"));
        let (counts, time) = match &rollout.compared {
            None => (["-"; 4].map(str::to_owned), "-".to_owned()),
            Some(it) => (
                [it.agreed, it.differed, it.failed, it.skipped].map(|count| count.to_string()),
                format!("{} -> {} us", it.microseconds_before, it.microseconds_after),
            ),
        };
        let [agreed, differed, failed, skipped] = counts;
        let (new, before): (String, String) = (digest(&rollout.digest), digest(&rollout.before));
        let (policy, stage) = (rollout.policy.clone(), rollout.stage.clone());
        [policy, stage, left, new, before, agreed, differed, failed, skipped, time].map(|cell| out::plain(&cell))
    });
    out::table(std::iter::once(heads.map(str::to_owned)).chain(rows).collect());
    for rollout in &said.rollouts {
        let Some(Compared { examples, .. }) = rollout.compared.as_ref().filter(|it| !it.examples.is_empty()) else {
            continue;
        };
        out::line(&format!("\n{}: what the new version said otherwise", out::plain(&rollout.policy)));
        for Example { hook, before, after, count, api, route, request_id } in examples {
            let line =
                format!("  {count} x {hook}: {before} -> {after}, last in request {request_id} of {api}/{route}");
            out::line(&out::plain(&line));
        }
    }
}
