//! What a component asks for when it is given its configuration, and that configuration.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};
use serde_json::{Value, json};

use super::files;
use crate::config::Grant;
use crate::content::Content;
use crate::sandbox::{Interest, Limits, MAX_MEMORY, Sandbox, Snapshot, Trial, Tried};

/// At most what an operator can give: what is said is about the component, not about limits.
const LIMITS: Limits = Limits {
    cpu: Duration::from_secs(1),
    wall: Duration::from_secs(60),
    memory: MAX_MEMORY,
    table_elements: 20_000,
    host_calls: 10_000_000,
    host_memory: MAX_MEMORY,
    log: 16 * 1024,
    calls: 1,
};

/// What the component says to its configuration, asked in a process of its own; or all that is wrong.
pub(super) fn tried(
    sandbox: &Sandbox,
    component: &Content,
    config: &Value,
) -> anyhow::Result<Result<Tried<Snapshot>, Vec<String>>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let trial = Trial { config: config.to_string(), limits: LIMITS, image: true };
    let built = match runtime.block_on(sandbox.build(component, &[trial], 1)) {
        Ok(built) => built,
        Err(error) => return Ok(Err(vec![format!("the gateway refuses it: {error}")])),
    };
    let tried =
        built.trials.into_iter().next().ok_or_else(|| anyhow!("the building process tried no configuration"))?;
    let hint = if config == &json!({}) { "; give it a configuration with --config FILE" } else { "" };
    let refused = |reason: String| format!("configuration refused: {reason}{hint}");
    Ok(tried.map_err(|reasons| reasons.into_iter().map(refused).collect()))
}

/// The grants it needs, as the operator writes them.
pub(super) fn grants(interest: &Interest, is_responder: bool) -> Vec<String> {
    let responder = is_responder.then(|| Grant::Responder.to_string());
    interest.missing(&[]).into_iter().chain(responder).collect()
}

/// The object a file holds, JSON or TOML, as a policy is handed it; an empty one where there is no file.
pub(super) fn configuration(path: Option<&Path>) -> anyhow::Result<Value> {
    let Some(path) = path else { return Ok(json!({})) };
    let text = files::read_text(path)?;
    let cannot = || format!("{} cannot be used as a configuration", path.display());
    let value = match path.extension().is_some_and(|extension| extension == "toml") {
        true => toml::from_str::<toml::Table>(&text).map(|table| plain(table.into())).with_context(cannot)?,
        false => serde_json::from_str(&text).with_context(cannot)?,
    };
    if !value.is_object() {
        return Err(anyhow!("write an object, `{{ ... }}`")).with_context(cannot);
    }
    Ok(value)
}

/// Datetimes become strings, as in chains.
fn plain(value: toml::Value) -> Value {
    match value {
        toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, plain(value))).collect(),
        toml::Value::Array(items) => items.into_iter().map(plain).collect(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(flag) => flag.into(),
    }
}
