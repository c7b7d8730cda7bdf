//! Which algorithms proofs may be signed with.

use lockgate_sdk::crypto::Algorithm;
use lockgate_tokens::algorithm_named;
use serde::Deserialize;

/// All that have a private and a public key (RFC 7518 section 3.1, RFC 8037).
const ASYMMETRIC: [&str; 10] =
    ["ES256", "ES384", "ES512", "EdDSA", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"];

/// Algorithms of which none is symmetric, and at least one is there.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub(crate) struct ProofAlgorithms {
    accepted: Vec<Algorithm>,
    names: String,
}

impl ProofAlgorithms {
    pub(crate) fn allow(&self, algorithm: Algorithm) -> bool {
        self.accepted.contains(&algorithm)
    }

    /// Their names, one space between them.
    pub(crate) fn names(&self) -> &str {
        &self.names
    }

    fn of(names: &[&str]) -> Self {
        Self { accepted: names.iter().filter_map(|name| algorithm_named(name)).collect(), names: names.join(" ") }
    }
}

impl Default for ProofAlgorithms {
    fn default() -> Self {
        Self::of(&ASYMMETRIC)
    }
}

impl TryFrom<Vec<String>> for ProofAlgorithms {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, Self::Error> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        if names.is_empty() {
            return Err("must name at least one algorithm, or be left out".to_owned());
        }
        match names.iter().find(|name| !ASYMMETRIC.contains(name)) {
            Some(other) => Err(format!("`{other}` is none for proofs; there are {}", ASYMMETRIC.join(", "))),
            None => Ok(Self::of(&names)),
        }
    }
}
