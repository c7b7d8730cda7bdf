//! The command line: one file for each verb; thin, what they do is done elsewhere.

mod admin;
mod alerts;
mod app;
mod apply;
mod audit;
mod check;
mod consumer;
mod dashboard;
mod debug_token;
mod diff;
mod exchange;
mod generated;
mod health;
mod history;
mod holder;
mod jwks;
mod key;
mod life;
mod out;
mod policy;
mod privacy;
mod reference;
mod report;
mod rollback;
mod rollout;
mod routes;
mod run;
mod status;
mod tail;
mod token;

use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::near::nearest;

/// The folder that is meant when none is named.
const DEFAULT_FOLDER: &str = "policies";

const EXAMPLES: &str = "\
Examples:
  lockgate                             serve what policies/ says
  lockgate run etc/policies            serve another folder
  lockgate --listen 127.0.0.1:9000     the same on another port
  lockgate check                       is everything right? exit status 1 and all faults if not
  lockgate audit --html > audit.html   what may each policy see and do? a page to sign
  lockgate privacy report              which personal data passes, and what redacts it? (Art. 30 GDPR)
  lockgate routes --json               the route table, for programs
  lockgate token --subject alice       a token for the demo, valid for an hour
  lockgate debug-token --for 15m       a token to have answers explained
  lockgate health                      does the gateway of this machine take requests?
  lockgate status                      what does it serve, and what is wrong with its folder?
  lockgate diff next                   what would change if next/ served?
  lockgate apply next                  check next/ and have it served in place of policies/
  lockgate history                     what has served, since when and why?
  lockgate rollback                    and back to what served before
  lockgate rollout status              are new versions of policies as good as those before them?
  lockgate report --by operation       how much was asked for, how long did it take, what failed?
  lockgate tail --where status=5xx     requests as they end
  lockgate alerts                      what is watched for, and does it fire?
  lockgate dashboard                   the same in a browser, with charts and single requests
  lockgate consumer add shop           who calls; then `lockgate app add` and `lockgate key add`
  lockgate policy new greet            a project for a policy of your own";

/// A programmable API gateway whose policies are sandboxed WebAssembly components.
#[derive(Parser)]
#[command(name = "lockgate", after_help = EXAMPLES, args_conflicts_with_subcommands = true, disable_version_flag = true)]
struct Cli {
    /// Print versions and exit
    #[arg(short = 'V', long)]
    version: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    run: run::Args,
}

#[derive(Subcommand)]
enum Verb {
    /// Serve until asked to end (SIGTERM, SIGINT); what runs when no verb is given
    Run(run::Args),
    /// Check a folder and every component in it, and print its route table
    Check(check::Args),
    /// Check a folder, and put it in the place of the one a running gateway follows
    Apply(apply::Args),
    /// Print what each policy of a folder may see and do, and what changed of that
    Audit(audit::Args),
    /// Print which policies, powers and routes would change if another folder served
    Diff(diff::Args),
    /// Print which change served when and why; check that this record was not altered
    History(history::Args),
    /// Put back what the folder of a running gateway held at an entry of its history
    Rollback(rollback::Args),
    /// Watch and decide what becomes of new versions of policies
    Rollout(rollout::Args),
    /// List consumers, add and change them: who calls
    Consumer(consumer::Args),
    /// List the applications of consumers, add and change them
    App(app::Args),
    /// List the keys of applications, make, rotate and revoke them
    Key(key::Args),
    /// Print the route table of a folder
    Routes(routes::Args),
    /// Make a token signed with a key the gateway generated, to try things out
    Token(token::Args),
    /// Print the public half of a key the gateway generated, for whoever checks what it signs
    Jwks(jwks::Args),
    /// Make a token for which answers are explained in a field, to see what happens to a request
    DebugToken(debug_token::Args),
    /// Ask a running gateway whether it takes requests; exit status 1 if not, for probes
    Health(health::Args),
    /// Print what a running gateway serves, and what is wrong with its folder
    Status(status::Args),
    /// Write, build, inspect, sign and verify policies
    Policy(policy::Args),
    /// Print where personal data passes, who is given it, and what of it no policy redacts
    Privacy(privacy::Args),
    /// Print how much was asked for, by whom, how long it took and what failed
    Report(report::Args),
    /// Print requests of a running gateway as they end
    Tail(tail::Args),
    /// Print what a running gateway watches for, and whether it fires
    Alerts(alerts::Args),
    /// Print a link to the pages of a running gateway about its requests, for one browser
    Dashboard(dashboard::Args),
    /// Print every key of the configuration, with type, default and meaning; or the contract of policies
    Reference(reference::Args),
    /// Build a component, as a child of the gateway
    #[command(name = crate::sandbox::BUILD_VERB, hide = true)]
    Build,
}

/// The whole program.
pub fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| {
        // A word that is neither a verb nor alone: the parser takes it for the folder, and what follows for the fault.
        let word = std::env::args().nth(1).map(std::path::PathBuf::from);
        match word.and_then(|word| misspelt(&word)).filter(|_| error.use_stderr()) {
            Some(misspelt) => {
                out::error(&format!("{misspelt:#}"));
                std::process::exit(2)
            }
            None => error.exit(),
        }
    });
    if cli.version {
        out::line(&format!(
            "lockgate {} (wasmtime {}, contract lockgate:policy@{})",
            env!("CARGO_PKG_VERSION"),
            crate::sandbox::WASMTIME_VERSION,
            crate::sandbox::CONTRACT,
        ));
        return ExitCode::SUCCESS;
    }
    let done = match cli.verb {
        None => misspelt(&cli.run.folder).map_or_else(|| run::run(cli.run), Err),
        Some(Verb::Run(args)) => run::run(args),
        Some(Verb::Check(args)) => check::run(args),
        Some(Verb::Apply(args)) => apply::run(args),
        Some(Verb::Audit(args)) => audit::run(args),
        Some(Verb::Diff(args)) => diff::run(args),
        Some(Verb::History(args)) => history::run(args),
        Some(Verb::Rollback(args)) => rollback::run(args),
        Some(Verb::Rollout(args)) => rollout::run(args),
        Some(Verb::Consumer(args)) => consumer::run(args),
        Some(Verb::App(args)) => app::run(args),
        Some(Verb::Key(args)) => key::run(args),
        Some(Verb::Routes(args)) => routes::run(args),
        Some(Verb::Token(args)) => token::run(args),
        Some(Verb::Jwks(args)) => jwks::run(&args),
        Some(Verb::DebugToken(args)) => debug_token::run(args),
        Some(Verb::Health(args)) => health::run(args),
        Some(Verb::Status(args)) => status::run(args),
        Some(Verb::Policy(args)) => policy::run(args),
        Some(Verb::Privacy(args)) => privacy::run(args),
        Some(Verb::Report(args)) => report::run(args),
        Some(Verb::Tail(args)) => tail::run(args),
        Some(Verb::Alerts(args)) => alerts::run(args),
        Some(Verb::Dashboard(args)) => dashboard::run(args),
        Some(Verb::Reference(args)) => reference::run(&args),
        Some(Verb::Build) => crate::sandbox::trial::main().map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        out::error(&format!("{error:#}"));
        ExitCode::FAILURE
    })
}

/// What is wrong with a folder that is none, and nearly the name of a verb.
fn misspelt(folder: &Path) -> Option<anyhow::Error> {
    let word = folder.to_str().filter(|_| !folder.exists())?;
    let command = Cli::command();
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set()).map(clap::Command::get_name);
    let near = nearest(word, verbs).filter(|near| *near != word)?;
    Some(anyhow::anyhow!("there is no verb and no folder `{word}`; did you mean `lockgate {near}`?"))
}
