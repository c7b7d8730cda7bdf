//! What `consumer` and `app` have in common: adding, changing and removing who has keys.

use std::collections::BTreeMap;

use anyhow::Context;

use super::admin::{Gateway, understood};
use super::history::when;
use super::out;
use crate::consumers::{Act, Attributes, Description, Done, Holder};

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

pub(super) fn add(gateway: &Gateway, holder: Holder, said: Said) -> anyhow::Result<()> {
    let attributes = Attributes::new(said.attributes.into_iter().collect())?;
    let done = act(gateway, &Act::Add { holder, description: said.description, attributes })?;
    let next = match &done.of {
        Holder::Consumer(consumer) => format!("`lockgate app add {consumer}/NAME` adds an application of it"),
        Holder::Application(application) => format!("`lockgate key add {application}` makes a key for it"),
    };
    out::line(&format!("{} is added; {next}", done.of));
    Ok(())
}

pub(super) fn set(gateway: &Gateway, holder: Holder, changes: Changes) -> anyhow::Result<()> {
    let attributes =
        changes.attributes.into_iter().map(|(name, value)| (name, Some(value).filter(|it| !it.is_empty())));
    let (description, attributes) = (changes.description, attributes.collect());
    let done = act(gateway, &Act::Set { holder, description, attributes, disabled: None })?;
    out::line(&format!("{} is changed, from the next request on", done.of));
    Ok(())
}

pub(super) fn disable(gateway: &Gateway, holder: Holder, disabled: bool) -> anyhow::Result<()> {
    let act_of = Act::Set { holder, description: None, attributes: BTreeMap::new(), disabled: Some(disabled) };
    let done = act(gateway, &act_of)?;
    let what = if disabled { "is disabled: its keys are refused" } else { "is enabled: its keys are good" };
    out::line(&format!("{} {what}, from the next request on", done.of));
    Ok(())
}

pub(super) fn remove(gateway: &Gateway, holder: Holder, with_keys: bool) -> anyhow::Result<()> {
    let done = act(gateway, &Act::Remove { holder, with_keys })?;
    out::line(&format!("{} is gone, with all that was its own", done.of));
    Ok(())
}

pub(super) fn act(gateway: &Gateway, act: &Act) -> anyhow::Result<Done> {
    understood(&gateway.act(act)?)
}

/// As a table has them.
pub(super) fn shown(attributes: &Attributes) -> String {
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
