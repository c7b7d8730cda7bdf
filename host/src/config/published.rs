//! Owns key sets that are fetched: where they are, by which services, and how long they are good.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use http::Method;

use super::egress::{Egress, check_asked};
use super::fault::{At, Faults, complained_below};
use super::key::{KeySource, Keys, RawKeys};
use crate::near::advice;

/// Where a key set is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PublishedAt {
    /// Path and query below the URL of the first service.
    Target(String),
    /// Where the document of this issuer says.
    Issuer(String),
}

/// When a key set is fetched, and how long it is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyRefresh {
    pub refresh: Duration,
    /// Between two attempts.
    pub cool_down: Duration,
    pub stale: Duration,
}

impl RawKeys {
    /// A set that is fetched, if it is one; complains about what has a meaning for those only.
    pub(super) fn published(&self, services: &BTreeSet<String>, faults: &mut Faults) -> Option<KeySource> {
        let at = match (&self.fetch, &self.discover) {
            (Some(path), None) => PublishedAt::Target(path.value.as_str().to_owned()),
            (None, Some(issuer)) => PublishedAt::Issuer(issuer.value.clone()),
            (None, None)
                if ["fetch", "discover"].iter().any(|key| complained_below(faults, &self.place.below(key))) =>
            {
                return None;
            }
            (None, None) => {
                let times = [&self.refresh, &self.cool_down, &self.stale].map(|it| it.as_ref().map(|it| &it.place));
                let named = self.egress.iter().map(|it| &it.place);
                for place in times.into_iter().flatten().chain(named) {
                    faults.push(place.fault("has no meaning here", "remove it; it belongs to `fetch` and `discover`"));
                }
                return None;
            }
            _ => return None,
        };
        if self.egress.is_empty() && !complained_below(faults, &self.place.below("egress")) {
            let advice = "name the [egress.NAME] by which the set is fetched";
            faults.push(self.place.below("egress").fault("is missing: nothing is fetched but by a service", advice));
        }
        for At { value, place } in self.egress.iter().filter(|it| !services.contains(&it.value)) {
            let known = services.iter().map(String::as_str);
            let advice = advice(value, known, "declare it as [egress.NAME]");
            faults.push(place.fault(format!("names the service `{value}`, which is not declared"), advice));
        }
        let or =
            |time: &Option<At<Duration>>, seconds| time.as_ref().map_or(Duration::from_secs(seconds), |it| it.value);
        let (refresh, cool_down) = (or(&self.refresh, 600), or(&self.cool_down, 5));
        let stale = self.stale.as_ref().map_or(Duration::from_secs(86_400).max(refresh * 2), |it| it.value);
        if let Some(At { value, place }) = &self.stale
            && *value < refresh * 2
        {
            let reason = "is less than twice `refresh`: a set would be too old before there is another";
            faults.push(place.fault(reason, "make it longer; what it is for is hours in which the provider is down"));
        }
        let refresh = KeyRefresh { refresh, cool_down, stale };
        let services = self.egress.iter().map(|it| it.value.clone()).collect();
        Some(KeySource::Published { services, at, refresh })
    }
}

/// Complain about sets that are to be fetched from where their services are not.
pub(super) fn check_published(
    keys: &BTreeMap<String, Option<Keys>>,
    egress: &BTreeMap<String, Egress>,
    faults: &mut Faults,
) {
    for keys in keys.values().flatten() {
        let KeySource::Published { services, at, .. } = &keys.source else { continue };
        if services.is_empty() {
            continue;
        }
        let Some(services) = services.iter().map(|name| egress.get(name)).collect::<Option<Vec<_>>>() else { continue };
        let (key, asked) = match at {
            PublishedAt::Target(target) => ("fetch", services.first().map(|service| (*service, target.clone()))),
            PublishedAt::Issuer(issuer) => {
                let document = document_of(issuer);
                let mut below = services.iter();
                ("discover", below.find_map(|it| Some((*it, it.terms.endpoint.below(&document)?.to_owned()))))
            }
        };
        let place = keys.place.below(key);
        let Some((service, target)) = asked else {
            faults.push(place.fault(
                "is below the URL of none of the services in `egress`",
                "write the issuer as its tokens name it, and name the [egress.NAME] with its URL",
            ));
            continue;
        };
        check_asked(&service.terms, &Method::GET, &target, &place, faults);
    }
}

/// Where the document of an issuer is (OpenID Connect Discovery 1.0 section 4).
pub(crate) fn document_of(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}
