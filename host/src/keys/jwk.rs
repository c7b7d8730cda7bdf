//! JSON Web Keys (RFC 7517, 7518 section 6, 8037 section 2) to verifying material. Private members and certificates are ignored.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use super::material::{Curve, Material};
use super::{Algorithm, KeyError, Unusable};

/// A key of a set: its id, and what it can do or why it cannot do anything.
pub(super) struct Parsed {
    pub(super) id: Option<String>,
    pub(super) material: Result<Material, Unusable>,
}

/// The elements of a key set, not yet looked at.
pub(super) fn elements(text: &[u8]) -> Result<Vec<Value>, KeyError> {
    #[derive(Deserialize)]
    struct RawSet {
        keys: Vec<Value>,
    }
    serde_json::from_slice::<RawSet>(text).map(|set| set.keys).map_err(|_| KeyError::NotAKeySet)
}

/// One element. A broken one never breaks its neighbours (RFC 7517 section 5).
pub(super) fn parse(element: Value) -> Parsed {
    let id = element.get("kid").and_then(Value::as_str).map(str::to_owned);
    let material =
        serde_json::from_value::<RawKey>(element).map_err(|_| Unusable::Malformed).and_then(|raw| raw.material());
    Parsed { id, material }
}

/// A key as written. `kid` is here only so that one that is no string makes the key malformed.
#[derive(Deserialize)]
struct RawKey {
    kty: String,
    #[serde(rename = "kid")]
    _kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    k: Option<String>,
}

impl RawKey {
    fn material(&self) -> Result<Material, Unusable> {
        let signs = self.purpose.as_deref().is_none_or(|purpose| purpose == "sig");
        let verifies =
            self.key_ops.as_deref().is_none_or(|operations| operations.iter().any(|operation| operation == "verify"));
        if !signs || !verifies {
            return Err(Unusable::NotForVerifying);
        }
        let only =
            self.alg.as_deref().map(|name| name.parse::<Algorithm>().map_err(|_| Unusable::Unsupported)).transpose()?;
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => Material::rsa(&bytes(&self.n)?, &bytes(&self.e)?, only),
            ("EC", Some("P-256")) => self.ec(Curve::P256, only),
            ("EC", Some("P-384")) => self.ec(Curve::P384, only),
            ("EC", Some("P-521")) => self.ec(Curve::P521, only),
            ("OKP", Some("Ed25519")) => Material::ed25519(&bytes(&self.x)?, only),
            // A secret says nothing about its hash, so nothing but `alg` could bind it.
            ("oct", _) => Material::hmac(&bytes(&self.k)?, only.ok_or(Unusable::Unsupported)?),
            _ => Err(Unusable::Unsupported),
        }
    }

    /// Coordinates have the full length of the curve (RFC 7518 section 6.2.1.2).
    fn ec(&self, curve: Curve, only: Option<Algorithm>) -> Result<Material, Unusable> {
        let (x, y) = (bytes(&self.x)?, bytes(&self.y)?);
        if x.len() != curve.coordinate() || y.len() != curve.coordinate() {
            return Err(Unusable::Malformed);
        }
        Material::ec(curve, &[&[4], x.as_slice(), y.as_slice()].concat(), only)
    }
}

fn bytes(member: &Option<String>) -> Result<Vec<u8>, Unusable> {
    let text = member.as_deref().ok_or(Unusable::Malformed)?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Unusable::Malformed)
}
