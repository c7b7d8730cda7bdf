//! Changes to a message head, packed as the contract wants them while they are being named.

use crate::packed::{self, Names};
use std::fmt;

/// What stands before a name in the list of changes and says what to do.
pub(crate) const SET: &[u8] = b"=";
pub(crate) const APPEND: &[u8] = b"+";
pub(crate) const REMOVE: &[u8] = b"-";
pub(crate) const ATTRIBUTE: &[u8] = b"@";

/// Builder for the changes a policy wants, applied by the host all together or not at all.
///
/// They are made in the order they are called here.
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Edits {
    pub(crate) changes: Vec<u8>,
    pub(crate) target: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) state: Option<Vec<u8>>,
}

impl Edits {
    /// No changes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replace a field: earlier values go, also those set here before.
    pub fn set(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        packed::push_prefixed(&mut self.changes, SET, name.as_ref(), value.as_ref());
        self
    }

    /// Add a field beside those of the same name.
    pub fn append(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        packed::push_prefixed(&mut self.changes, APPEND, name.as_ref(), value.as_ref());
        self
    }

    /// Drop all values of a field.
    pub fn remove(mut self, name: impl AsRef<str>) -> Self {
        packed::push_prefixed(&mut self.changes, REMOVE, name.as_ref(), b"");
        self
    }

    /// Write an attribute, named without `@`.
    pub fn attribute(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        packed::push_prefixed(&mut self.changes, ATTRIBUTE, name.as_ref(), value.as_ref());
        self
    }

    /// New path and query of the request. Needs [`Interest::may_set_target`](crate::Interest::may_set_target).
    pub fn target(mut self, path_and_query: impl Into<String>) -> Self {
        self.target = Some(path_and_query.into());
        self
    }

    /// New status of the response, 200 to 599. Needs [`Interest::may_set_status`](crate::Interest::may_set_status).
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Bytes handed to this policy's later hooks on the same exchange, at most 4 KiB, in place of what was carried
    /// before.
    pub fn state(mut self, state: impl Into<Vec<u8>>) -> Self {
        self.state = Some(state.into());
        self
    }

    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.target.is_none() && self.status.is_none() && self.state.is_none()
    }
}

impl fmt::Debug for Edits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edits")
            .field("changes", &Names(&self.changes))
            .field("target", &self.target.is_some())
            .field("status", &self.status)
            .field("state_bytes", &self.state.as_ref().map(Vec::len))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_found_again() {
        let edits = Edits::new()
            .set("X-A", "1")
            .append("x-a", "2")
            .append("x-b", b"3")
            .remove("x-c")
            .attribute("auth.sub", "ann")
            .target("/p?q")
            .status(204)
            .state(*b"s");
        assert_eq!(edits.sets("x-a"), ["1"]);
        assert_eq!(edits.appends("x-a"), ["2"]);
        assert_eq!(edits.appends("x-b"), ["3"]);
        assert!(edits.removes("x-c"));
        assert_eq!(edits.attribute_value("auth.sub").as_deref(), Some("ann"));
        assert_eq!(edits.new_target(), Some("/p?q"));
        assert_eq!(edits.new_status(), Some(204));
        assert_eq!(edits.new_state(), Some(&b"s"[..]));
    }

    #[test]
    fn only_untouched_edits_are_empty() {
        assert!(Edits::new().is_empty());
        assert!(!Edits::new().state(Vec::new()).is_empty());
        assert!(!Edits::new().remove("x").is_empty());
    }
}
