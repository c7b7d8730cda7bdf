//! Signatures an instance has found right: the work is done once for a token and not for each request that carries it.

use aws_lc_rs::digest::{Context, SHA256};

use crate::keys::{Algorithm, KeySet, VerifyError};

/// Signatures remembered, 32 bytes each; one takes the place of another by its digest.
const MOST: usize = 1024;

/// Which keys of a set are tried.
#[derive(Debug, Clone, Copy)]
pub(super) enum By<'a> {
    Any,
    /// Of this id, or of none.
    Id(&'a str),
    ThisId(&'a str),
}

impl<'a> By<'a> {
    pub(super) fn id(self) -> Option<&'a str> {
        match self {
            Self::Any => None,
            Self::Id(id) | Self::ThisId(id) => Some(id),
        }
    }

    fn verify(self, set: &KeySet, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
        match self {
            Self::Any => set.verify(algorithm, None, message, signature),
            Self::Id(id) => set.verify(algorithm, Some(id), message, signature),
            Self::ThisId(id) => set.verify_by_id(algorithm, id, message, signature),
        }
    }
}

/// What is remembered says nothing about time: whether a token is still good is for the policy to say, each time.
#[derive(Default)]
pub(super) struct Verified {
    /// Empty until the second signature: many instances have one call and no other.
    known: Vec<[u8; 32]>,
    had_one: bool,
}

impl Verified {
    /// Have a signature checked with a set. Only what was right is remembered, and of no set but this.
    pub(super) fn check(
        &mut self,
        set: &KeySet,
        algorithm: Algorithm,
        by: By<'_>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        // Those of secrets are as cheap as looking them up.
        if algorithm.is_hmac() || !std::mem::replace(&mut self.had_one, true) {
            return by.verify(set, algorithm, message, signature);
        }
        let digest = digest(set, algorithm, by, message, signature);
        let at = usize::from(u16::from_le_bytes([digest[0], digest[1]])) % MOST;
        if self.known.get(at) == Some(&digest) {
            return Ok(());
        }
        by.verify(set, algorithm, message, signature)?;
        if self.known.is_empty() {
            self.known = vec![[0; 32]; MOST];
        }
        if let Some(known) = self.known.get_mut(at) {
            *known = digest;
        }
        Ok(())
    }
}

/// Of everything that the answer depends on.
fn digest(set: &KeySet, algorithm: Algorithm, by: By<'_>, message: &[u8], signature: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(&set.number().to_le_bytes());
    let (kind, id) = match by {
        By::Any => (0, ""),
        By::Id(id) => (1, id),
        By::ThisId(id) => (2, id),
    };
    context.update(&[algorithm as u8, kind]);
    for part in [id.as_bytes(), message, signature] {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SigningKey;

    #[test]
    fn what_is_remembered_is_good_for_the_same_question_only() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let jwks = key.public_jwks();
        let set = |text: &str| KeySet::from_jwks(text.as_bytes()).unwrap();
        let (one, same) = (set(&jwks), set(&jwks));
        let other = set(&SigningKey::generate(Algorithm::Es256).unwrap().public_jwks());
        let signature = key.sign(b"message").unwrap();
        let mut verified = Verified::default();
        for _ in 0..3 {
            assert_eq!(verified.check(&one, Algorithm::Es256, By::Any, b"message", &signature), Ok(()));
        }
        let bad = Err(VerifyError::BadSignature);
        assert_eq!(verified.check(&one, Algorithm::Es256, By::Any, b"messagE", &signature), bad);
        assert_eq!(verified.check(&other, Algorithm::Es256, By::Any, b"message", &signature), bad);
        assert!(verified.check(&one, Algorithm::Es256, By::ThisId("other"), b"message", &signature).is_err());
        assert!(verified.check(&one, Algorithm::Rs256, By::Any, b"message", &signature).is_err());
        let known = |set, by, message, signature: &[u8]| digest(set, Algorithm::Es256, by, message, signature);
        let right = known(&one, By::Any, b"message", &signature);
        assert!(verified.known.contains(&right));
        for different in [
            known(&same, By::Any, b"message", &signature),
            known(&one, By::Id(""), b"message", &signature),
            known(&one, By::ThisId(""), b"message", &signature),
            known(&one, By::Any, b"messag", &[b"e", &*signature].concat()),
            digest(&one, Algorithm::Es384, By::Any, b"message", &signature),
        ] {
            assert_ne!(different, right);
        }
    }
}
