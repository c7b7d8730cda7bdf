//! `crypto`: verifying, signing and sealing with keys that never enter guest memory, and digests.

use aws_lc_rs::digest;

use super::super::occasion::Awaits;
use super::verified::By;
use super::{HostState, Keyring, wit};
use crate::jwks::Refusal;
use crate::keys::{Algorithm, KeySet, SealError, SignError, VerifyError, verify_jwk};

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
        self.check(&keys, algorithm, key_id.as_deref().map_or(By::Any, By::Id), &message, &signature)
    }

    fn verify_by_id(
        &mut self,
        keys: String,
        algorithm: api::Algorithm,
        key_id: String,
        message: Vec<u8>,
        signature: Vec<u8>,
    ) -> wasmtime::Result<Result<(), api::VerifyError>> {
        self.check(&keys, algorithm, By::ThisId(&key_id), &message, &signature)
    }

    fn verify_jwk(
        &mut self,
        jwk: String,
        algorithm: api::Algorithm,
        message: Vec<u8>,
        signature: Vec<u8>,
    ) -> wasmtime::Result<Result<(), api::VerifyError>> {
        self.serving()?;
        Ok(verify_jwk(&jwk, algorithm.into(), &message, &signature).map_err(api::VerifyError::from))
    }

    fn sign(
        &mut self,
        keys: String,
        algorithm: api::Algorithm,
        message: Vec<u8>,
    ) -> wasmtime::Result<Result<Vec<u8>, api::SignError>> {
        self.serving()?;
        let Some(signer) = self.powers.signers.get(&keys) else { return Ok(Err(api::SignError::Denied)) };
        Ok(signer.sign(algorithm.into(), &message).map_err(|error| match error {
            SignError::WrongAlgorithm => api::SignError::WrongAlgorithm,
            SignError::Failed => api::SignError::Unavailable,
        }))
    }

    fn seal(
        &mut self,
        keys: String,
        context: Vec<u8>,
        plain: Vec<u8>,
    ) -> wasmtime::Result<Result<Vec<u8>, api::SealError>> {
        self.serving()?;
        let Some(sealer) = self.powers.sealers.get(&keys) else { return Ok(Err(api::SealError::Denied)) };
        Ok(sealer.seal(&context, &plain).map_err(api::SealError::from))
    }

    fn open(
        &mut self,
        keys: String,
        context: Vec<u8>,
        sealed: Vec<u8>,
    ) -> wasmtime::Result<Result<Vec<u8>, api::SealError>> {
        self.serving()?;
        let Some(sealer) = self.powers.sealers.get(&keys) else { return Ok(Err(api::SealError::Denied)) };
        Ok(sealer.open(&context, &sealed).map_err(api::SealError::from))
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

impl HostState {
    fn check(
        &mut self,
        keys: &str,
        algorithm: api::Algorithm,
        by: By<'_>,
        message: &[u8],
        signature: &[u8],
    ) -> wasmtime::Result<Result<(), api::VerifyError>> {
        self.serving()?;
        let Some(keys) = self.powers.keys.get(keys) else {
            // Naming a key set that was not declared is a fault of the guest, not a bad signature.
            return Err(wasmtime::Error::msg("a key set that is not in the interest"));
        };
        let algorithm = algorithm.into();
        let mut check = |set: &KeySet| self.verified.check(set, algorithm, by, message, signature);
        let verified = match keys {
            Keyring::Held(set) => check(set).map_err(Refusal::No),
            Keyring::Published(published) => published.verify(by.id(), message, signature, check),
        };
        Ok(verified.map_err(|refusal| match refusal {
            Refusal::No(error) => error.into(),
            Refusal::Unavailable => api::VerifyError::Unavailable,
            Refusal::NotYet(wait) => {
                // What was asked for before comes first.
                self.awaits.get_or_insert(Awaits::Keys(wait));
                api::VerifyError::Unavailable
            }
        }))
    }
}

impl From<VerifyError> for api::VerifyError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::UnknownKey => Self::UnknownKey,
            VerifyError::WrongAlgorithm => Self::WrongAlgorithm,
            VerifyError::BadSignature => Self::BadSignature,
        }
    }
}

impl From<SealError> for api::SealError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Limit => Self::Limit,
            SealError::Invalid => Self::Invalid,
            SealError::Failed => Self::Unavailable,
        }
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
