//! One key made ready to verify: which algorithms it is bound to, and the parsed key for each.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, EcdsaVerificationAlgorithm,
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
};

use super::{Algorithm, Unusable};

const RSA_ALGORITHMS: [Algorithm; 6] =
    [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512, Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512];

/// Elliptic curves for ECDSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    fn algorithm(self) -> (Algorithm, &'static EcdsaVerificationAlgorithm) {
        match self {
            Self::P256 => (Algorithm::Es256, &ECDSA_P256_SHA256_FIXED),
            Self::P384 => (Algorithm::Es384, &ECDSA_P384_SHA384_FIXED),
            Self::P521 => (Algorithm::Es512, &ECDSA_P521_SHA512_FIXED),
        }
    }

    /// Length of one coordinate, in bytes.
    pub(super) fn coordinate(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// A key and the algorithms it may be used with; never empty.
pub(super) struct Material {
    bound: Vec<(Algorithm, Verifier)>,
}

enum Verifier {
    Public(Box<ParsedPublicKey>),
    Secret(Box<hmac::Key>),
}

impl Material {
    /// Whether who can verify with it can also sign.
    pub(super) fn is_secret(&self) -> bool {
        self.bound.iter().any(|(_, verifier)| matches!(verifier, Verifier::Secret(_)))
    }

    /// From big-endian modulus and exponent. Without `only`, the key serves every RSA algorithm.
    pub(super) fn rsa(n: &[u8], e: &[u8], only: Option<Algorithm>) -> Result<Self, Unusable> {
        let (n, e) = (strip_zeros(n), strip_zeros(e));
        if !rsa_size(bits(n)) {
            return Err(Unusable::Size);
        }
        // An even or tiny exponent is no RSA key at all, and a long one is a way to make verifying slow.
        let odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
        if !odd(n) || !odd(e) || !(2..=33).contains(&bits(e)) {
            return Err(Unusable::Malformed);
        }
        let components = PublicKeyComponents { n, e };
        let bind = |algorithm| {
            let parameters = rsa_parameters(algorithm).ok_or(Unusable::Unsupported)?;
            let key = components.to_parsed_public_key(parameters).map_err(|_| Unusable::Malformed)?;
            Ok((algorithm, Verifier::Public(Box::new(key))))
        };
        let bound = match only {
            Some(algorithm) => vec![bind(algorithm)?],
            None => RSA_ALGORITHMS.into_iter().map(bind).collect::<Result<_, _>>()?,
        };
        Ok(Self { bound })
    }

    /// From an uncompressed point (SEC 1 section 2.3.3).
    pub(super) fn ec(curve: Curve, point: &[u8], only: Option<Algorithm>) -> Result<Self, Unusable> {
        let (algorithm, verification) = curve.algorithm();
        let uncompressed = point.len() == 1 + 2 * curve.coordinate() && point.first() == Some(&4);
        if !uncompressed {
            return Err(Unusable::Malformed);
        }
        let key = ParsedPublicKey::new(verification, point).map_err(|_| Unusable::Malformed)?;
        Self::one(algorithm, only, Verifier::Public(Box::new(key)))
    }

    /// From the 32 bytes of RFC 8032 section 5.1.5.
    pub(super) fn ed25519(point: &[u8], only: Option<Algorithm>) -> Result<Self, Unusable> {
        if point.len() != 32 {
            return Err(Unusable::Malformed);
        }
        let key = ParsedPublicKey::new(&ED25519, point).map_err(|_| Unusable::Malformed)?;
        Self::one(Algorithm::EdDsa, only, Verifier::Public(Box::new(key)))
    }

    /// A secret at least as long as the hash (RFC 7518 section 3.2).
    pub(super) fn hmac(secret: &[u8], algorithm: Algorithm) -> Result<Self, Unusable> {
        Self::one(algorithm, None, Verifier::Secret(Box::new(hmac_key(secret, algorithm)?)))
    }

    pub(super) fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.bound.iter().map(|(algorithm, _)| *algorithm)
    }

    /// Whether the signature is right; none when the key is not bound to `algorithm`.
    pub(super) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Option<bool> {
        let (_, verifier) = self.bound.iter().find(|(bound, _)| *bound == algorithm)?;
        Some(match verifier {
            Verifier::Public(key) => key.verify_sig(message, signature).is_ok(),
            Verifier::Secret(key) => hmac::verify(key, message, signature).is_ok(),
        })
    }

    fn one(is: Algorithm, only: Option<Algorithm>, verifier: Verifier) -> Result<Self, Unusable> {
        if only.is_some_and(|only| only != is) {
            return Err(Unusable::Unsupported);
        }
        let bound = vec![(is, verifier)];
        Ok(Self { bound })
    }
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.algorithms()).finish()
    }
}

/// A secret at least as long as the hash (RFC 7518 section 3.2).
pub(super) fn hmac_key(secret: &[u8], algorithm: Algorithm) -> Result<hmac::Key, Unusable> {
    let (hash, length) = match algorithm {
        Algorithm::Hs256 => (hmac::HMAC_SHA256, 32),
        Algorithm::Hs384 => (hmac::HMAC_SHA384, 48),
        Algorithm::Hs512 => (hmac::HMAC_SHA512, 64),
        _ => return Err(Unusable::Unsupported),
    };
    if secret.len() < length { Err(Unusable::Size) } else { Ok(hmac::Key::new(hash, secret)) }
}

/// Whether RSA keys of so many bits are used.
pub(super) fn rsa_size(bits: usize) -> bool {
    (2048..=8192).contains(&bits)
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

/// Some publishers prefix a zero octet although RFC 7518 section 6.3.1.1 forbids it; the number is the same.
fn strip_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// Length in bits of a number without leading zero octets.
fn bits(number: &[u8]) -> usize {
    let first = number.first().map_or(0, |byte| byte.leading_zeros() as usize);
    number.len() * 8 - first
}
