//! Detached signatures of components, Ed25519 in the form of minisign: makes keys, signs, verifies.
//!
//! A secret key is held as long as something is signed with it, and shown nowhere.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Where the signature of a file is looked for: `guard.wasm.minisig` beside `guard.wasm`.
pub(crate) fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".minisig");
    name.into()
}

/// Length of the checksum at the end of a secret key.
const CHECKSUM: usize = 32;

/// Names a key pair: random, not derived from the key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyId([u8; 8]);

/// Verifies signatures.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PublicKey {
    key: minisign_verify::PublicKey,
    id: KeyId,
}

/// A signature, good or not.
pub(crate) struct Signature {
    signature: minisign_verify::Signature,
    id: KeyId,
}

/// A secret key as it is kept in a file, perhaps encrypted.
pub(crate) struct SealedKey {
    text: String,
    is_encrypted: bool,
}

/// Makes signatures.
pub(crate) struct SigningKey(minisign::SecretKey);

/// A new pair as texts for files.
pub(crate) struct NewPair {
    pub(crate) secret: String,
    pub(crate) public: String,
    pub(crate) key: PublicKey,
}

/// Why something is not signed, or not rightly.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureError {
    #[error("it is no public key of minisign")]
    PublicKey,
    #[error("it is no secret key of minisign")]
    SecretKey,
    #[error("it is no signature of minisign")]
    Signature,
    #[error("it is signed with the key {0}, not with this one")]
    OtherKey(KeyId),
    #[error("the signature does not fit: the file or the signature was changed after signing")]
    Wrong,
    #[error("the signature is of an old kind, over the file itself and not its digest")]
    Legacy,
    #[error("the password is wrong, or the file of the key damaged")]
    Password,
    #[error("no key can be made: {0}")]
    Make(String),
}

impl PublicKey {
    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    /// Whether `bytes` are what was signed with the secret key of this one.
    pub(crate) fn verify(&self, bytes: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        use minisign_verify::Error;
        self.key.verify(bytes, &signature.signature, false).map_err(|error| match error {
            Error::UnexpectedKeyId => SignatureError::OtherKey(signature.id),
            Error::UnexpectedAlgorithm | Error::UnsupportedLegacyMode => SignatureError::Legacy,
            _ => SignatureError::Wrong,
        })
    }
}

/// The key alone, or the text of the file it is in.
impl FromStr for PublicKey {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let alone = last_line(text).ok_or(SignatureError::PublicKey)?;
        let key = minisign_verify::PublicKey::from_base64(alone).map_err(|_| SignatureError::PublicKey)?;
        let id = KeyId::within(alone).ok_or(SignatureError::PublicKey)?;
        Ok(Self { key, id })
    }
}

impl Signature {
    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    /// What its maker says about it. Only to be believed once the signature is verified.
    pub(crate) fn comment(&self) -> &str {
        self.signature.trusted_comment()
    }
}

impl FromStr for Signature {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let signature = minisign_verify::Signature::decode(text).map_err(|_| SignatureError::Signature)?;
        let id = key_line(text).and_then(KeyId::within).ok_or(SignatureError::Signature)?;
        Ok(Self { signature, id })
    }
}

impl SealedKey {
    /// Whether it takes a password to use it.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// The key itself. The password matters only if the key is encrypted.
    pub(crate) fn open(self, password: String) -> Result<SigningKey, SignatureError> {
        let sealed = minisign::SecretKeyBox::from_string(&self.text).map_err(|_| SignatureError::SecretKey)?;
        let key = match self.is_encrypted {
            true => sealed.into_secret_key(Some(password)),
            // minisign leaves the checksum of keys without a password empty, which the library would take for damage.
            false => match STANDARD.decode(key_line(&self.text).unwrap_or_default()) {
                Ok(bytes) if bytes.ends_with(&[0; CHECKSUM]) => minisign::SecretKey::from_bytes(&bytes),
                _ => sealed.into_unencrypted_secret_key(),
            },
        };
        key.map(SigningKey).map_err(|_| SignatureError::Password)
    }
}

impl FromStr for SealedKey {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let key = key_line(text).and_then(|line| STANDARD.decode(line).ok()).ok_or(SignatureError::SecretKey)?;
        match (key.len(), key.get(..4)) {
            (158, Some(b"EdSc")) => Ok(Self { text: text.to_owned(), is_encrypted: true }),
            (158, Some(b"Ed\0\0")) => Ok(Self { text: text.to_owned(), is_encrypted: false }),
            _ => Err(SignatureError::SecretKey),
        }
    }
}

impl SigningKey {
    /// The text of a signature of `bytes`. The comment is signed too; it is one line.
    pub(crate) fn sign(&self, bytes: &[u8], comment: &str) -> Result<String, SignatureError> {
        let (comment, untrusted) = (Some(comment), Some("signature of a Lockgate policy"));
        // With the public key the signature is verified, which a damaged secret key would make in vain.
        let public = minisign::PublicKey::from_secret_key(&self.0).map_err(|_| SignatureError::SecretKey)?;
        let signed = minisign::sign(Some(&public), &self.0, bytes, comment, untrusted);
        signed.map(minisign::SignatureBox::into_string).map_err(|error| SignatureError::Make(error.to_string()))
    }
}

impl NewPair {
    /// Without a password, whoever reads the file of the secret key can sign.
    pub(crate) fn generate(password: Option<String>) -> Result<Self, SignatureError> {
        let make = |error: minisign::PError| SignatureError::Make(error.to_string());
        let pair = match password {
            Some(password) => minisign::KeyPair::generate_encrypted_keypair(Some(password)),
            None => minisign::KeyPair::generate_unencrypted_keypair(),
        };
        let pair = pair.map_err(make)?;
        let public = pair.pk.to_box().map_err(make)?.into_string();
        let key: PublicKey = public.parse()?;
        let secret = pair.sk.to_box(Some(&format!("secret key {}", key.id))).map_err(make)?.into_string();
        Ok(Self { secret, public, key })
    }
}

impl KeyId {
    /// Of a key or a signature in base64, which begins with two letters for the algorithm.
    fn within(base64: &str) -> Option<Self> {
        let bytes = STANDARD.decode(base64.trim()).ok()?;
        bytes.get(2..10)?.try_into().ok().map(Self)
    }
}

/// As minisign shows it.
impl fmt::Display for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:016X}", u64::from_le_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// The public key itself, as it is written in configurations.
impl fmt::Display for NewPair {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(last_line(&self.public).unwrap_or_default())
    }
}

/// What follows the comment at the beginning.
fn key_line(text: &str) -> Option<&str> {
    text.lines().nth(1).map(str::trim)
}

/// The last line that says anything: in a file of a public key, the key.
fn last_line(text: &str) -> Option<&str> {
    text.lines().map(str::trim).rfind(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (SigningKey, NewPair) {
        let pair = NewPair::generate(None).unwrap();
        let sealed: SealedKey = pair.secret.parse().unwrap();
        assert!(!sealed.is_encrypted());
        (sealed.open(String::new()).unwrap(), pair)
    }

    #[test]
    fn what_is_signed_can_be_verified_and_what_is_changed_cannot() {
        let (secret, pair) = pair();
        let text = secret.sign(b"component", "for tests").unwrap();
        let signature: Signature = text.parse().unwrap();
        assert_eq!(signature.comment(), "for tests");
        assert_eq!(signature.id(), pair.key.id());
        assert_eq!(pair.key.verify(b"component", &signature), Ok(()));
        assert_eq!(pair.key.verify(b"another", &signature), Err(SignatureError::Wrong));
        let comment: Signature = text.replace("for tests", "for feasts").parse().unwrap();
        assert_eq!(pair.key.verify(b"component", &comment), Err(SignatureError::Wrong));
    }

    #[test]
    fn a_signature_by_another_key_says_which() {
        let ((secret, signer), (_, other)) = (pair(), pair());
        let signature: Signature = secret.sign(b"component", "").unwrap().parse().unwrap();
        let error = other.key.verify(b"component", &signature).unwrap_err();
        assert_eq!(error, SignatureError::OtherKey(signer.key.id()));
    }

    #[test]
    fn a_public_key_is_read_alone_and_from_its_file() {
        let (_, pair) = pair();
        assert_eq!(pair.public.parse(), Ok(pair.key.clone()));
        assert_eq!(pair.to_string().parse(), Ok(pair.key.clone()));
        assert!(pair.to_string().starts_with("RW"));
        assert!(pair.public.contains(&pair.key.id().to_string()), "{}", pair.public);
    }

    #[test]
    fn text_that_is_none_of_these_is_refused() {
        let (secret, pair) = pair();
        let signature = secret.sign(b"x", "c").unwrap();
        for text in ["", "RW", "untrusted comment: x\n", "\u{e4}\n\u{e4}\n", &pair.secret, &signature] {
            assert!(text.parse::<PublicKey>().is_err(), "{text}");
        }
        for text in ["", "RW", "a\nb\n", &pair.public, &signature] {
            assert!(matches!(text.parse::<SealedKey>(), Err(SignatureError::SecretKey)), "{text}");
        }
        for text in ["", "RW", "a\nb\nc\nd\n", &pair.public, &pair.secret, &signature[..signature.len() / 2]] {
            assert!(matches!(text.parse::<Signature>(), Err(SignatureError::Signature)), "{text}");
        }
    }
}
