//! Where a generation sends traces and metrics: what is configured, with its secrets and its TLS.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};

use super::material::{header, secret};
use super::tls::Maker;
use crate::config::{self, Config, ConfigFault, Host};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::otlp::{Collector, Otlp, Sample, Settings};

/// None where nothing is configured, or faults say why. What did not change is what was `before`.
pub(super) fn of(
    config: &Config,
    tls: &mut Maker<'_>,
    before: Option<&Arc<Otlp>>,
    metrics: &Metrics,
    faults: &mut Vec<ConfigFault>,
) -> Option<Arc<Otlp>> {
    let declared = config.otlp.as_ref()?;
    let origin = &declared.endpoint.origin;
    let tls = match origin.tls {
        false => None,
        true => {
            let client = tls.client(declared.tls.as_deref(), (true, false), faults, &declared.place)?;
            Some(client.config().clone())
        }
    };
    let settings = Settings {
        collector: Collector {
            tls,
            host: match &origin.host {
                Host::Name(name) => name.clone(),
                Host::Ip(ip) => ip.to_string(),
            },
            port: origin.port,
            path: declared.endpoint.path.clone(),
            headers: headers(config, declared, faults)?,
            timeout: declared.timeout,
        },
        resource: declared.resource.clone().into_iter().collect(),
        sample: declared.traces.map(Sample::of),
        metrics: declared.metrics,
        queue: declared.queue as usize,
    };
    let known = before.filter(|known| known.is_of(&settings)).cloned();
    Some(known.unwrap_or_else(|| Arc::new(Otlp::new(settings, metrics.otlp()))))
}

/// The fields that say who sends, which nothing ever shows.
fn headers(config: &Config, declared: &config::Otlp, faults: &mut Vec<ConfigFault>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, named) in &declared.headers {
        let place = declared.place.below(&format!("headers.{name}"));
        let value = secret(config, named).and_then(|value| header(value, named));
        match (HeaderName::from_bytes(name.as_bytes()), value) {
            (Ok(name), Ok(value)) => {
                headers.insert(name, value);
            }
            (_, Err((reason, advice))) => faults.push(place.fault(reason, advice)),
            (Err(_), _) => faults.push(place.fault("is no field", "name a header field in lower case")),
        }
    }
    (headers.len() == declared.headers.len()).then_some(headers)
}
