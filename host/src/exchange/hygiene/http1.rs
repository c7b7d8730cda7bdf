//! Fields that came over HTTP/2 and would be others over HTTP/1.1.

use http::header::{HeaderMap, HeaderName, HeaderValue};

/// Whether fields are the same over HTTP/1.1.
pub(crate) fn is_same_in_http1(fields: &HeaderMap) -> bool {
    fields.iter().all(|(name, value)| is_same(name, value))
}

/// HTTP/1.1 leaves out white space around a value, so that others would read another one than we do (RFC 9113 section
/// 8.2.1), and has no quotes in names (RFC 9110 section 5.6.2), which the parser of HTTP/2 lets pass.
pub(super) fn is_same(name: &HeaderName, value: &HeaderValue) -> bool {
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let value = value.as_bytes();
    !is_space(value.first()) && !is_space(value.last()) && memchr::memchr(b'"', name.as_str().as_bytes()).is_none()
}
