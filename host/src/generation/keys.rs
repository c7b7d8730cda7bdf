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
const TOO_LARGE: &str = "secrets have at most 256 KiB; is it the right file?";

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
            let read = std::fs::File::open(path).and_then(|file| file.take(MAX_SECRET + 1).read_to_end(&mut value));
            read.map_err(|error| {
                (
                    format!("the file of secret `{name}` cannot be read: {error}"),
                    "make it readable for the gateway's user",
                )
            })?;
            if value.len() as u64 > MAX_SECRET {
                return Err((format!("the file of secret `{name}` is too large"), TOO_LARGE));
            }
            // Editors end files with a line end that is not part of the secret. Any more of them are.
            if value.pop_if(|byte| *byte == b'\n').is_some() {
                value.pop_if(|byte| *byte == b'\r');
            }
            Ok(value)
        }
    }
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
    fn a_secret_loses_one_line_end_and_is_never_cut() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        let config = config(&format!("[secret.s]\nfile = '{}'\n", path.display()));
        for (held, value) in [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a\r", "a\r"), ("\n", "")] {
            std::fs::write(&path, held).unwrap();
            assert_eq!(secret(&config, "s").unwrap(), value.as_bytes(), "{held:?}");
        }
        let longest = vec![b'a'; MAX_SECRET as usize];
        std::fs::write(&path, &longest).unwrap();
        assert_eq!(secret(&config, "s").unwrap(), longest);
        std::fs::write(&path, [longest, b"\n".to_vec()].concat()).unwrap();
        assert_eq!(secret(&config, "s").unwrap_err().1, TOO_LARGE);
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
