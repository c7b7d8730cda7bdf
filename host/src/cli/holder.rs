//! What `consumer` and `app` have in common: adding, changing and removing who has keys.

use std::str::FromStr;

use anyhow::Context;

use super::admin::{Gateway, understood};
use super::history::when;
use super::out;
use crate::consumers::{Act, Application, Attributes, Description, Done, Holder, Name, NameError};

/// How one of them is named on the command line.
pub(super) trait Named: FromStr<Err = NameError> + Into<Holder> + Clone + Send + Sync + 'static {
    const SPELLED: &'static str;
}

impl Named for Name {
    const SPELLED: &'static str = "CONSUMER";
}

impl Named for Application {
    const SPELLED: &'static str = "CONSUMER/APPLICATION";
}

/// What can be done to either.
#[derive(clap::Subcommand)]
pub(super) enum Verb<N: Named> {
    /// Add one
    Add {
        #[command(flatten)]
        one: One<N>,
        #[command(flatten)]
        said: Said,
    },
    /// Change what is said of one
    Set {
        #[command(flatten)]
        one: One<N>,
        #[command(flatten)]
        changes: Changes,
    },
    /// Have none of its keys be good
    Disable(One<N>),
    /// Have its keys be good again
    Enable(One<N>),
    /// Remove one, with all that is its own
    Remove {
        #[command(flatten)]
        one: One<N>,
        /// Even if some of its keys are good
        #[arg(long)]
        with_keys: bool,
    },
}

/// Which one.
#[derive(clap::Args)]
pub(super) struct One<N: Named> {
    /// Names are 1 to 64 of a-z, 0-9, `.`, `_` and `-`
    #[arg(value_name = N::SPELLED, value_parser = N::from_str)]
    name: N,
    #[command(flatten)]
    gateway: Gateway,
}

/// What is said of one that is new.
#[derive(clap::Args)]
pub(super) struct Said {
    /// A line for people
    #[arg(long, value_name = "TEXT", default_value = "")]
    description: Description,
    /// An attribute that policies are told; again for each
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    attributes: Vec<(String, String)>,
}

/// What is to be said of one from now on.
#[derive(clap::Args)]
#[group(required = true, multiple = true)]
pub(super) struct Changes {
    /// A line for people
    #[arg(long, value_name = "TEXT")]
    description: Option<Description>,
    /// An attribute that policies are told, or `NAME=` for one that is taken away; again for each
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    attributes: Vec<(String, String)>,
}

pub(super) fn run<N: Named>(verb: Verb<N>) -> anyhow::Result<()> {
    match verb {
        Verb::Add { one: One { name, gateway }, said } => {
            let attributes = Attributes::new(said.attributes.into_iter().collect())?;
            let done = act(&gateway, &Act::Add { holder: name.into(), description: said.description, attributes })?;
            let next = match &done.of {
                Holder::Consumer(consumer) => format!("`lockgate app add {consumer}/NAME` adds an application of it"),
                Holder::Application(application) => format!("`lockgate key add {application}` makes a key for it"),
            };
            out::line(&format!("{} is added; {next}", done.of));
        }
        Verb::Set { one: One { name, gateway }, changes } => {
            let attributes = changes.attributes.into_iter();
            let attributes = attributes.map(|(name, value)| (name, Some(value).filter(|value| !value.is_empty())));
            let (description, attributes) = (changes.description, attributes.collect());
            let done = act(&gateway, &Act::Set { holder: name.into(), description, attributes, disabled: None })?;
            let what = if done.entry.is_some() { "is changed, from the next request on" } else { "was so before" };
            out::line(&format!("{} {what}", done.of));
        }
        Verb::Disable(one) => disable(one, true)?,
        Verb::Enable(one) => disable(one, false)?,
        Verb::Remove { one: One { name, gateway }, with_keys } => {
            let done = act(&gateway, &Act::Remove { holder: name.into(), with_keys })?;
            out::line(&format!("{} is gone, with all that was its own", done.of));
        }
    }
    Ok(())
}

fn disable<N: Named>(One { name, gateway }: One<N>, disabled: bool) -> anyhow::Result<()> {
    let (description, attributes) = Default::default();
    let done = act(&gateway, &Act::Set { holder: name.into(), description, attributes, disabled: Some(disabled) })?;
    let what = match (disabled, done.entry) {
        (true, Some(_)) => "is disabled: its keys are refused from the next request on",
        (false, Some(_)) => "is enabled: what disabled its keys is over from the next request on",
        (true, None) => "was disabled before",
        (false, None) => "was enabled before",
    };
    out::line(&format!("{} {what}", done.of));
    Ok(())
}

pub(super) fn act(gateway: &Gateway, act: &Act) -> anyhow::Result<Done> {
    understood(&gateway.act(act)?)
}

/// One of a table: its name, its state, how many are below it, when it was added, and what is said of it.
pub(super) fn row(
    name: String,
    disabled: bool,
    below: u64,
    created: u64,
    attributes: &Attributes,
    description: &Description,
) -> [String; 6] {
    let state = if disabled { "disabled" } else { "enabled" };
    let description = out::plain(&description.to_string());
    [name, state.to_owned(), below.to_string(), time(Some(created)), shown(attributes), description]
}

/// As a table has them.
fn shown(attributes: &Attributes) -> String {
    let all: Vec<_> = attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if all.is_empty() { "-".to_owned() } else { out::plain(&all.join(" ")) }
}

/// A day and time in UTC, if there is one.
pub(super) fn time(at: Option<u64>) -> String {
    at.map_or_else(|| "-".to_owned(), when)
}

/// Print a list of the gateway: as JSON, or as a table.
pub(super) fn list<T: serde::de::DeserializeOwned, const COLUMNS: usize>(
    entries: Vec<serde_json::Value>,
    json: bool,
    heads: [&str; COLUMNS],
    row: impl Fn(T) -> [String; COLUMNS],
) -> anyhow::Result<()> {
    if json {
        out::line(&serde_json::Value::from(entries).to_string());
        return Ok(());
    }
    let mut lines = vec![heads.map(str::to_owned)];
    for entry in entries {
        lines.push(row(serde_json::from_value(entry).context("the gateway is of another version")?));
    }
    out::table(lines);
    Ok(())
}

fn attribute(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("an attribute is written NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
