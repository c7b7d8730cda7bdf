//! Signature algorithms, as configurations and tokens name them.

use lockgate_sdk::crypto::Algorithm;
use serde::Deserialize;

/// Signature algorithms accepted; all of them where the operator named none.
#[derive(Debug, Default, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Algorithms(Option<Vec<Algorithm>>);

impl Algorithms {
    /// Whether it is accepted.
    pub fn allow(&self, algorithm: Algorithm) -> bool {
        let listed = |list: &Vec<Algorithm>| list.contains(&algorithm);
        self.0.as_ref().is_none_or(listed)
    }
}

impl TryFrom<Vec<String>> for Algorithms {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, Self::Error> {
        if names.is_empty() {
            return Err("must name at least one algorithm, or be left out".to_owned());
        }
        let known = |name: &String| {
            algorithm_named(name)
                .ok_or_else(|| format!("`{name}` is no algorithm; write `RS256`, `ES256`, `EdDSA` ..."))
        };
        let algorithms: Result<_, _> = names.iter().map(known).collect();
        Ok(Self(Some(algorithms?)))
    }
}

/// Signature algorithms by their names in RFC 7518 section 3.1 and RFC 8037; `none` is not among them.
pub fn algorithm_named(name: &str) -> Option<Algorithm> {
    Some(match name {
        "HS256" => Algorithm::Hs256,
        "HS384" => Algorithm::Hs384,
        "HS512" => Algorithm::Hs512,
        "RS256" => Algorithm::Rs256,
        "RS384" => Algorithm::Rs384,
        "RS512" => Algorithm::Rs512,
        "PS256" => Algorithm::Ps256,
        "PS384" => Algorithm::Ps384,
        "PS512" => Algorithm::Ps512,
        "ES256" => Algorithm::Es256,
        "ES384" => Algorithm::Es384,
        "ES512" => Algorithm::Es512,
        "EdDSA" => Algorithm::Eddsa,
        _ => return None,
    })
}
