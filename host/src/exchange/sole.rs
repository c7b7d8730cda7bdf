//! Fields that mean nothing when they are there twice.

use http::header::AsHeaderName;
use http::{HeaderMap, HeaderValue};

/// The value of a field that stands there once.
pub(crate) fn sole(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_is_there_twice_has_no_value() {
        let mut headers = HeaderMap::new();
        assert_eq!(sole(&headers, "a"), None);
        headers.append("a", HeaderValue::from_static("1"));
        assert_eq!(sole(&headers, "a").unwrap(), "1");
        headers.append("a", HeaderValue::from_static("1"));
        assert_eq!(sole(&headers, "a"), None);
    }
}
