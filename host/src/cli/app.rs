//! `lockgate app`: the applications of consumers.

use std::process::ExitCode;

use super::admin::Gateway;
use super::holder;
use crate::consumers::{Application, ApplicationView, Holder, Name};

const EXAMPLES: &str = "\
Examples:
  lockgate app add shop/web --attribute tier=2    an application of the consumer `shop`
  lockgate key add shop/web                       a key for it
  lockgate app list shop                          the applications of `shop`
  lockgate app set shop/web --attribute tier=     without that attribute from now on

Where an application and its consumer both have an attribute, policies are told that of the application.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Print the applications of all consumers, or of one
    List {
        /// Only those of this one
        #[arg(value_name = "CONSUMER")]
        consumer: Option<Name>,
        #[command(flatten)]
        gateway: Gateway,
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    #[command(flatten)]
    Other(holder::Verb<Application>),
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.verb {
        Verb::List { consumer, gateway, json } => {
            let heads = ["APPLICATION", "STATE", "KEYS", "ADDED", "ATTRIBUTES", "DESCRIPTION"];
            let of = consumer.map(Holder::Consumer);
            let all = gateway.list("applications", "application", of.as_ref())?;
            holder::list(all, json, heads, |it: ApplicationView| {
                let name = it.application.to_string();
                holder::row(name, it.disabled, it.keys, it.created, &it.attributes, &it.description)
            })?;
        }
        Verb::Other(verb) => holder::run(verb)?,
    }
    Ok(ExitCode::SUCCESS)
}
