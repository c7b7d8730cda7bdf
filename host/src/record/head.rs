//! The signed head: how far the record goes and where it begins, so that nothing can be taken off either end.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::key::Key;
use crate::keys::KeyError;
use crate::state;

pub(super) const FILE: &str = "head.json";
/// What is signed begins with this, so that a signature means nothing anywhere else.
const PURPOSE: &str = "lockgate record head 1:";
/// What stands for the entry before the first.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Written anew with each entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// The oldest entry that is kept.
    pub(super) first: u64,
    /// The hash of the one before that.
    pub(super) since: String,
    /// The newest entry, 0 where there is none yet.
    pub(super) entry: u64,
    pub(super) hash: String,
}

/// How it is written.
#[derive(Serialize, Deserialize)]
struct Signed {
    #[serde(flatten)]
    head: Head,
    signature: String,
}

impl Head {
    /// Of a record without an entry.
    pub(super) fn new() -> Self {
        Self { first: 1, since: NOTHING.to_owned(), entry: 0, hash: NOTHING.to_owned() }
    }

    /// The head of a folder; none where it is not as it was written.
    pub(super) fn read(folder: &Path, key: &Key) -> io::Result<Option<Self>> {
        let text = fs::read(folder.join(FILE))?;
        let Ok(signed) = serde_json::from_slice::<Signed>(&text) else { return Ok(None) };
        let signature = URL_SAFE_NO_PAD.decode(&signed.signature).unwrap_or_default();
        // What is signed is what it says; that it says nothing else is seen by writing it again.
        let is_genuine = key.verifies(&signed.head.message(), &signature) && serde_json::to_vec(&signed)? == text;
        Ok(is_genuine.then_some(signed.head))
    }

    pub(super) fn write(&self, folder: &Path, key: &Key) -> Result<(), KeyError> {
        let signature = URL_SAFE_NO_PAD.encode(key.sign(&self.message())?);
        let signed = Signed { head: self.clone(), signature };
        state::put(&folder.join(FILE), &serde_json::to_vec(&signed).map_err(io::Error::from)?)?;
        // The name is on disk only once the folder is.
        Ok(File::open(folder)?.sync_all()?)
    }

    fn message(&self) -> Vec<u8> {
        let Self { first, since, entry, hash } = self;
        format!("{PURPOSE}{first}:{since}:{entry}:{hash}").into_bytes()
    }
}
