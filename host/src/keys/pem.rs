//! PEM blocks: public keys (RFC 5280 SubjectPublicKeyInfo) to verifying material, and the frame of private ones.

use spki::der::asn1::{BitStringRef, UintRef};
use spki::der::pem::{self, LineEnding};
use spki::der::{Decode, Reader, SliceReader};
use spki::{AlgorithmIdentifierRef, ObjectIdentifier, SubjectPublicKeyInfoRef};

use super::material::{Curve, Material};
use super::{Algorithm, KeyError, Unusable};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

const PRIVATE: &str = "PRIVATE KEY";

/// One block `PUBLIC KEY`, bound to `algorithm`.
pub(super) fn public(text: &[u8], algorithm: Algorithm) -> Result<Material, KeyError> {
    let (label, der) = pem::decode_vec(text).map_err(|_| KeyError::NotPem)?;
    if label.ends_with(PRIVATE) {
        return Err(KeyError::PrivateKey);
    }
    if label != "PUBLIC KEY" {
        return Err(KeyError::NotAPublicKey);
    }
    let info = SubjectPublicKeyInfoRef::from_der(&der).map_err(|_| KeyError::NotAPublicKey)?;
    material(info.algorithm, info.subject_public_key, algorithm).map_err(|reason| match reason {
        Unusable::Unsupported => KeyError::WrongAlgorithm(algorithm),
        reason => KeyError::Unusable(algorithm, reason),
    })
}

/// The DER inside one block `PRIVATE KEY` (PKCS#8, RFC 5958).
pub(super) fn private_der(text: &[u8]) -> Result<Vec<u8>, KeyError> {
    let (label, der) = pem::decode_vec(text).map_err(|_| KeyError::NotPem)?;
    (label == PRIVATE).then_some(der).ok_or(KeyError::NotASigningKey)
}

pub(super) fn private_pem(der: &[u8]) -> Result<String, KeyError> {
    pem::encode_string(PRIVATE, LineEnding::LF, der).map_err(|_| KeyError::Failed)
}

fn material(
    kind: AlgorithmIdentifierRef<'_>,
    key: BitStringRef<'_>,
    algorithm: Algorithm,
) -> Result<Material, Unusable> {
    let key = key.as_bytes().ok_or(Unusable::Malformed)?;
    let only = Some(algorithm);
    match kind.oid {
        RSA => rsa_material(key, only),
        EC => match kind.parameters_oid().map_err(|_| Unusable::Malformed)? {
            P256 => Material::ec(Curve::P256, key, only),
            P384 => Material::ec(Curve::P384, key, only),
            P521 => Material::ec(Curve::P521, key, only),
            _ => Err(Unusable::Unsupported),
        },
        ED25519 => Material::ed25519(key, only),
        _ => Err(Unusable::Unsupported),
    }
}

/// An RSA public key as RFC 8017 has it, bound to `algorithm`.
pub(super) fn rsa(der: &[u8], algorithm: Algorithm) -> Result<Material, KeyError> {
    rsa_material(der, Some(algorithm)).map_err(|reason| KeyError::Unusable(algorithm, reason))
}

fn rsa_material(der: &[u8], only: Option<Algorithm>) -> Result<Material, Unusable> {
    let (n, e) = rsa_numbers(der).map_err(|_| Unusable::Malformed)?;
    Material::rsa(n.as_bytes(), e.as_bytes(), only)
}

/// RSAPublicKey of RFC 8017 appendix A.1.1.
fn rsa_numbers(der: &[u8]) -> spki::der::Result<(UintRef<'_>, UintRef<'_>)> {
    let mut reader = SliceReader::new(der)?;
    let numbers = reader.sequence(|reader| Ok((UintRef::decode(reader)?, UintRef::decode(reader)?)))?;
    reader.finish(numbers)
}
