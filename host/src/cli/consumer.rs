//! `lockgate consumer`: who calls.

use std::process::ExitCode;

use super::admin::Gateway;
use super::holder;
use crate::consumers::{ConsumerView, Name};

const EXAMPLES: &str = "\
Examples:
  lockgate consumer add shop --attribute plan=gold    a consumer, and what policies are told of it
  lockgate app add shop/web                           an application of it
  lockgate key add shop/web                           a key for that
  lockgate consumer list                              all of them
  lockgate consumer disable shop                      none of its keys is good, until `enable`

Policies such as `key-auth` are told the consumer, the application and the attributes of both. Each act is an entry of
`lockgate history`, for good: call consumers by names that may stand there.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Print all consumers
    List {
        #[command(flatten)]
        gateway: Gateway,
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    #[command(flatten)]
    Other(holder::Verb<Name>),
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.verb {
        Verb::List { gateway, json } => {
            let heads = ["CONSUMER", "STATE", "APPLICATIONS", "ADDED", "ATTRIBUTES", "DESCRIPTION"];
            holder::list(gateway.list("consumers", "consumer", None)?, json, heads, |it: ConsumerView| {
                let name = it.consumer.to_string();
                holder::row(name, it.disabled, it.applications, it.created, &it.attributes, &it.description)
            })?;
        }
        Verb::Other(verb) => holder::run(verb)?,
    }
    Ok(ExitCode::SUCCESS)
}
