//! What a key is good for: which APIs and operations, with which methods, from where.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::config::Network;

/// Entries of each list, and bytes of each.
const MOST: usize = 64;
const LONGEST: usize = 256;

/// Where a key is good; what is empty bounds nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub(crate) struct Bounds {
    places: Vec<Place>,
    methods: Vec<String>,
    networks: Vec<(String, Network)>,
}

/// An API, or an operation of it: `petstore`, `petstore/getPet`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    api: String,
    operation: Option<String>,
}

/// As it is written.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Raw {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    methods: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    from: Vec<String>,
}

/// Why a key cannot be bounded so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BoundsError {
    #[error("{0:?} is no API and no operation: those are written `petstore` and `petstore/getPet`")]
    Place(String),
    #[error("{0:?} is no method: those are written in capitals, as `GET`")]
    Method(String),
    #[error("{0:?} is no address and no network: those are written as `192.0.2.1` and `192.0.2.0/24`")]
    Network(String),
    #[error("{0:?} has bits beyond its length: write the network it is in, or the address alone")]
    Bits(String),
    #[error("there can be {MOST} of each kind, and not more")]
    Many,
}

/// What is asked for with a key, as the facts of an exchange have it. What is not known is within no bound.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked<'a> {
    pub(crate) api: &'a str,
    /// The route, if it has no operation.
    pub(crate) operation: &'a str,
    pub(crate) method: &'a str,
    /// An address, as it is written.
    pub(crate) client: &'a str,
}

/// The first bound something is not within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beyond {
    Place,
    Method,
    Network,
}

impl Bounds {
    /// Lists as they are written, empty for no bound.
    pub(crate) fn new(to: Vec<String>, methods: Vec<String>, from: Vec<String>) -> Result<Self, BoundsError> {
        if [&to, &methods, &from].iter().any(|list| list.len() > MOST) {
            return Err(BoundsError::Many);
        }
        let is_method = |text: &str| {
            (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
        };
        if let Some(wrong) = methods.iter().find(|method| !is_method(method)) {
            return Err(BoundsError::Method(shown(wrong)));
        }
        let networks = from.into_iter().map(|text| match text.parse::<Network>() {
            Ok(network) if network.is_whole() => Ok((text, network)),
            Ok(_) => Err(BoundsError::Bits(shown(&text))),
            Err(_) => Err(BoundsError::Network(shown(&text))),
        });
        let places = to.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        Ok(Self { places, methods, networks: networks.collect::<Result<_, _>>()? })
    }

    /// Whether what is asked for is within all of them.
    pub(super) fn admit(&self, asked: Asked<'_>) -> Result<(), Beyond> {
        if !self.places.is_empty() && !self.places.iter().any(|place| place.holds(asked)) {
            return Err(Beyond::Place);
        }
        // HEAD is routed as GET, and asks for less.
        let as_get = if asked.method == "HEAD" { "GET" } else { asked.method };
        let is_method = |method: &String| method == asked.method || method == as_get;
        if !self.methods.is_empty() && !self.methods.iter().any(is_method) {
            return Err(Beyond::Method);
        }
        let from = |client: IpAddr| self.networks.iter().any(|(_, network)| network.contains(client.to_canonical()));
        if !self.networks.is_empty() && !asked.client.parse().is_ok_and(from) {
            return Err(Beyond::Network);
        }
        Ok(())
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = self.places.iter().map(Place::to_string);
        let networks = self.networks.iter().map(|(text, _)| format!("from {text}"));
        let all: Vec<_> = places.chain(self.methods.iter().cloned()).chain(networks).collect();
        out.write_str(if all.is_empty() { "anything" } else { "" })?;
        out.write_str(&all.join(" "))
    }
}

impl Place {
    fn holds(&self, asked: Asked<'_>) -> bool {
        self.api == asked.api && self.operation.as_ref().is_none_or(|operation| operation == asked.operation)
    }
}

impl FromStr for Place {
    type Err = BoundsError;

    fn from_str(text: &str) -> Result<Self, BoundsError> {
        // As APIs and routes can be called.
        let is_named = |text: &str, others: &[u8]| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
        };
        let (api, operation) = text.split_once('/').map_or((text, None), |(api, operation)| (api, Some(operation)));
        if text.len() > LONGEST || !is_named(api, b"-") || !operation.is_none_or(|it| is_named(it, b"_.-")) {
            return Err(BoundsError::Place(shown(text)));
        }
        Ok(Self { api: api.to_owned(), operation: operation.map(str::to_owned) })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.operation {
            Some(operation) => write!(out, "{}/{operation}", self.api),
            None => out.write_str(&self.api),
        }
    }
}

fn shown(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

impl TryFrom<Raw> for Bounds {
    type Error = BoundsError;

    fn try_from(Raw { to, methods, from }: Raw) -> Result<Self, BoundsError> {
        Self::new(to, methods, from)
    }
}

impl From<Bounds> for Raw {
    fn from(Bounds { places, methods, networks }: Bounds) -> Self {
        Self {
            to: places.iter().map(Place::to_string).collect(),
            methods,
            from: networks.into_iter().map(|(text, _)| text).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(to: &[&str], methods: &[&str], from: &[&str]) -> Result<Bounds, BoundsError> {
        let owned = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect();
        Bounds::new(owned(to), owned(methods), owned(from))
    }

    const ASKED: Asked<'_> = Asked { api: "pets", operation: "getPet", method: "GET", client: "" };

    #[test]
    fn what_is_asked_for_has_to_be_within_each_kind() {
        let from = |client| Asked { client, ..ASKED };
        for (bounds, asked, said) in [
            (bounds(&[], &[], &[]), ASKED, Ok(())),
            (bounds(&["pets"], &[], &[]), ASKED, Ok(())),
            (bounds(&["pet"], &[], &[]), ASKED, Err(Beyond::Place)),
            (bounds(&["shop", "pets/getPet"], &["GET"], &[]), ASKED, Ok(())),
            (bounds(&["pets/getPets"], &["GET"], &[]), ASKED, Err(Beyond::Place)),
            (bounds(&["pets"], &["POST", "HEAD"], &[]), ASKED, Err(Beyond::Method)),
            (bounds(&[], &["GET"], &[]), Asked { method: "HEAD", ..ASKED }, Ok(())),
            (bounds(&[], &[], &["10.0.0.0/8"]), ASKED, Err(Beyond::Network)),
            (bounds(&[], &[], &["10.0.0.0/8", "2001:db8::/32"]), from("10.9.9.9"), Ok(())),
            (bounds(&[], &[], &["10.0.0.0/8"]), from("::ffff:10.0.0.1"), Ok(())),
            (bounds(&[], &[], &["10.0.0.0/8"]), from("11.0.0.1"), Err(Beyond::Network)),
            (bounds(&[""; 0], &[], &["192.0.2.1"]), Asked::default(), Err(Beyond::Network)),
            (bounds(&["pets"], &[], &[]), Asked::default(), Err(Beyond::Place)),
        ] {
            assert_eq!(bounds.unwrap().admit(asked), said, "{asked:?}");
        }
    }

    #[test]
    fn what_is_no_bound_is_refused_and_not_left_out() {
        assert_eq!(bounds(&["a", ""], &[], &[]), Err(BoundsError::Place(String::new())));
        assert_eq!(bounds(&["a//b"], &[], &[]), Err(BoundsError::Place("a//b".into())));
        assert_eq!(bounds(&["pets/"], &[], &[]), Err(BoundsError::Place("pets/".into())));
        assert_eq!(bounds(&[], &["get"], &[]), Err(BoundsError::Method("get".into())));
        assert_eq!(bounds(&[], &[], &["10.0.0.0/33"]), Err(BoundsError::Network("10.0.0.0/33".into())));
        assert_eq!(bounds(&["pets/a/b"], &[], &[]), Err(BoundsError::Place("pets/a/b".into())));
        assert_eq!(bounds(&["pets/*"], &[], &[]), Err(BoundsError::Place("pets/*".into())));
        assert_eq!(bounds(&[], &[], &["10.0.0.5/8"]), Err(BoundsError::Bits("10.0.0.5/8".into())));
        assert_eq!(bounds(&["a"; 65], &[], &[]), Err(BoundsError::Many));
        assert!(serde_json::from_str::<Bounds>(r#"{"too":["a"]}"#).is_err());
    }

    #[test]
    fn what_is_written_is_read_again() {
        for bounds in [Bounds::default(), bounds(&["a", "b/c"], &["GET"], &["::1", "10.0.0.0/8"]).unwrap()] {
            let text = serde_json::to_string(&bounds).unwrap();
            assert_eq!(serde_json::from_str::<Bounds>(&text).unwrap(), bounds, "{text}");
        }
    }
}
