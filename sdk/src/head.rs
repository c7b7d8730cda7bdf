//! The borrowed view of a message head: header fields, facts and attributes, found without copying.

use crate::packed;
use std::{fmt, str};

/// What a hook is told about a message: the declared and granted fields, facts and attributes that exist.
///
/// Anything else is absent: a policy that wants `:path` must read it in its interest. Names are compared without regard
/// to case.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    packed: &'a [u8],
}

impl<'a> Head<'a> {
    /// A view of a list packed as `fields` of the contract. Reading ends at the first malformed entry.
    pub fn new(packed: &'a [u8]) -> Self {
        Self { packed }
    }

    /// The first value of a name.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// The value of a name, if there is exactly one and it is UTF-8: where a field is there twice, readers may differ
    /// about which counts.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        let mut all = self.all(name);
        let first = all.next()?;
        // Facts have one value, but for the names of a certificate; looking on costs as much as finding them.
        let is_only = name.starts_with(':') || all.next().is_none();
        str::from_utf8(first).ok().filter(|_| is_only)
    }

    /// Every value of a name, in order.
    pub fn all<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// All names and values, in order; facts begin with `:`, attributes with `@`.
    pub fn iter(&self) -> Fields<'a> {
        Fields { rest: self.packed }
    }

    /// The request method, `:method`.
    pub fn method(&self) -> Option<&'a str> {
        self.text(":method")
    }

    /// The normalised path without query, `:path`.
    pub fn path(&self) -> Option<&'a str> {
        self.text(":path")
    }

    /// The query without `?`, `:query`; absent when there is none.
    pub fn query(&self) -> Option<&'a str> {
        self.text(":query")
    }

    /// The IP address of the client, `:client`: of the peer, or what proxies the operator trusts say. Absent on Unix
    /// sockets.
    pub fn client(&self) -> Option<&'a str> {
        self.text(":client")
    }

    /// SHA-256 of the client's certificate in base64url, `:client-certificate`; absent where it showed none.
    pub fn client_certificate(&self) -> Option<&'a str> {
        self.text(":client-certificate")
    }

    /// The subject of the client's certificate (RFC 4514), `:client-certificate-subject`.
    pub fn client_certificate_subject(&self) -> Option<&'a str> {
        self.text(":client-certificate-subject")
    }

    /// The alternative names of the client's certificate, `:client-certificate-name`: `dns:`, `uri:`, `email:` or `ip:`
    /// and the name.
    pub fn client_certificate_names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.all(":client-certificate-name").filter_map(|name| str::from_utf8(name).ok())
    }

    /// The name of the route, `:route`.
    pub fn route(&self) -> Option<&'a str> {
        self.text(":route")
    }

    /// The status of the response, `:status`; absent in request hooks.
    pub fn status(&self) -> Option<u16> {
        self.text(":status")?.parse().ok()
    }

    /// A path parameter, decoded: `:param.NAME`.
    pub fn param(&self, name: &str) -> Option<&'a str> {
        self.prefixed(b":param.", name)
    }

    /// An attribute an earlier policy wrote: `@NAME`.
    pub fn attribute(&self, name: &str) -> Option<&'a str> {
        self.prefixed(b"@", name)
    }

    fn prefixed(&self, prefix: &[u8], name: &str) -> Option<&'a str> {
        let (_, value) = self.iter().find(|(found, _)| {
            found.strip_prefix(prefix).is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
        })?;
        str::from_utf8(value).ok()
    }
}

impl<'a> IntoIterator for &Head<'a> {
    type Item = (&'a [u8], &'a [u8]);
    type IntoIter = Fields<'a>;

    fn into_iter(self) -> Fields<'a> {
        self.iter()
    }
}

impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        packed::Names(self.packed).fmt(f)
    }
}

/// Iterator over the names and values of a [`Head`].
#[derive(Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value, rest) = packed::split_first(self.rest)?;
        self.rest = rest;
        Some((name, value))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Facts;

    #[test]
    fn fields_facts_and_attributes_are_found_by_name() {
        let facts = Facts::response()
            .method("GET")
            .path("/pets/7")
            .query("a=1")
            .client("192.0.2.1")
            .route("getPet")
            .status(204)
            .param("petId", "7")
            .attribute("auth.sub", "ann")
            .field("accept", "a")
            .field("accept", "b")
            .build();
        let head = facts.head();
        assert_eq!(head.method(), Some("GET"));
        assert_eq!(head.path(), Some("/pets/7"));
        assert_eq!(head.query(), Some("a=1"));
        assert_eq!(head.client(), Some("192.0.2.1"));
        assert_eq!(head.route(), Some("getPet"));
        assert_eq!(head.status(), Some(204));
        assert_eq!(head.param("petId"), Some("7"));
        assert_eq!(head.attribute("auth.sub"), Some("ann"));
        assert_eq!(head.get("Accept"), Some(&b"a"[..]));
        assert_eq!(head.all("accept").count(), 2);
        assert_eq!(head.text("accept"), None, "which of the two?");
        assert_eq!(head.iter().count(), 10);
    }

    #[test]
    fn a_value_that_is_not_utf8_is_bytes_only() {
        let facts = Facts::request().field("x", b"\xff").build();
        assert_eq!(facts.head().text("x"), None);
        assert_eq!(facts.head().get("x"), Some(&b"\xff"[..]));
    }

    #[test]
    fn debug_shows_no_values() {
        let facts = Facts::request().field("cookie", "secret").build();
        assert_eq!(format!("{:?}", facts.head()), r#"["cookie"]"#);
    }
}
