//! Key sets of a generation, from files, secrets and the state directory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::material::{bytes, secret};
use crate::config::{Config, ConfigFault, KeySource};
use crate::content::Digest;
use crate::keys::{KeySet, SigningKey, file};

/// A key set, and what tells it from another: policies that use changed keys are made anew.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) set: Arc<KeySet>,
    pub(super) digest: Digest,
}

/// Load every declared key set. `state` is where generated keys live.
pub(super) fn load(config: &Config, state: Option<&Path>, faults: &mut Vec<ConfigFault>) -> BTreeMap<String, Keys> {
    let mut sets = BTreeMap::new();
    for (name, declared) in &config.keys {
        match key_set(config, name, &declared.source, state) {
            Ok(keys) => {
                sets.insert(name.clone(), keys);
            }
            Err((reason, advice)) => faults.push(declared.place.fault(reason, advice)),
        }
    }
    sets
}

fn key_set(
    config: &Config,
    name: &str,
    source: &KeySource,
    state: Option<&Path>,
) -> Result<Keys, (String, &'static str)> {
    let unusable = |error: crate::keys::KeyError| {
        let advice = error.advice();
        (format!("the keys cannot be used: {:#}", anyhow::Error::from(error)), advice)
    };
    let (set, material) = match source {
        KeySource::Jwks(material) => {
            let bytes = bytes(config, material)?;
            (KeySet::from_jwks(&bytes).map_err(unusable)?, bytes)
        }
        KeySource::Pem { material, algorithm } => {
            let bytes = bytes(config, material)?;
            (KeySet::from_pem(&bytes, *algorithm).map_err(unusable)?, bytes)
        }
        KeySource::Hmac { secret: name, algorithm } => {
            let bytes = secret(config, name)?;
            (KeySet::from_hmac(&bytes, *algorithm).map_err(unusable)?, bytes)
        }
        KeySource::Generate(algorithm) => {
            // Without a state directory the key lives as long as this generation; nobody else can sign with it then.
            let key = match state {
                Some(state) => file::load_or_generate(state, name, *algorithm),
                None => SigningKey::generate(*algorithm),
            };
            let key = key.map_err(unusable)?;
            let jwks = key.public_jwks();
            (KeySet::from_jwks(jwks.as_bytes()).map_err(unusable)?, jwks.into_bytes())
        }
    };
    // The algorithm is part of what the set means.
    let digest = Digest::of(&[format!("{source:?}").as_bytes(), &material].concat());
    Ok(Keys { set: Arc::new(set), digest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Tree;

    fn config(more: &str) -> Config {
        Config::parse(&Tree::from_files([("gateway.toml", format!("[listen.a]\naddress = '127.0.0.1:1'\n{more}"))]))
            .unwrap()
    }

    #[test]
    fn a_key_that_cannot_be_used_comes_with_all_reasons_and_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, "short").unwrap();
        let secret = format!("[secret.s]\nfile = '{}'\n", path.display());
        let config = config(&format!("{secret}[keys.k]\nhmac = 'secret:s'\nalgorithm = 'HS256'\n"));
        let mut faults = Vec::new();
        load(&config, None, &mut faults);
        assert!(faults[0].reason.contains("HMAC keys the length of their hash"), "{faults:?}");
        assert!(faults[0].advice.contains("longer key"), "{faults:?}");
    }
}
