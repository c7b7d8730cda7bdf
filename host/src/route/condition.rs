//! Conditions on header fields and on the query, that a name is there, or stands once with one value; and on the scheme.
//!
//! A query is read as forms and nearly all servers read it (the `application/x-www-form-urlencoded` parser of the URL
//! standard): pairs between `&`, in any order, the value after the first `=` and empty without one; names and values
//! percent-decoded, `+` a space. So a request cannot take another route by being spelt in another way. What is no
//! escape, such as `%zz`, stands for itself; `;` separates nothing. The query itself goes on as the client wrote it.
//!
//! Where a value is wanted, a name that stands twice does not fulfil the condition, whatever the values are: servers
//! differ about which of them counts.

use std::fmt;
use std::str::FromStr;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::exchange::path::hex_digit;

/// What is wanted of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition<N, V> {
    pub name: N,
    pub wanted: Wanted<V>,
}

/// A header field.
pub(crate) type HeaderCondition = Condition<HeaderName, HeaderValue>;

/// A parameter of the query; decoded.
pub(crate) type QueryCondition = Condition<Box<str>, Box<str>>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted<V> {
    /// With any value, also several times.
    Present,
    /// Once, with this value.
    Exactly(V),
}

/// How a client is connected, as far as anybody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

/// No scheme of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("clients have no such scheme")]
pub(crate) struct BadScheme;

/// How much conditions ask for: first how many there are, then how many of them want a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Strictness {
    conditions: usize,
    exact: usize,
}

impl HeaderCondition {
    pub(super) fn holds(&self, headers: &HeaderMap) -> bool {
        self.wanted.holds(headers.get_all(&self.name).iter(), |found, wanted| found == wanted)
    }
}

impl QueryCondition {
    pub(super) fn holds(&self, query: &str) -> bool {
        self.wanted.holds(values(query, &self.name), |found, wanted| reads(found, wanted))
    }
}

impl<N: PartialEq, V: PartialEq> Condition<N, V> {
    /// Whether no request fulfils both.
    pub(super) fn contradicts(&self, other: &Self) -> bool {
        let values_differ = match (&self.wanted, &other.wanted) {
            (Wanted::Exactly(one), Wanted::Exactly(other)) => one != other,
            _ => false,
        };
        values_differ && self.name == other.name
    }
}

impl Scheme {
    pub(crate) fn of(https: bool) -> Self {
        if https { Self::Https } else { Self::Http }
    }
}

impl FromStr for Scheme {
    type Err = BadScheme;

    fn from_str(text: &str) -> Result<Self, BadScheme> {
        match text {
            "http" => Ok(Self::Http),
            "https" => Ok(Self::Https),
            _ => Err(BadScheme),
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

impl<V> Wanted<V> {
    fn holds<T>(&self, mut found: impl Iterator<Item = T>, is: impl Fn(T, &V) -> bool) -> bool {
        match self {
            Self::Present => found.next().is_some(),
            Self::Exactly(value) => found.next().is_some_and(|found| is(found, value)) && found.next().is_none(),
        }
    }
}

impl Strictness {
    /// Of conditions that all have to hold; one written twice counts once.
    pub(super) fn of<N: PartialEq, V: PartialEq>(conditions: &[Condition<N, V>]) -> Self {
        let mut strictness = Self::default();
        for (index, condition) in conditions.iter().enumerate() {
            if conditions.iter().take(index).all(|earlier| earlier != condition) {
                strictness.conditions += 1;
                strictness.exact += usize::from(matches!(condition.wanted, Wanted::Exactly(_)));
            }
        }
        strictness
    }

    /// Of a scheme, which is a condition that wants a value.
    pub(super) fn of_scheme(scheme: Option<Scheme>) -> Self {
        let count = usize::from(scheme.is_some());
        Self { conditions: count, exact: count }
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self { conditions: self.conditions + other.conditions, exact: self.exact + other.exact }
    }
}

/// The values of a parameter, as they stand in the query.
fn values<'q>(query: &'q str, name: &str) -> impl Iterator<Item = &'q str> {
    query.split('&').filter(|pair| !pair.is_empty()).filter_map(move |pair| {
        let (found, value) = pair.split_once('=').unwrap_or((pair, ""));
        reads(found, name).then_some(value)
    })
}

/// Whether a part of a query means this text.
fn reads(part: &str, text: &str) -> bool {
    Decoded(part.as_bytes()).eq(text.bytes())
}

/// The bytes a part of a query stands for, one after the other, so that comparing copies nothing.
struct Decoded<'a>(&'a [u8]);

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (&first, after) = self.0.split_first()?;
        let escaped = match (first, after) {
            (b'%', [high, low, after @ ..]) => hex_digit(*high).zip(hex_digit(*low)).map(|digits| (digits, after)),
            _ => None,
        };
        let (byte, after) = match (escaped, first) {
            (Some(((high, low), after)), _) => (high << 4 | low, after),
            (None, b'+') => (b' ', after),
            (None, byte) => (byte, after),
        };
        self.0 = after;
        Some(byte)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wants(name: &str, value: Option<&str>) -> QueryCondition {
        let wanted = value.map_or(Wanted::Present, |value| Wanted::Exactly(value.into()));
        Condition { name: name.into(), wanted }
    }

    #[test]
    fn a_query_is_read_as_servers_read_it() {
        let cases = [
            ("v=2", "v", Some("2"), true),
            ("a=1&v=2&b", "v", Some("2"), true),
            ("v=3", "v", Some("2"), false),
            ("V=2", "v", Some("2"), false),
            ("w=2", "v", Some("2"), false),
            ("", "v", Some(""), false),
            ("&&", "", Some(""), false),
            ("v", "v", Some(""), true),
            ("v=", "v", Some(""), true),
            ("v=a=b", "v", Some("a=b"), true),
            ("%76=%32", "v", Some("2"), true),
            ("v=a+b%20c%2Bd", "v", Some("a b c+d"), true),
            ("v=caf%c3%A9", "v", Some("caf\u{e9}"), true),
            ("v=%zz%2", "v", Some("%zz%2"), true),
            ("v=%FF", "v", Some("\u{ff}"), false),
            ("v=1;w=2", "w", Some("2"), false),
            ("v=2&v=2", "v", Some("2"), false),
            ("v=1&v=2", "v", Some("2"), false),
            ("v=2&%76=1", "v", Some("2"), false),
            ("v=1&v=2", "v", None, true),
            ("v", "v", None, true),
            ("vv=1", "v", None, false),
        ];
        for (query, name, value, expected) in cases {
            assert_eq!(wants(name, value).holds(query), expected, "{query} {name} {value:?}");
        }
    }

    #[test]
    fn a_repeated_field_fulfils_no_condition_on_its_value() {
        let name = HeaderName::from_static("x-version");
        let exactly = Condition { name: name.clone(), wanted: Wanted::Exactly(HeaderValue::from_static("1")) };
        let present = HeaderCondition { name, wanted: Wanted::Present };
        let mut headers = HeaderMap::new();
        let held = |headers: &HeaderMap| (exactly.holds(headers), present.holds(headers));
        assert_eq!(held(&headers), (false, false));
        headers.append("x-version", HeaderValue::from_static("1"));
        assert_eq!(held(&headers), (true, true));
        headers.append("x-version", HeaderValue::from_static("2"));
        assert_eq!(held(&headers), (false, true));
    }

    proptest! {
        #[test]
        fn however_a_value_is_escaped_it_is_the_same(value in "[a-z &=+%\u{e9}]{0,8}", escape in any::<[bool; 24]>()) {
            let byte = |(byte, escape): (u8, &bool)| match byte {
                b'a'..=b'z' if !escape => char::from(byte).to_string(),
                b' ' if !escape => "+".to_owned(),
                byte => format!("%{byte:02x}"),
            };
            let escaped: String = value.bytes().zip(escape.iter().cycle()).map(byte).collect();
            let query = format!("v={escaped}");
            prop_assert!(wants("v", Some(&value)).holds(&query), "{}", query);
        }
    }
}
