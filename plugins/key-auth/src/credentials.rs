//! Finding the one key of a request.

use lockgate_sdk::Head;

use crate::config::Config;

/// A key, and where it stands.
pub(crate) enum Found<'a> {
    Field {
        name: &'a str,
        key: &'a [u8],
    },
    /// With what is left of the query without it.
    Query {
        key: &'a [u8],
        rest: String,
    },
}

/// There is more than one, and readers may differ about which counts.
#[derive(Debug)]
pub(crate) struct Several;

impl Found<'_> {
    pub(crate) fn key(&self) -> &[u8] {
        match self {
            Self::Field { key, .. } | Self::Query { key, .. } => key,
        }
    }
}

/// The key of a request, if it has one.
pub(crate) fn find<'a>(head: &Head<'a>, config: &'a Config) -> Result<Option<Found<'a>>, Several> {
    let mut all = Vec::new();
    if let Some(name) = config.header() {
        all.extend(head.all(name).map(|key| Found::Field { name, key }));
    }
    if config.bearer {
        let name = "authorization";
        all.extend(head.all(name).filter_map(bearer).map(|key| Found::Field { name, key }));
    }
    if let Some(query) = &config.query {
        all.extend(parameter(head.query().unwrap_or_default(), query.as_str())?);
    }
    if all.len() > 1 { Err(Several) } else { Ok(all.pop()) }
}

/// What follows the scheme `Bearer`, in any case; credentials of other schemes are none of a key.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked("bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| rest.trim_ascii())
}

fn parameter<'a>(query: &'a str, name: &str) -> Result<Option<Found<'a>>, Several> {
    let of = |part: &'a str| {
        let (found, value) = part.split_once('=').unwrap_or((part, ""));
        is_written(found, name).then_some(value)
    };
    let mut values = query.split('&').filter_map(of);
    let Some(key) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Several);
    }
    let rest: Vec<_> = query.split('&').filter(|part| of(part).is_none()).collect();
    Ok(Some(Found::Query { key: key.as_bytes(), rest: rest.join("&") }))
}

/// Whether a name is written so, as it is or with escapes: whoever reads the query later takes them for the same.
fn is_written(written: &str, name: &str) -> bool {
    let mut rest = written.as_bytes();
    let letters = std::iter::from_fn(|| {
        let (letter, after) = match *rest {
            [b'%', high, low, ..] => (hex(high).zip(hex(low)).map(|(high, low)| high << 4 | low), &rest[3..]),
            [letter, ..] => (Some(letter), &rest[1..]),
            [] => return None,
        };
        rest = after;
        Some(letter)
    });
    letters.eq(name.bytes().map(Some))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
