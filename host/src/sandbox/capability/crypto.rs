//! `crypto`: verification with keys that never enter guest memory, and digests.

use aws_lc_rs::digest;

use super::super::occasion::Awaits;
use super::{HostState, Keyring, wit};
use crate::jwks::Refusal;
use crate::keys::{Algorithm, KeySet, VerifyError};

use wit::crypto as api;

impl api::Host for HostState {
    fn verify(
        &mut self,
        keys: String,
        algorithm: api::Algorithm,
        key_id: Option<String>,
        message: Vec<u8>,
        signature: Vec<u8>,
    ) -> wasmtime::Result<Result<(), api::VerifyError>> {
        self.serving()?;
        let Some(keys) = self.powers.keys.get(&keys) else {
            // Naming a key set that was not declared is a fault of the guest, not a bad signature.
            return Err(wasmtime::Error::msg("a key set that is not in the interest"));
        };
        let (algorithm, id) = (algorithm.into(), key_id.as_deref());
        let mut check = |set: &KeySet| self.verified.check(set, algorithm, id, &message, &signature);
        let verified = match keys {
            Keyring::Held(set) => check(set).map_err(Refusal::No),
            Keyring::Published(published) => published.verify(id, &message, &signature, check),
        };
        Ok(verified.map_err(|refusal| match refusal {
            Refusal::No(VerifyError::UnknownKey) => api::VerifyError::UnknownKey,
            Refusal::No(VerifyError::WrongAlgorithm) => api::VerifyError::WrongAlgorithm,
            Refusal::No(VerifyError::BadSignature) => api::VerifyError::BadSignature,
            Refusal::Unavailable => api::VerifyError::Unavailable,
            Refusal::NotYet(wait) => {
                self.awaits = Some(Awaits::Keys(wait));
                api::VerifyError::Unavailable
            }
        }))
    }

    fn hash(&mut self, algorithm: api::HashAlgorithm, data: Vec<u8>) -> wasmtime::Result<Vec<u8>> {
        self.serving()?;
        let algorithm = match algorithm {
            api::HashAlgorithm::Sha256 => &digest::SHA256,
            api::HashAlgorithm::Sha384 => &digest::SHA384,
            api::HashAlgorithm::Sha512 => &digest::SHA512,
        };
        Ok(digest::digest(algorithm, &data).as_ref().to_vec())
    }
}

impl From<api::Algorithm> for Algorithm {
    fn from(algorithm: api::Algorithm) -> Self {
        match algorithm {
            api::Algorithm::Hs256 => Self::Hs256,
            api::Algorithm::Hs384 => Self::Hs384,
            api::Algorithm::Hs512 => Self::Hs512,
            api::Algorithm::Rs256 => Self::Rs256,
            api::Algorithm::Rs384 => Self::Rs384,
            api::Algorithm::Rs512 => Self::Rs512,
            api::Algorithm::Ps256 => Self::Ps256,
            api::Algorithm::Ps384 => Self::Ps384,
            api::Algorithm::Ps512 => Self::Ps512,
            api::Algorithm::Es256 => Self::Es256,
            api::Algorithm::Es384 => Self::Es384,
            api::Algorithm::Es512 => Self::Es512,
            api::Algorithm::Eddsa => Self::EdDsa,
        }
    }
}
