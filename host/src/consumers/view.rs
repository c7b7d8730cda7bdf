//! Consumers, applications and keys as they are shown, without anything secret.

use serde::{Deserialize, Serialize};

use super::bounds::Bounds;
use super::key::{Env, KeyId};
use super::name::{Application, Attributes, Description, Holder, Name};

/// Which of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    /// Only those below it, or it alone.
    pub(crate) of: Option<Holder>,
    /// Only those after it, as they are ordered: by name or id.
    pub(crate) after: String,
    pub(crate) most: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ConsumerView {
    pub(crate) consumer: Name,
    pub(crate) description: Description,
    pub(crate) attributes: Attributes,
    pub(crate) disabled: bool,
    /// In seconds since 1970, as all times here.
    pub(crate) created: u64,
    pub(crate) applications: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ApplicationView {
    pub(crate) application: Application,
    pub(crate) description: Description,
    pub(crate) attributes: Attributes,
    pub(crate) disabled: bool,
    pub(crate) created: u64,
    /// Those that are good.
    pub(crate) keys: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyView {
    pub(crate) key: KeyId,
    pub(crate) application: Application,
    pub(crate) environment: Env,
    pub(crate) state: KeyState,
    pub(crate) note: Description,
    pub(crate) bounds: Bounds,
    pub(crate) created: u64,
    pub(crate) expires: Option<u64>,
    pub(crate) revoked: Option<u64>,
    /// Its last use, some seconds late.
    pub(crate) used: Option<u64>,
}

/// Whether a key is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum KeyState {
    Active,
    /// Its application or its consumer is.
    Disabled,
    Expired,
    Revoked,
}
