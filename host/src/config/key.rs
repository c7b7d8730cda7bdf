//! Owns key sets as the operator declares them: where the material comes from and the algorithm it is bound to.

use std::collections::BTreeSet;

use super::egress::ServicePath;
use super::fault::{Faults, Place, complained_below};
use super::kinds::{Kind, List, Placed, Spelled, Spelling, Text, Time, read_text};
use super::material::{Material, MaterialText, SecretName, declared, find_material};
use super::published::{KeyRefresh, PublishedAt};
use super::reader::Node;
use super::section::section;
use super::tree::Tree;
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
    /// One private key; it also verifies what it signs.
    Private { secret: String, algorithm: Algorithm },
    /// Keys to seal with, each made of a secret: the first seals, all open.
    Sealing(Vec<String>),
    /// Made at the first start and kept in the state directory.
    Generate(Made),
    /// Fetched from services, by their names; the first is asked.
    Published { services: Vec<String>, at: PublishedAt, refresh: KeyRefresh },
}

/// What a key is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    Signing(Algorithm),
    Sealing,
}

impl KeySource {
    /// Whether there is something to verify signatures with.
    pub(super) fn verifies(&self) -> bool {
        !self.seals()
    }

    /// Whether there is something to sign with.
    pub(super) fn signs(&self) -> bool {
        matches!(self, Self::Hmac { .. } | Self::Private { .. } | Self::Generate(Made::Signing(_)))
    }

    /// Whether there is something to seal with, which is good for nothing else.
    pub(super) fn seals(&self) -> bool {
        matches!(self, Self::Sealing(_) | Self::Generate(Made::Sealing))
    }
}

impl Spelled for Algorithm {
    const SPELLING: &'static str = "one of \"HS256\", \"HS384\", \"HS512\", \"RS256\", \"RS384\", \"RS512\", \"PS256\", \"PS384\", \"PS512\", \"ES256\", \"ES384\", \"ES512\", \"EdDSA\"";
}

section! {
    /// Keys that policies may be granted: to verify with by `key:NAME`, to sign with by `sign:NAME`, to seal with by
    /// `seal:NAME`. Private and symmetric keys never lie in the policies folder.
    pub(super) struct RawKeys = "[keys.NAME]" {
        /// A JWK set to verify with.
        optional jwks: MaterialText,
        /// One public key in PEM to verify with: a block `PUBLIC KEY`.
        optional pem: MaterialText,
        /// One symmetric key, to verify and to sign with.
        optional hmac: SecretName,
        /// One private key in PEM to sign with, and to verify what it signed: a block `PRIVATE KEY` (PKCS#8).
        optional private: SecretName,
        /// Secrets of at least 32 bytes, each a key to seal with: the first seals, and what any of them sealed is opened. Put
        /// a new one first, and leave the old one as long as what it sealed is of use. Policies that are granted one key can
        /// open what the others sealed.
        optional sealing: List<SecretName>,
        /// Make a key at the first start and keep it in the state directory: to sign with, or `sealing`, to seal with. Its
        /// NAME has at most 64 letters. Without a state directory each change of the folder makes another.
        optional generate: MadeFor,
        /// Path of a JWK set below the URL of the service in `egress`, `/oauth2/jwks`: it is fetched there.
        optional fetch: Placed<Spelling<ServicePath>>,
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
        /// What the key is bound to; required with `pem`, with `hmac` (the HS family) and with `private` (EdDSA, ES256,
        /// ES384 or the PS family), not used otherwise.
        optional algorithm: Placed<Spelling<Algorithm>>,
    }
    exactly one of "jwks", "pem", "hmac", "private", "sealing", "generate", "fetch", "discover";
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
        let source = match self {
            Self { jwks: Some(jwks), .. } => KeySource::Jwks(find(jwks)?),
            Self { pem: Some(pem), .. } => KeySource::Pem { material: find(pem)?, algorithm: bound? },
            Self { hmac: Some(hmac), .. } => {
                KeySource::Hmac { secret: declared(hmac, &is_secret, faults)?, algorithm: bound? }
            }
            Self { private: Some(private), .. } => {
                KeySource::Private { secret: declared(private, &is_secret, faults)?, algorithm: bound? }
            }
            Self { generate: Some(made), .. } => KeySource::Generate(made),
            Self { sealing: Some(sealing), .. } => {
                if sealing.is_empty() && !complained_below(faults, &self.place.below("sealing")) {
                    let place = self.place.below("sealing");
                    faults.push(place.fault("is empty: there is nothing to seal with", "name a secret"));
                }
                let secrets: Vec<_> = sealing.into_iter().map(|name| declared(name, &is_secret, faults)).collect();
                KeySource::Sealing(secrets.into_iter().collect::<Option<_>>()?)
            }
            _ => published?,
        };
        Some(Keys { source, place: self.place })
    }

    /// Whether a key is bound to an algorithm that is said beside it.
    fn is_bound(&self) -> bool {
        self.pem.is_some() || self.hmac.is_some() || self.private.is_some()
    }

    /// The algorithm is there when the key needs one, and of the family the key is of.
    fn check_algorithm(&self, faults: &mut Faults) {
        let Some(algorithm) = &self.algorithm else {
            if self.is_bound() {
                let place = self.place.below("algorithm");
                let advice = format!("write {}", Algorithm::SPELLING);
                faults.push(place.fault("is missing: such a key is bound to one algorithm", advice));
            }
            return;
        };
        let value = algorithm.value;
        let (reason, advice) = match value.is_hmac() {
            _ if !self.is_bound() => {
                ("has no meaning here", "remove it; it belongs to `pem`, `hmac` and `private`".to_owned())
            }
            true if self.hmac.is_none() => {
                ("is symmetric, and PEM keys are not", "write an RS, PS or ES algorithm or \"EdDSA\"".to_owned())
            }
            false if self.hmac.is_some() => ("is not symmetric", "write \"HS256\", \"HS384\" or \"HS512\"".to_owned()),
            false if self.private.is_some() && !Algorithm::PRIVATE.contains(&value) => {
                ("is none to sign with", format!("write one of {}", spelled(&Algorithm::PRIVATE)))
            }
            _ => return,
        };
        faults.push(algorithm.place.fault(reason, advice));
    }
}

fn spelled(algorithms: &[Algorithm]) -> String {
    algorithms.iter().map(|algorithm| format!("\"{algorithm}\"")).collect::<Vec<_>>().join(", ")
}

/// What a key is made for: the name of an algorithm, or that it seals.
pub(super) struct MadeFor;

impl Kind for MadeFor {
    type Out = Made;

    fn describe() -> String {
        format!("one of {}, \"sealing\"", spelled(&Algorithm::SIGNING))
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Made> {
        let signing = |text: &str| text.parse().ok().filter(|algorithm| Algorithm::SIGNING.contains(algorithm));
        read_text(node, &Self::describe(), faults, |text| match text {
            "sealing" => Some(Made::Sealing),
            text => signing(text).map(Made::Signing),
        })
    }
}
