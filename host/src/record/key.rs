//! The key of the record, which signs entries and head. It lies in the folder of the record and is for nothing else.

use std::path::Path;

use crate::keys::{Algorithm, KeyError, KeySet, SigningKey, file};

const NAME: &str = "record";

/// Signs, and verifies by the public half alone.
pub(super) struct Key {
    secret: SigningKey,
    public: KeySet,
}

impl Key {
    /// The key of this folder. Whoever only verifies makes none.
    pub(super) fn load(folder: &Path) -> Result<Self, KeyError> {
        Self::of(file::load(folder, NAME, Algorithm::EdDsa)?)
    }

    /// The same, made at first use.
    pub(super) fn load_or_generate(folder: &Path) -> Result<Self, KeyError> {
        Self::of(file::load_or_generate(folder, NAME, Algorithm::EdDsa)?)
    }

    fn of(secret: SigningKey) -> Result<Self, KeyError> {
        let public = KeySet::from_jwks(secret.public_jwks().as_bytes())?;
        Ok(Self { secret, public })
    }

    /// The thumbprint of the public half.
    pub(super) fn id(&self) -> &str {
        self.secret.key_id()
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.secret.sign(message)
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.public.verify(Algorithm::EdDsa, Some(self.id()), message, signature).is_ok()
    }
}
