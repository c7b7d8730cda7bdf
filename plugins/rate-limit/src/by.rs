//! What requests are counted apart by, and the keys that come of it.

use lockgate_sdk::{Head, Interest};
use serde::Deserialize;
use std::net::IpAddr;

/// Longest key that is counted for as it is; what would be longer is cut off there, so that it shares its count.
const MAX_KEY: usize = 1024;
/// Bytes of an IPv6 address that one subscriber has.
const V6_NETWORK: usize = 8;

/// Something about a request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum By {
    /// Address of the client; of IPv6 the network of 64 bits.
    Client,
    /// A fact, by its name with the colon.
    Fact(String),
    Field(String),
    /// By its name with the `@`.
    Attribute(String),
}

impl TryFrom<String> for By {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let plain = |fact: &str| Ok(Self::Fact(format!(":{fact}")));
        match text.split_once(':') {
            None if text == "client" => Ok(Self::Client),
            None if ["api", "route", "method", "path", "authority"].contains(&&*text) => plain(&text),
            None if text == "certificate" => plain("client-certificate"),
            Some(("param", name)) if !name.is_empty() => plain(&format!("param.{name}")),
            Some(("attribute", name)) if is_token(name) => Ok(Self::Attribute(format!("@{name}"))),
            Some(("header", name)) if is_token(name) => Ok(Self::Field(name.to_ascii_lowercase())),
            _ => Err("must be `client`, `api`, `route`, `method`, `path`, `authority`, `certificate`, \
                      `param:NAME`, `attribute:NAME` or `header:NAME`"
                .to_owned()),
        }
    }
}

fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'+-.^_`|~".contains(&byte))
}

impl By {
    pub(crate) fn declare(&self, interest: Interest) -> Interest {
        match self {
            Self::Client => interest.request_read(":client"),
            Self::Fact(name) | Self::Field(name) => interest.request_read(name),
            Self::Attribute(name) => interest.attribute_read(name.trim_start_matches('@')),
        }
    }

    fn write(&self, head: &Head<'_>, key: &mut Vec<u8>) {
        match self {
            Self::Client => match head.client().map(str::parse) {
                Some(Ok(IpAddr::V6(address))) => put(key, Some(address.octets().split_at(V6_NETWORK).0)),
                _ => put(key, head.get(":client")),
            },
            // As they would stand together: whoever says a field twice is not counted as somebody else.
            Self::Field(name) => {
                let values: Vec<_> = head.all(name).collect();
                put(key, (!values.is_empty()).then(|| values.join(&b", "[..])).as_deref());
            }
            Self::Fact(name) | Self::Attribute(name) => put(key, head.get(name)),
        }
    }
}

/// What a limit of this name counts a request for. Requests that lack something are counted together.
pub(crate) fn key(name: &str, by: &[By], head: &Head<'_>) -> Vec<u8> {
    let mut key = Vec::with_capacity(64);
    put(&mut key, Some(name.as_bytes()));
    by.iter().for_each(|by| by.write(head, &mut key));
    key.truncate(MAX_KEY);
    key
}

/// With its length before it, so that no two lists of values are the same key.
fn put(key: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        Some(value) => {
            key.extend(u32::try_from(value.len()).unwrap_or(u32::MAX).wrapping_add(1).to_le_bytes());
            key.extend(value);
        }
        None => key.extend([0; 4]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockgate_sdk::testing::Facts;

    fn key_of(by: &[&str], facts: Facts) -> Vec<u8> {
        let by: Vec<By> = by.iter().map(|text| By::try_from((*text).to_owned()).unwrap()).collect();
        key("n", &by, &facts.build().head())
    }

    #[test]
    fn subscribers_of_ipv6_are_one_and_others_are_not() {
        let client = |address| key_of(&["client"], Facts::request().client(address));
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_ne!(client("192.0.2.1"), client("192.0.2.2"));
        assert_ne!(client("192.0.2.1"), key_of(&["client"], Facts::request()), "on a Unix socket nobody has one");
    }

    #[test]
    fn values_cannot_be_moved_from_one_place_to_the_next() {
        let both = |a, b| key_of(&["header:x-a", "header:x-b"], Facts::request().field("x-a", a).field("x-b", b));
        assert_ne!(both("ab", "c"), both("a", "bc"));
        assert_ne!(both("", "a"), key_of(&["header:x-a", "header:x-b"], Facts::request().field("x-b", "a")));
    }

    #[test]
    fn a_field_that_is_there_twice_is_one_value() {
        let twice = Facts::request().field("x-a", "1").field("x-a", "2");
        let once = Facts::request().field("x-a", "1, 2");
        assert_eq!(key_of(&["header:X-A"], twice), key_of(&["header:x-a"], once));
    }

    #[test]
    fn no_key_is_longer_than_may_be() {
        let long = "x".repeat(5000);
        assert_eq!(key_of(&["header:x-a"], Facts::request().field("x-a", long)).len(), MAX_KEY);
    }

    #[test]
    fn what_is_not_known_of_a_request_is_refused() {
        for text in ["", "clients", "header:", "header:a b", "header:x*", "attribute:*", "param:", "query:x", ":path"] {
            assert!(By::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
