//! Owns key sets as the operator declares them: where the material comes from and the algorithm it is bound to.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::time::Duration;

use http::Method;

use super::egress::Egress;
use super::fault::{At, Faults, Place, complained_below};
use super::kinds::{Kind, List, Placed, Spelled, Spelling, Text, Time, read_text};
use super::material::{Material, MaterialText, SecretName, declared, find_material};
use super::near::advice;
use super::reader::Node;
use super::section::section;
use super::tree::Tree;
use crate::exchange::path::{PathError, Target};
use crate::keys::{Algorithm, file};

/// A key set policies may be granted by name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Keys {
    pub source: KeySource,
    pub place: Place,
}

/// Where keys come from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum KeySource {
    /// A JWK set (RFC 7517 section 5); each key is bound to its own algorithm.
    Jwks(Material),
    /// One public key in PEM.
    Pem { material: Material, algorithm: Algorithm },
    /// One symmetric key; the algorithm is one of the HS family.
    Hmac { secret: String, algorithm: Algorithm },
    /// Made at the first start and kept in the state directory.
    Generate(Algorithm),
    /// Fetched from services, by their names; the first is asked.
    Published { services: Vec<String>, at: PublishedAt, refresh: KeyRefresh },
}

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

impl Spelled for Algorithm {
    const SPELLING: &'static str = "one of \"HS256\", \"HS384\", \"HS512\", \"RS256\", \"RS384\", \"RS512\", \"PS256\", \"PS384\", \"PS512\", \"ES256\", \"ES384\", \"ES512\", \"EdDSA\"";
}

section! {
    /// A key set that policies may be granted with `key:NAME`. Private and symmetric keys never lie in the policies
    /// folder.
    pub(super) struct RawKeys = "[keys.NAME]" {
        /// A JWK set.
        optional jwks: MaterialText,
        /// One public key in PEM: a block `PUBLIC KEY`.
        optional pem: MaterialText,
        /// One symmetric key.
        optional hmac: SecretName,
        /// Make a key at the first start and keep it in the state directory. Its NAME has at most 64 letters.
        optional generate: SigningName,
        /// Path of a JWK set below the URL of the service in `egress`, `/oauth2/jwks`: it is fetched there.
        optional fetch: Placed<Spelling<KeyPath>>,
        /// An issuer as its tokens name it, `https://idp.example.com/realms/main`: the JWK set is fetched from where its
        /// document `.well-known/openid-configuration` says, which has to name the same issuer.
        optional discover: Placed<Text>,
        /// Names of the `[egress.NAME]` by which the set is fetched; required with `fetch` and `discover`. Issuer and
        /// key set have to be below the URL of one of them. Symmetric keys in such a set are passed over. What is fetched
        /// counts in `max_in_flight`: a service that policies ask for clients should be another.
        repeated egress: List<Placed<Text>>,
        /// How old a fetched set gets before it is fetched anew; when absent, 10 minutes. Where a token names a key that
        /// is not there, it is fetched as soon as `cool_down` lets it.
        optional refresh: Placed<Time<1_000, 86_400_000>>,
        /// Least time between the end of an attempt to fetch it and the next, whoever asks; when absent, 5 seconds. A
        /// request whose token names a key that is not there waits for that next attempt, outside of `limits.wall`. That
        /// the key is not there then is believed for six times as long, and 30 seconds at most.
        optional cool_down: Placed<Time<10, 60_000>>,
        /// How long a fetched set is good while it cannot be fetched anew, at least twice `refresh`; when absent, a day.
        optional stale: Placed<Time<1_000, 2_592_000_000>>,
        /// What the key is bound to; required with `pem` and with `hmac` (the HS family), not used otherwise.
        optional algorithm: Placed<Spelling<Algorithm>>,
    }
    exactly one of "jwks", "pem", "hmac", "generate", "fetch", "discover";
}

impl RawKeys {
    pub(super) fn resolve(
        self,
        name: &str,
        tree: &Tree,
        is_secret: impl Fn(&str) -> bool,
        services: &BTreeSet<String>,
        faults: &mut Faults,
    ) -> Option<Keys> {
        if self.generate.is_some() && name.len() > file::LONGEST_NAME {
            let advice = format!("use at most {} letters", file::LONGEST_NAME);
            faults.push(self.place.fault("has a name that is too long for its file", advice));
        }
        if !complained_below(faults, &self.place) {
            self.check_algorithm(faults);
        }
        let published = self.published(services, faults);
        let bound = self.algorithm.map(|algorithm| algorithm.value);
        let mut find = |reference| find_material(reference, tree, &is_secret, faults);
        let source = match (self.jwks, self.pem, self.hmac, self.generate) {
            (Some(jwks), None, None, None) => KeySource::Jwks(find(jwks)?),
            (None, Some(pem), None, None) => KeySource::Pem { material: find(pem)?, algorithm: bound? },
            (None, None, Some(hmac), None) => {
                KeySource::Hmac { secret: declared(hmac, &is_secret, faults)?, algorithm: bound? }
            }
            (None, None, None, Some(algorithm)) => KeySource::Generate(algorithm),
            (None, None, None, None) => published?,
            _ => return None,
        };
        Some(Keys { source, place: self.place })
    }

    /// A set that is fetched, if it is one; complains about what has a meaning for those only.
    fn published(&self, services: &BTreeSet<String>, faults: &mut Faults) -> Option<KeySource> {
        let at = match (&self.fetch, &self.discover) {
            (Some(path), None) => PublishedAt::Target(path.value.0.clone()),
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

    /// The algorithm is there when the key needs one, and of the family the key is of.
    fn check_algorithm(&self, faults: &mut Faults) {
        let is_bound = self.pem.is_some() || self.hmac.is_some();
        let Some(algorithm) = &self.algorithm else {
            if is_bound {
                let place = self.place.below("algorithm");
                let advice = format!("write {}", Algorithm::SPELLING);
                faults.push(place.fault("is missing: such a key is bound to one algorithm", advice));
            }
            return;
        };
        let (reason, advice) = match algorithm.value.is_hmac() {
            _ if !is_bound => ("has no meaning here", "remove it; it belongs to `pem` and `hmac`"),
            true if self.pem.is_some() => {
                ("is symmetric, and PEM keys are not", "write an RS, PS or ES algorithm or \"EdDSA\"")
            }
            false if self.hmac.is_some() => ("is not symmetric", "write \"HS256\", \"HS384\" or \"HS512\""),
            _ => return,
        };
        faults.push(algorithm.place.fault(reason, advice));
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
        let path = target.split('?').next().unwrap_or_default();
        if !service.terms.cover(path) {
            let reason = format!("asks for {path}, which its service may not be asked for");
            faults.push(place.fault(reason, format!("add \"{path}\" to `paths` of the service")));
        } else if !service.terms.methods.contains(&Method::GET) {
            let reason = "is asked for with GET, which its service does not permit";
            faults.push(place.fault(reason, "add it to `methods`"));
        }
    }
}

/// Where the document of an issuer is (OpenID Connect Discovery 1.0 section 4).
pub(crate) fn document_of(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

/// Path and query of a key set, in normal form.
#[derive(Debug)]
pub(super) struct KeyPath(String);

impl FromStr for KeyPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Ok(Self(Target::parse(text)?.to_string()))
    }
}

impl Spelled for KeyPath {
    const SPELLING: &'static str = "a path, \"/oauth2/jwks\"";
}

/// The name of an algorithm keys are made for.
pub(super) struct SigningName;

impl Kind for SigningName {
    type Out = Algorithm;

    fn describe() -> String {
        format!("one of {}", Algorithm::SIGNING.map(|algorithm| format!("\"{algorithm}\"")).join(", "))
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Algorithm> {
        let parse = |text: &str| text.parse().ok().filter(|algorithm| Algorithm::SIGNING.contains(algorithm));
        read_text(node, &Self::describe(), faults, parse)
    }
}
