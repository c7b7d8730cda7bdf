//! Key sets of a generation, from files, secrets and the state directory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::config::{Config, ConfigFault, KeyMaterial, KeySource, SecretSource};
use crate::keys::{KeySet, SigningKey, file};
use crate::sandbox::Digest;

/// A key set, and what tells it from another: policies that use changed keys are made anew.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) set: Arc<KeySet>,
    pub(super) digest: Digest,
}

/// Largest secret, in bytes.
const MAX_SECRET: u64 = 256 * 1024;

/// Load every declared key set. `state` is where generated keys live.
pub(super) fn load(config: &Config, state: Option<&Path>) -> Result<BTreeMap<String, Keys>, Vec<ConfigFault>> {
    let mut sets = BTreeMap::new();
    let mut faults = Vec::new();
    for (name, declared) in &config.keys {
        match key_set(config, name, &declared.source, state) {
            Ok(keys) => {
                sets.insert(name.clone(), keys);
            }
            Err((reason, advice)) => faults.push(declared.place.fault(reason, advice)),
        }
    }
    if faults.is_empty() { Ok(sets) } else { Err(faults) }
}

fn key_set(
    config: &Config,
    name: &str,
    source: &KeySource,
    state: Option<&Path>,
) -> Result<Keys, (String, &'static str)> {
    let unusable = |error: crate::keys::KeyError| {
        (format!("the keys cannot be used: {error}"), "see the README of the jwt policy for what is accepted")
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

fn bytes(config: &Config, material: &KeyMaterial) -> Result<Vec<u8>, (String, &'static str)> {
    match material {
        KeyMaterial::File(file) => Ok(file.bytes.to_vec()),
        KeyMaterial::Secret(name) => secret(config, name),
    }
}

/// The value of a secret. Only its name may ever be shown.
fn secret(config: &Config, name: &str) -> Result<Vec<u8>, (String, &'static str)> {
    use std::io::Read;
    let Some(declared) = config.secrets.get(name) else {
        return Err((format!("there is no secret `{name}`"), "declare it as [secret.NAME] in gateway.toml"));
    };
    match &declared.source {
        SecretSource::Env(variable) => {
            std::env::var_os(variable).map(std::os::unix::ffi::OsStringExt::into_vec).ok_or_else(|| {
                (
                    format!("the environment variable {variable} of secret `{name}` is not set"),
                    "set it before the gateway starts",
                )
            })
        }
        SecretSource::File(path) => {
            let mut value = Vec::new();
            let read = std::fs::File::open(path).and_then(|file| file.take(MAX_SECRET).read_to_end(&mut value));
            read.map_err(|error| {
                (
                    format!("the file of secret `{name}` cannot be read: {error}"),
                    "make it readable for the gateway's user",
                )
            })?;
            // Editors end files with a newline that is not part of the secret.
            while value.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
                value.pop();
            }
            Ok(value)
        }
    }
}
