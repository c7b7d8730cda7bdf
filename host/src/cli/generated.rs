//! Owns finding a key the gateway generated, for the verbs that use one.

use std::path::Path;

use anyhow::{Context, bail};

use super::out;
use crate::config::{Config, KeySource, Made, Tree};
use crate::gateway::state_path;
use crate::keys::{Algorithm, KeyError, SigningKey};

/// How a key gets out of the state directory of this name and algorithm.
pub(super) type Load = fn(&Path, &str, Algorithm) -> Result<SigningKey, KeyError>;

/// A key that is kept in the state directory, and the configuration that declares it.
pub(super) struct Generated {
    pub(super) config: Config,
    /// Of `[keys.NAME]`.
    pub(super) name: String,
    pub(super) key: SigningKey,
}

impl Generated {
    /// The key `wanted`, or the only one there is, by way of `load`; none where the folder has faults, which have been told
    /// then.
    pub(super) fn find(policies: &Path, wanted: Option<&str>, load: Load) -> anyhow::Result<Option<Self>> {
        let config = match Tree::read(policies).and_then(|tree| Config::parse(&tree)) {
            Ok(config) => config,
            Err(faults) => {
                out::faults(policies, &faults);
                return Ok(None);
            }
        };
        let (name, algorithm) = generated_key(&config, wanted)?;
        let (name, state) = (name.to_owned(), state_path(&config));
        if !state.is_dir() {
            bail!("there is no state directory {} yet; start the gateway once, it makes the key", state.display());
        }
        let key = load(&state, &name, algorithm);
        let key = key.with_context(|| format!("the key `{name}` cannot be used"))?;
        Ok(Some(Self { config, name, key }))
    }
}

fn generated_key<'a>(config: &'a Config, wanted: Option<&str>) -> anyhow::Result<(&'a str, Algorithm)> {
    let generated: Vec<_> = config
        .keys
        .iter()
        .filter_map(|(name, keys)| match keys.source {
            KeySource::Generate(Made::Signing(algorithm)) => Some((name.as_str(), algorithm)),
            _ => None,
        })
        .collect();
    match (wanted, generated.as_slice()) {
        (Some(wanted), all) => all
            .iter()
            .find(|(name, _)| *name == wanted)
            .copied()
            .with_context(|| format!("`{wanted}` is not a key the gateway generates; only those it can sign with")),
        (None, [one]) => Ok(*one),
        (None, []) => bail!("no [keys.NAME] with `generate` in gateway.toml; other keys are only for verifying"),
        (None, several) => {
            let names: Vec<_> = several.iter().map(|(name, _)| *name).collect();
            bail!("several keys could sign; choose with --key one of {}", names.join(", "))
        }
    }
}
