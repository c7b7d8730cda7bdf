//! The services of a generation that policies ask, with their secrets and their TLS. What did not change keeps its connections.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;

use super::material::{header, secret};
use super::tls::Maker;
use crate::config::{self, AuthScheme, Config, ConfigFault};
use crate::egress::{Egress, Settings};
use crate::telemetry::metrics::Metrics;
use crate::upstream::Network;

/// By name of `[egress.NAME]`; those that are missing are told of in `faults`.
pub(super) fn load(
    config: &Config,
    tls: &mut Maker<'_>,
    before: &BTreeMap<String, Arc<Egress>>,
    metrics: &Metrics,
    network: &Network,
    faults: &mut Vec<ConfigFault>,
) -> BTreeMap<String, Arc<Egress>> {
    let bounds = Arc::new(config.upstreams.clone());
    let mut services = BTreeMap::new();
    for (name, declared) in &config.egress {
        let client = match declared.terms.endpoint.origin.tls {
            false => None,
            true => match tls.client(declared.tls.as_deref(), (true, true), faults, &declared.place) {
                None => continue,
                client => client,
            },
        };
        let Some(credentials) = credentials(config, declared, faults) else { continue };
        let settings = Settings {
            name: name.clone(),
            terms: declared.terms.clone(),
            bounds: bounds.clone(),
            tls: client,
            credentials,
        };
        let known = before.get(name).filter(|known| known.is_of(&settings)).cloned();
        let make = || Egress::new(settings, metrics.egress(name)).reached_by(network.clone());
        let service = known.unwrap_or_else(|| Arc::new(make()));
        services.insert(name.clone(), service);
    }
    services
}

/// What each request carries, which nothing ever shows.
fn credentials(config: &Config, declared: &config::Egress, faults: &mut Vec<ConfigFault>) -> Option<HeaderMap> {
    let mut credentials = HeaderMap::new();
    for credential in &declared.credentials {
        let value = secret(config, &credential.secret).and_then(|value| {
            let value = match credential.scheme {
                AuthScheme::Whole => value,
                AuthScheme::Bearer => [b"Bearer ", &*value].concat(),
                AuthScheme::Basic if value.contains(&b':') => format!("Basic {}", STANDARD.encode(value)).into_bytes(),
                AuthScheme::Basic => {
                    let reason = format!("the secret `{}` is not a user and a password", credential.secret);
                    return Err((reason, "it must hold `user:password`"));
                }
            };
            header(value, &credential.secret)
        });
        match value {
            Ok(value) => {
                credentials.insert(&credential.field, value);
            }
            Err((reason, advice)) => faults.push(declared.place.fault(reason, advice)),
        }
    }
    (credentials.len() == declared.credentials.len()).then_some(credentials)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Tree;
    use crate::generation::tls::Known;

    fn config(more: &str) -> Config {
        let text = format!(
            "[listen.a]\naddress = '127.0.0.1:1'\n[egress.idp]\nurl = 'http://localhost:2'\npaths = ['/']\nprivate_ips = true\n{more}"
        );
        Config::parse(&Tree::from_files([("gateway.toml", text)])).unwrap()
    }

    fn secrets(value: &str) -> (tempfile::TempDir, String) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, value).unwrap();
        let declared = format!("[secret.s]\nfile = '{}'\n", path.display());
        (dir, declared)
    }

    fn attached(more: &str, value: &str) -> Result<HeaderMap, Vec<ConfigFault>> {
        let (_dir, secrets) = secrets(value);
        let config = config(&format!("{more}\n{secrets}"));
        let mut faults = Vec::new();
        credentials(&config, &config.egress["idp"], &mut faults).ok_or(faults)
    }

    #[test]
    fn a_secret_becomes_the_value_of_its_field_and_is_never_shown() {
        for (more, value, field, expected) in [
            ("bearer = 'secret:s'", "hunter2", "authorization", "Bearer hunter2"),
            ("basic = 'secret:s'", "user:hunter2", "authorization", "Basic dXNlcjpodW50ZXIy"),
            ("headers = { x-api-key = 'secret:s' }", "hunter2", "x-api-key", "hunter2"),
        ] {
            let attached = attached(more, value).unwrap();
            assert_eq!(attached[field], expected);
            assert!(!format!("{attached:?}").contains("hunter2") && !format!("{attached:?}").contains("dXNl"));
        }
    }

    #[test]
    fn a_secret_that_fits_no_field_is_a_fault_that_does_not_show_it() {
        for (more, value, reason) in [
            ("bearer = 'secret:s'", "hunter2\nx: y", "cannot stand in a header field"),
            ("basic = 'secret:s'", "hunter2", "is not a user and a password"),
        ] {
            let faults = attached(more, value).unwrap_err();
            assert_eq!(faults.len(), 1);
            assert!(faults[0].reason.contains(reason), "{faults:?}");
            assert!(!faults[0].to_string().contains("hunter2"));
        }
    }

    #[test]
    fn a_service_that_did_not_change_is_the_one_of_before() {
        fn with(more: &str, before: &BTreeMap<String, Arc<Egress>>) -> BTreeMap<String, Arc<Egress>> {
            let (config, known, metrics) = (config(more), Known::default(), Metrics::new("1", "1"));
            let mut faults = Vec::new();
            let services =
                load(&config, &mut Maker::new(&config, &known), before, &metrics, &Network::default(), &mut faults);
            assert_eq!(faults, []);
            services
        }
        let first = with("", &BTreeMap::new());
        assert!(Arc::ptr_eq(&first["idp"], &with("[state]\ndir = 'elsewhere'", &first)["idp"]));
        assert!(!Arc::ptr_eq(&first["idp"], &with("timeout = '1s'", &first)["idp"]));
    }
}
