//! `lockgate policy run`: the gateway with one policy in front of one upstream; what is saved takes effect.

mod follow;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::bail;

use super::super::{out, run};
use super::needs;
use super::subject::{Given, Subject};
use crate::config::Address;
use crate::gateway::{self, Options, StartError, Started};
use crate::rehearsal::{Leads, Setup, Stage};
use crate::telemetry::log;
use follow::follow;

const EXAMPLES: &str = "\
Examples:
  lockgate policy run --config greet.json --upstream http://127.0.0.1:9000               the project here
  lockgate policy run greet.wasm --config greet.json --upstream http://127.0.0.1:9000
  lockgate policy run headers.wasm --upstream http://127.0.0.1:9000 --listen 127.0.0.1:8080

Ctrl-C ends it, and nothing stays behind.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Args {
    /// The folder of a project, the file of a component, or `builtin:NAME`
    #[arg(default_value = ".", value_name = "DIR|X.wasm")]
    what: String,
    /// Where requests go
    #[arg(long, value_name = "URL")]
    upstream: String,
    #[command(flatten)]
    given: Given,
    /// Where to listen; port 0 is one the system chooses
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

/// What is there as long as the gateway runs.
type Kept = Arc<Mutex<Option<Stage>>>;

pub(in crate::cli) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (_flushed_at_the_end, lost) = log::start();
    let subject = Subject::open(&args.what)?;
    let stage = Stage::new()?;
    // Before anything is read: what changes meanwhile is looked at afterwards.
    let seen = follow::seen(&subject, &args.given);
    set(&stage, &subject, &args)?;
    let folder = stage.folder();
    let kept: Kept = Arc::new(Mutex::new(Some(stage)));
    let following = (kept.clone(), args.upstream.clone());
    let greet = |started: &Started| {
        greet(started, &following.1);
        if let Err(error) = follow(subject, args, seen, following.0) {
            tracing::error!(%error, "what is saved is not noticed");
        }
    };
    let ended = gateway::run(
        Options { folder: folder.clone(), falls_back: false, listen: None, takeover: false, given: Vec::new(), lost },
        greet,
    );
    // Whoever is putting something there has done so before it is removed.
    drop(kept.lock().unwrap_or_else(PoisonError::into_inner).take());
    match ended {
        Ok(exit) => Ok(run::exit_code(exit)),
        Err(StartError::Config(faults)) => {
            faults.iter().for_each(|fault| out::error(&format!("in the configuration made for the policy, {fault}")));
            Ok(ExitCode::FAILURE)
        }
        Err(StartError::Other(error)) => Err(error),
    }
}

/// Put on the stage what there is now.
fn set(stage: &Stage, subject: &Subject, args: &Args) -> anyhow::Result<()> {
    stage.set(&setup(subject, args)?)
}

fn setup(subject: &Subject, args: &Args) -> anyhow::Result<Setup> {
    let edition = subject.edition(None)?;
    let config = needs::configuration(args.given.config.as_deref())?;
    let terms = match edition.terms(&args.given, &config, None, false)? {
        Ok(terms) => terms,
        Err(reasons) => bail!("{}", reasons.join("; ")),
    };
    let leads = Leads::Upstream { url: args.upstream.clone(), listen: args.listen };
    let responder = edition.is_responder();
    Ok(Setup { name: edition.name, code: edition.code, config, terms, leads, responder })
}

fn greet(started: &Started, upstream: &str) {
    let policies = started.generation.policies().map(|(policy, _)| policy.name().to_string());
    out::line(&format!("{} is in front of {upstream}", policies.collect::<Vec<_>>().join(", ")));
    for (name, address) in &started.listeners {
        if let Address::Ip(address) = address {
            out::line(&format!("  {name:<7} http://{address}"));
        }
    }
    out::line(&format!("  {:<7} http://{}", "admin", started.admin));
    out::line("Ready. What is saved takes effect; Ctrl-C ends it.");
}
