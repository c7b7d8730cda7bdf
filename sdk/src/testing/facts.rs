//! Heads to call hooks with.

use crate::{Head, packed};

/// Builder for the head of a request or a response.
#[derive(Clone, Default)]
#[must_use]
pub struct Facts {
    packed: Vec<u8>,
}

impl Facts {
    /// Facts for a request hook; nothing is there until it is named.
    pub fn request() -> Self {
        Self::default()
    }

    /// Facts for a response hook; nothing is there until it is named.
    pub fn response() -> Self {
        Self::default()
    }

    /// `:method`.
    pub fn method(self, method: &str) -> Self {
        self.field(":method", method)
    }

    /// `:path`.
    pub fn path(self, path: &str) -> Self {
        self.field(":path", path)
    }

    /// `:query`, without `?`.
    pub fn query(self, query: &str) -> Self {
        self.field(":query", query)
    }

    /// `:client`.
    pub fn client(self, address: &str) -> Self {
        self.field(":client", address)
    }

    /// `:route`.
    pub fn route(self, name: &str) -> Self {
        self.field(":route", name)
    }

    /// `:status`.
    pub fn status(self, status: u16) -> Self {
        self.field(":status", status.to_string())
    }

    /// `:param.NAME`.
    pub fn param(self, name: &str, value: &str) -> Self {
        self.field(format!(":param.{name}"), value)
    }

    /// An attribute, named without `@`.
    pub fn attribute(self, name: &str, value: &str) -> Self {
        self.field(format!("@{name}"), value)
    }

    /// A header field, or any other fact by its full name.
    pub fn field(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        packed::push(&mut self.packed, name.as_ref(), value.as_ref());
        self
    }

    /// The finished head.
    pub fn build(self) -> OwnedHead {
        OwnedHead { packed: self.packed }
    }
}

/// A head that owns its bytes.
#[derive(Clone)]
pub struct OwnedHead {
    packed: Vec<u8>,
}

impl OwnedHead {
    /// The view a hook is given.
    pub fn head(&self) -> Head<'_> {
        Head::new(&self.packed)
    }
}
