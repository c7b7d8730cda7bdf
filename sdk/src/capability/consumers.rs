//! Who calls: consumers, their applications and the keys of those, which the gateway keeps. Needs the grant `consumers`.
//!
//! ```
//! use lockgate_sdk::consumers::{self, Asked, Error};
//!
//! # lockgate_sdk::testing::consumers::know("lg_live_good", &[("consumer", "ada")]);
//! let asked = Asked { api: "pets", operation: "getPet", method: "GET", client: "192.0.2.1" };
//! let caller = consumers::identify(b"lg_live_good", asked)?;
//! assert_eq!(caller.get("consumer"), Some("ada"));
//! # Ok::<_, Error>(())
//! ```

use super::host::consumers as host;
use crate::{Edits, Failure, Head, Problem, Response, Verdict, packed};
pub use host::{Asked, Error};
use std::fmt;

impl<'a> Asked<'a> {
    /// The facts that have to be read for it.
    pub const FACTS: [&'static str; 4] = [":api", ":route", ":method", ":client"];

    /// What a request asks for. Reads [`Self::FACTS`].
    pub fn of(head: &Head<'a>) -> Self {
        let [api, operation, method, client] = Self::FACTS.map(|fact| head.text(fact).unwrap_or_default());
        Self { api, operation, method, client }
    }
}

/// Whose a key is: `consumer`, `application`, `key` (its id), `environment`, and attributes.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    packed: Vec<u8>,
}

impl Identity {
    pub(crate) fn new(packed: Vec<u8>) -> Self {
        Self { packed }
    }

    /// The value of a name, if there is one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = self.packed.as_slice();
        std::iter::from_fn(move || {
            let (name, value, after) = packed::split_first(rest)?;
            rest = after;
            Some((str::from_utf8(name).ok()?, str::from_utf8(value).ok()?))
        })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        packed::Names(&self.packed).fmt(f)
    }
}

impl Identity {
    /// Attributes of these names after a prefix: `auth.consumer`, `auth.application` and so on, added to edits.
    pub fn attributes(&self, prefix: &str, edits: Edits) -> Edits {
        self.iter().fold(edits, |edits, (name, value)| edits.attribute(format!("{prefix}{name}"), value))
    }
}

/// Whose this key is, if it is good for what is asked. It counts as a use of the key.
///
/// # Errors
/// Why the request should not pass: [`refuse`] answers so.
pub fn identify(key: &[u8], asked: Asked<'_>) -> Result<Identity, Error> {
    host::identify(key, asked).map(Identity::new)
}

/// The answer to whoever shows a key that is not good: 401 or 403 as a problem of its own type
/// (`urn:problem-type:lockgate:key_revoked`), with `challenge` as `www-authenticate`.
pub fn refuse(why: Error, challenge: &str) -> Verdict {
    let (status, kind, detail) = match why {
        Error::Denied => return Failure::Internal.into(),
        Error::Unavailable => return Failure::Dependency.into(),
        Error::Malformed => (401, "key_malformed", "it is no key of this gateway, or a letter of it is wrong"),
        Error::Unknown => (401, "key_unknown", "the key is nobody's"),
        Error::Revoked => (401, "key_revoked", "the key was revoked"),
        Error::Expired => (401, "key_expired", "the key has expired"),
        Error::Disabled => (403, "application_disabled", "the application of this key, or its consumer, is disabled"),
        Error::NotForOperation => (403, "key_not_for_operation", "the key is not for this operation"),
        Error::NotForMethod => (403, "key_not_for_method", "the key is not for this method"),
        Error::NotFromAddress => (403, "key_not_from_address", "the key is not for this address"),
    };
    let title = if status == 401 { "Unauthorized" } else { "Forbidden" };
    let kind = format!("urn:problem-type:lockgate:{kind}");
    let response = Response::from(Problem::new(status, title).kind(&kind).detail(detail));
    if status == 401 { response.field("www-authenticate", challenge).into() } else { response.into() }
}
