//! `lockgate consumer`: who calls.

use std::process::ExitCode;

use super::admin::Gateway;
use super::holder::{self, Changes, Said};
use super::out;
use crate::consumers::{ConsumerView, Holder, Name};

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
    /// Add a consumer
    Add {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        said: Said,
    },
    /// Change what is said of a consumer
    Set {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        changes: Changes,
    },
    /// Have none of its keys be good
    Disable(Named),
    /// Have its keys be good again
    Enable(Named),
    /// Remove a consumer with its applications and keys
    Remove {
        #[command(flatten)]
        named: Named,
        /// Even if some of its keys are good
        #[arg(long)]
        with_keys: bool,
    },
}

#[derive(clap::Args)]
struct Named {
    /// 1 to 64 of a-z, 0-9, `.`, `_` and `-`
    #[arg(value_name = "CONSUMER")]
    consumer: Name,
    #[command(flatten)]
    gateway: Gateway,
}

impl Named {
    fn apart(self) -> (Gateway, Holder) {
        (self.gateway, Holder::Consumer(self.consumer))
    }
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.verb {
        Verb::List { gateway, json } => {
            let heads = ["CONSUMER", "STATE", "APPLICATIONS", "ADDED", "ATTRIBUTES", "DESCRIPTION"];
            holder::list(gateway.list("consumers", "consumer", None)?, json, heads, |it: ConsumerView| {
                let (state, added) = (if it.disabled { "disabled" } else { "enabled" }, holder::time(Some(it.created)));
                let (attributes, description) = (holder::shown(&it.attributes), it.description.to_string());
                [
                    it.consumer.to_string(),
                    state.to_owned(),
                    it.applications.to_string(),
                    added,
                    attributes,
                    out::plain(&description),
                ]
            })?;
        }
        Verb::Add { named, said } => {
            let (gateway, holder) = named.apart();
            holder::add(&gateway, holder, said)?;
        }
        Verb::Set { named, changes } => {
            let (gateway, holder) = named.apart();
            holder::set(&gateway, holder, changes)?;
        }
        Verb::Disable(named) => {
            let (gateway, holder) = named.apart();
            holder::disable(&gateway, holder, true)?;
        }
        Verb::Enable(named) => {
            let (gateway, holder) = named.apart();
            holder::disable(&gateway, holder, false)?;
        }
        Verb::Remove { named, with_keys } => {
            let (gateway, holder) = named.apart();
            holder::remove(&gateway, holder, with_keys)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
