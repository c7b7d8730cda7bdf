//! Keys of a generation, from files, secrets and the state directory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::material::{bytes, secret};
use crate::config::{Config, ConfigFault, KeySource, Made};
use crate::content::Digest;
use crate::egress::Egress;
use crate::jwks::{self, Published};
use crate::keys::{KeyError, KeySet, Sealer, Signer, SigningKey, file};
use crate::sandbox::Keyring;
use crate::telemetry::metrics::Metrics;

/// Keys by what they can do, and what tells them from others: policies that use changed keys are made anew.
#[derive(Clone)]
pub(super) struct Keys {
    /// To verify with.
    pub(super) ring: Option<Keyring>,
    pub(super) signer: Option<Arc<Signer>>,
    pub(super) sealer: Option<Arc<Sealer>>,
    pub(super) digest: Digest,
}

/// What loading goes by besides the configuration.
pub(super) struct Around<'a> {
    /// Where generated keys live, and sets that were fetched.
    pub(super) state: Option<&'a Path>,
    pub(super) services: &'a BTreeMap<String, Arc<Egress>>,
    /// The sets so far that are fetched.
    pub(super) before: &'a BTreeMap<String, Arc<Published>>,
    pub(super) metrics: &'a Metrics,
}

/// Load every declared key set.
pub(super) fn load(config: &Config, around: &Around<'_>, faults: &mut Vec<ConfigFault>) -> BTreeMap<String, Keys> {
    let mut sets = BTreeMap::new();
    for (name, declared) in &config.keys {
        match key_set(config, name, &declared.source, around) {
            Ok(keys) => {
                sets.insert(name.clone(), keys);
            }
            Err((reason, advice)) => faults.push(declared.place.fault(reason, advice)),
        }
    }
    sets
}

/// A set that is fetched: the one there is, if nothing about it changed. What it holds tells nothing of it.
fn published(settings: jwks::Settings, around: &Around<'_>) -> Keys {
    let before = around.before.get(&settings.name);
    let known = before.filter(|known| known.is_of(&settings)).cloned();
    let set = known.unwrap_or_else(|| {
        let metrics = around.metrics.key_set(&settings.name);
        Arc::new(Published::new(settings, before.map(Arc::as_ref), around.state, metrics))
    });
    let digest = Digest::of(format!("published {:p}", Arc::as_ptr(&set)).as_bytes());
    Keys { ring: Some(Keyring::Published(set)), signer: None, sealer: None, digest }
}

/// The sets among these that are fetched, by name.
pub(super) fn fetched(keys: &BTreeMap<String, Keys>) -> BTreeMap<String, Arc<Published>> {
    let fetched = keys.iter().filter_map(|(name, keys)| match &keys.ring {
        Some(Keyring::Published(set)) => Some((name.clone(), set.clone())),
        Some(Keyring::Held(_)) | None => None,
    });
    fetched.collect()
}

fn key_set(
    config: &Config,
    name: &str,
    source: &KeySource,
    around: &Around<'_>,
) -> Result<Keys, (String, &'static str)> {
    let unusable = |error: KeyError| {
        let advice = error.advice();
        (format!("the keys cannot be used: {:#}", anyhow::Error::from(error)), advice)
    };
    let (set, signer, sealer, material) = match source {
        KeySource::Jwks(material) => {
            let bytes = bytes(config, material)?;
            (Some(KeySet::from_jwks(&bytes).map_err(unusable)?), None, None, bytes)
        }
        KeySource::Pem { material, algorithm } => {
            let bytes = bytes(config, material)?;
            (Some(KeySet::from_pem(&bytes, *algorithm).map_err(unusable)?), None, None, bytes)
        }
        KeySource::Hmac { secret: name, algorithm } => {
            let bytes = secret(config, name)?;
            let signer = Signer::from_hmac(&bytes, *algorithm).map_err(unusable)?;
            (Some(KeySet::from_hmac(&bytes, *algorithm).map_err(unusable)?), Some(signer), None, bytes)
        }
        KeySource::Private { secret: name, algorithm } => {
            let bytes = secret(config, name)?;
            let signer = Signer::from_pkcs8_pem(&bytes, *algorithm).map_err(unusable)?;
            (Some(signer.public().map_err(unusable)?), Some(signer), None, bytes)
        }
        KeySource::Generate(made) => generated(name, made, around.state).map_err(unusable)?,
        KeySource::Sealing(secrets) => {
            let secrets = secrets.iter().map(|name| secret(config, name)).collect::<Result<Vec<_>, _>>()?;
            let sealer = Sealer::new(&secrets).map_err(unusable)?;
            let digests: Vec<_> = secrets.iter().map(|secret| Digest::of(secret).to_string()).collect();
            (None, None, Some(sealer), digests.concat().into_bytes())
        }
        KeySource::Published { services, at, refresh } => {
            let services = services.iter().filter_map(|name| around.services.get(name).cloned()).collect();
            let settings = jwks::Settings { name: name.to_owned(), at: at.clone(), services, refresh: *refresh };
            return Ok(published(settings, around));
        }
    };
    // The algorithm is part of what the set means.
    let digest = Digest::of(&[format!("{source:?}").as_bytes(), &material].concat());
    let ring = set.map(|set| Keyring::Held(Arc::new(set)));
    Ok(Keys { ring, signer: signer.map(Arc::new), sealer: sealer.map(Arc::new), digest })
}

/// What a key is to verify, to sign and to seal with, and what tells it from others.
type Parts = (Option<KeySet>, Option<Signer>, Option<Sealer>, Vec<u8>);

/// A key of the gateway's own. Without a state directory it lives as long as this generation; nobody else can sign or
/// open with it then.
fn generated(name: &str, made: &Made, state: Option<&Path>) -> Result<Parts, KeyError> {
    match made {
        Made::Signing(algorithm) => {
            let key = match state {
                Some(state) => file::load_or_generate(state, name, *algorithm)?,
                None => SigningKey::generate(*algorithm)?,
            };
            let jwks = key.public_jwks();
            Ok((Some(KeySet::from_jwks(jwks.as_bytes())?), Some(key.into()), None, jwks.into_bytes()))
        }
        Made::Sealing => {
            let secret = match state {
                Some(state) => file::load_or_generate_secret(state, name)?,
                None => file::generate_secret()?,
            };
            Ok((None, None, Some(Sealer::new(&[&secret])?), secret))
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
    fn a_key_that_cannot_be_used_comes_with_all_reasons_and_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, "short").unwrap();
        let secret = format!("[secret.s]\nfile = '{}'\n", path.display());
        let config = config(&format!("{secret}[keys.k]\nhmac = 'secret:s'\nalgorithm = 'HS256'\n"));
        let mut faults = Vec::new();
        let (services, before, metrics) = (BTreeMap::new(), BTreeMap::new(), Metrics::new("0", "0"));
        let around = Around { state: None, services: &services, before: &before, metrics: &metrics };
        load(&config, &around, &mut faults);
        assert!(faults[0].reason.contains("HMAC keys the length of their hash"), "{faults:?}");
        assert!(faults[0].advice.contains("longer key"), "{faults:?}");
    }
}
