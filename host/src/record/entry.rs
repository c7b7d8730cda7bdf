//! One entry of the record, and the sealed line it is written as.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::key::Key;
use crate::content::Digest;
use crate::keys::KeyError;

/// What is signed begins with this, so that a signature means nothing anywhere else.
const PURPOSE: &str = "lockgate record entry 1:";
/// Of a SHA-256 in hexadecimal, and of an Ed25519 signature in base64.
const HASH: usize = 64;
const SIGNATURE: usize = 86;

/// One change of what serves, or one act. It says nothing about people but what operators call them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Counted from 1, over all processes.
    pub(crate) entry: u64,
    /// In seconds since 1970.
    pub(crate) at: u64,
    #[serde(flatten)]
    pub(crate) why: Why,
    /// What serves since; none of acts that change nothing of that.
    #[serde(flatten)]
    pub(crate) serving: Option<Served>,
    /// The hash of the entry before.
    pub(crate) previous: String,
    /// Names the key of the signature.
    pub(crate) key: String,
}

/// What serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Served {
    /// As its process counted it.
    pub(crate) generation: u64,
    pub(crate) routes: usize,
    /// Of the files that served before, as far as that is on record.
    pub(crate) before: Option<Digest>,
    /// Of the files that serve. What secrets hold is in no digest: one that is short could be guessed from it.
    pub(crate) after: Digest,
    /// Whether a folder of these files is what served: where APIs are held, what they pass and run is of another time
    /// than the rest.
    pub(crate) whole: bool,
    /// The files that differ; none where it is not known any more what there was before.
    pub(crate) files: Option<Vec<Change>>,
    /// How many more do than are named.
    pub(crate) more: usize,
}

/// What a change came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub(crate) enum Why {
    /// A process began to serve.
    Start,
    /// Something in the folder or in a secret was changed.
    Folder,
    /// `lockgate apply`.
    Apply,
    /// `lockgate rollback`: what that entry says serves again.
    Rollback { of: u64 },
    /// A new version of this policy failed again and again, and the one before it serves.
    TakenBack { policy: String },
    /// A new version of this policy serves, since it was proven or an operator wanted it.
    Promoted { policy: String },
    /// An operator did not want it.
    Aborted { policy: String },
    /// Something was done to a consumer, an application or a key.
    Consumers {
        act: String,
        of: String,
        /// What of it, in words.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        said: String,
        /// Ids of the keys it was about.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        keys: Vec<String>,
    },
}

/// One file that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) path: PathBuf,
    /// The digest of what it held; none where it was not there.
    pub(crate) before: Option<Digest>,
    pub(crate) after: Option<Digest>,
}

/// An entry with the hash that stands for it and all before.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) entry: Entry,
    pub(crate) hash: String,
}

/// Why a line is not what was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// It is no entry.
    Unreadable,
    /// The hash is not that of what it says.
    Hash,
    /// The key in the state directory is not the one it names.
    Key(String),
    Signature,
}

impl Sealed {
    /// The entry and its line: JSON, at its end the hash of what stands before that, and a signature of the hash.
    pub(super) fn seal(entry: Entry, key: &Key) -> Result<(Self, String), KeyError> {
        let mut body = serde_json::to_string(&entry).map_err(|_| KeyError::Failed)?;
        let hash = Digest::of(body.as_bytes()).hex();
        let signature = URL_SAFE_NO_PAD.encode(key.sign(&signed(&hash))?);
        body.pop();
        let line = format!("{body}{}", seal(&hash, &signature));
        Ok((Self { entry, hash }, line))
    }

    /// What a line says, without a look at whether it is genuine.
    pub(super) fn read(line: &str) -> Option<Self> {
        let (body, hash, _) = parts(line)?;
        Some(Self { entry: serde_json::from_str(&body).ok()?, hash: hash.to_owned() })
    }

    /// What a line says, if it is as it was written.
    pub(super) fn open(line: &str, key: &Key) -> Result<Self, Broken> {
        let (body, hash, signature) = parts(line).ok_or(Broken::Unreadable)?;
        if Digest::of(body.as_bytes()).hex() != hash {
            return Err(Broken::Hash);
        }
        let entry: Entry = serde_json::from_str(&body).map_err(|_| Broken::Unreadable)?;
        if entry.key != key.id() {
            return Err(Broken::Key(entry.key));
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Broken::Signature)?;
        match key.verifies(&signed(hash), &signature) {
            true => Ok(Self { entry, hash: hash.to_owned() }),
            false => Err(Broken::Signature),
        }
    }
}

/// The end of a line.
fn seal(hash: &str, signature: &str) -> String {
    format!(",\"hash\":\"{hash}\",\"signature\":\"{signature}\"}}")
}

/// The body, the hash and the signature of a line.
fn parts(line: &str) -> Option<(String, &str, &str)> {
    let length = seal("", "").len() + HASH + SIGNATURE;
    let (body, end) = line.split_at_checked(line.len().checked_sub(length)?)?;
    let hash = end.get(",\"hash\":\"".len()..)?.get(..HASH)?;
    let signature = end.get(end.len() - SIGNATURE - 2..)?.get(..SIGNATURE)?;
    (seal(hash, signature) == end).then(|| (format!("{body}}}"), hash, signature))
}

fn signed(hash: &str) -> Vec<u8> {
    [PURPOSE, hash].concat().into_bytes()
}
