//! Owns key sets as the operator declares them: where the material comes from and the algorithm it is bound to.

use super::fault::{Faults, Place, complained_below};
use super::kinds::{Kind, Placed, Spelled, Spelling, read_text};
use super::material::{Material, MaterialText, SecretName, declared, find_material};
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
    /// Made at the first start and kept in the state directory.
    Generate(Algorithm),
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
        /// What the key is bound to; required with `pem` and with `hmac` (the HS family), not used otherwise.
        optional algorithm: Placed<Spelling<Algorithm>>,
    }
    exactly one of "jwks", "pem", "hmac", "generate";
}

impl RawKeys {
    pub(super) fn resolve(
        self,
        name: &str,
        tree: &Tree,
        is_secret: impl Fn(&str) -> bool,
        faults: &mut Faults,
    ) -> Option<Keys> {
        if self.generate.is_some() && name.len() > file::LONGEST_NAME {
            let advice = format!("use at most {} letters", file::LONGEST_NAME);
            faults.push(self.place.fault("has a name that is too long for its file", advice));
        }
        if !complained_below(faults, &self.place) {
            self.check_algorithm(faults);
        }
        let bound = self.algorithm.map(|algorithm| algorithm.value);
        let mut find = |reference| find_material(reference, tree, &is_secret, faults);
        let source = match (self.jwks, self.pem, self.hmac, self.generate) {
            (Some(jwks), None, None, None) => KeySource::Jwks(find(jwks)?),
            (None, Some(pem), None, None) => KeySource::Pem { material: find(pem)?, algorithm: bound? },
            (None, None, Some(hmac), None) => {
                KeySource::Hmac { secret: declared(hmac, &is_secret, faults)?, algorithm: bound? }
            }
            (None, None, None, Some(algorithm)) => KeySource::Generate(algorithm),
            _ => return None,
        };
        Some(Keys { source, place: self.place })
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
