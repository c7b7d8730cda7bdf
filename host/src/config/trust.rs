//! Owns `[trust]`: whose signature a component of the policies folder needs before it is run, and whether it has one.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::fault::{At, ConfigFault, Faults, Place};
use super::kinds::{Flag, List, Placed, Spelled, Spelling};
use super::section::section;
use super::tree::{Tree, TreeFile};
use crate::signature::{KeyId, PublicKey, Signature, SignatureError, beside};

/// Components of the policies folder need a signature by one of these keys.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trust {
    keys: Vec<PublicKey>,
    /// The files keys are in.
    key_files: Vec<PathBuf>,
}

section! {
    /// Whose components are run. Built-in policies are part of the gateway and need no signature. A component
    /// `guard.wasm` has its signature, in the form of minisign, in `guard.wasm.minisig` beside it; `lockgate policy
    /// sign` makes it.
    pub(super) struct RawTrust = "[trust]" {
        /// Public keys of minisign, each `RW...` or `file:PATH` of the policies folder; a signature by one of them is
        /// enough.
        required keys: List<Placed<Spelling<KeyRef>>>,
        /// Whether components need a signature; `false` keeps the keys for a time without.
        default require_signature: Flag = true,
    }
}

impl RawTrust {
    /// None where no signature is needed.
    pub(super) fn resolve(self, tree: &Tree, faults: &mut Faults) -> Option<Trust> {
        let refs = self.keys?;
        if refs.is_empty() && self.require_signature {
            let place = self.place.below("keys");
            faults.push(place.fault("is empty, so that no component can be used", "name the keys you trust"));
        }
        let (mut keys, mut key_files) = (Vec::new(), Vec::new());
        for At { value, place } in refs {
            match value {
                KeyRef::Key(key) => keys.push(*key),
                KeyRef::File(path) => match key_of_file(tree, &path, &place) {
                    Ok((key, path)) => {
                        keys.push(key);
                        key_files.push(path);
                    }
                    Err(fault) => faults.push(fault),
                },
            }
        }
        self.require_signature.then_some(Trust { keys, key_files })
    }
}

impl Trust {
    /// Whether the component of a policy at `place` is what a trusted key signed.
    pub(crate) fn check(
        &self,
        component: &TreeFile,
        signature: Option<&TreeFile>,
        place: &Place,
    ) -> Result<(), ConfigFault> {
        let place = place.below("source");
        let (shown, signed) = (component.path.display(), beside(&component.path));
        let signed = signed.display();
        let Some(file) = signature else {
            let reason = format!("{shown} is not signed, and [trust] wants it to be: there is no {signed}");
            return Err(place.fault(reason, format!("sign it with `lockgate policy sign {shown} --key FILE`")));
        };
        let signature = std::str::from_utf8(&file.content).ok().and_then(|text| text.parse::<Signature>().ok());
        let Some(signature) = signature else {
            let advice = format!("sign {shown} again with `lockgate policy sign`");
            return Err(place.fault(format!("{signed} is no signature of minisign"), advice));
        };
        let own = self.keys.iter().filter(|key| key.id() == signature.id());
        // An id is chosen at random, and nobody keeps two keys from having the same.
        let verified = own.map(|key| key.verify(&component.content, &signature)).reduce(Result::or);
        match verified {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => {
                let advice = "put the component and the signature there that belong together";
                Err(place.fault(format!("the signature of {shown} is not good: {error}"), advice))
            }
            None => {
                let reason = format!("{shown} is signed with the key {}, which is not trusted", signature.id());
                let advice = "have it signed by somebody you trust, or add the key to `keys` of [trust]";
                Err(place.fault(reason, advice))
            }
        }
    }

    /// Of the keys, one after the other.
    pub(crate) fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.keys.iter().map(PublicKey::id)
    }

    /// The files of the folder by which components are judged.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.key_files.iter().map(PathBuf::as_path)
    }
}

/// Names a public key.
#[derive(Debug)]
pub(super) enum KeyRef {
    Key(Box<PublicKey>),
    File(String),
}

impl FromStr for KeyRef {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, SignatureError> {
        match text.strip_prefix("file:") {
            Some(path) if !path.is_empty() => Ok(Self::File(path.to_owned())),
            _ if text.lines().count() > 1 => Err(SignatureError::PublicKey),
            _ => text.parse().map(Box::new).map(Self::Key),
        }
    }
}

impl Spelled for KeyRef {
    const SPELLING: &'static str = "a public key of minisign (\"RW...\") or \"file:PATH\"";
}

fn key_of_file(tree: &Tree, text: &str, place: &Place) -> Result<(PublicKey, PathBuf), ConfigFault> {
    let folder = place.file.parent().unwrap_or(Path::new(""));
    let file = tree.file(folder, text).ok_or_else(|| {
        place.fault("names no file of the policies folder", "put the public key there, or correct the path")
    })?;
    let key = std::str::from_utf8(&file.content).ok().and_then(|text| text.parse().ok());
    let key = key.ok_or_else(|| {
        let reason = format!("{} is no public key of minisign", file.path.display());
        place.fault(reason, "name the file that `lockgate policy keygen` wrote with `.pub` at its end")
    })?;
    Ok((key, file.path))
}
