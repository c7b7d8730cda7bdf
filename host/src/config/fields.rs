//! Values of gateway.toml that are addresses of this machine and names of header fields.

use std::net::SocketAddr;

use http::HeaderName;

use super::fault::Faults;
use super::grant::Pattern;
use super::kinds::{Kind, Shown, read_text};
use super::reader::Node;

/// An address only this machine can reach.
pub(super) struct Loopback;

impl Kind for Loopback {
    type Out = SocketAddr;

    fn describe() -> String {
        "a loopback address and port, \"127.0.0.1:8081\"".to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<SocketAddr> {
        read_text(node, &Self::describe(), faults, |text| {
            text.parse().ok().filter(|address: &SocketAddr| address.ip().is_loopback())
        })
    }
}

impl Shown for Loopback {
    fn show(value: &SocketAddr) -> String {
        format!("\"{value}\"")
    }
}

/// A header field, or the beginning of some, that clients may not send.
pub(super) struct ClientField;

impl Kind for ClientField {
    type Out = Pattern;

    fn describe() -> String {
        "the lower-case name of a header field or `prefix*`".to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Pattern> {
        read_text(node, &Self::describe(), faults, |text| match text.parse().ok()? {
            Pattern::Exact(name) | Pattern::Prefix(name) if name.starts_with(':') => None,
            Pattern::All => None,
            pattern => Some(pattern),
        })
    }
}

impl Shown for ClientField {
    fn show(value: &Pattern) -> String {
        format!("\"{value}\"")
    }
}

/// A header field with `_` in its name.
pub(super) struct Underscored;

impl Kind for Underscored {
    type Out = HeaderName;

    fn describe() -> String {
        "the lower-case name of a header field with `_`".to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<HeaderName> {
        let is_plain = |text: &&str| text.contains('_') && !text.bytes().any(|byte| byte.is_ascii_uppercase());
        read_text(node, &Self::describe(), faults, |text| Some(text).filter(is_plain)?.parse().ok())
    }
}

/// A header field for ids: its name says so, and so is never that of a field that means something else.
pub(super) struct IdField;

impl Kind for IdField {
    type Out = HeaderName;

    fn describe() -> String {
        "the lower-case name of a header field that ends in `-id`".to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<HeaderName> {
        read_text(node, &Self::describe(), faults, |text| {
            let name = HeaderName::from_bytes(text.as_bytes()).ok()?;
            (name.as_str() == text && text.ends_with("-id")).then_some(name)
        })
    }
}
