//! Owns blanks: what routes match that cannot serve, so that requests for them are refused and fall to no other route.

use std::fmt;

use http::{HeaderName, HeaderValue, Method};
use serde::{Deserialize, Serialize};

use crate::route::{Condition, Match, Wanted};

/// What one route matches that cannot serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub(crate) struct Blank {
    /// The name of its API.
    pub(crate) api: String,
    pub(crate) route: String,
    pub(crate) matching: Match,
    /// Whether somebody served that before, and nobody does now.
    pub(crate) was_served: bool,
    /// Whether it is of an API that is still there: no other may take it.
    pub(crate) is_owned: bool,
}

/// How it is kept in the state directory: everything in the way api.toml has it.
#[derive(Serialize, Deserialize)]
struct Written {
    api: String,
    route: String,
    hosts: Vec<String>,
    path: String,
    scheme: Option<String>,
    methods: Vec<String>,
    /// None for any value.
    headers: Vec<(String, Option<String>)>,
    query: Vec<(String, Option<String>)>,
    was_served: bool,
}

/// What is kept is no match.
#[derive(Debug, thiserror::Error)]
#[error("the match of a route cannot be read")]
pub(crate) struct Unreadable;

impl Blank {
    /// A text that is the same for the same match.
    pub(crate) fn key(matching: &Match) -> String {
        let headers = matching.headers.iter().map(|it| (it.name.as_str(), value(&it.wanted, shown)));
        let query = matching.query.iter().map(|it| (&*it.name, value(&it.wanted, |text| text.to_string())));
        let (headers, query) = (headers.collect::<Vec<_>>(), query.collect::<Vec<_>>());
        let Match { hosts, path, scheme, methods, .. } = matching;
        format!("{hosts:?} {path} {scheme:?} {methods:?} {headers:?} {query:?}")
    }
}

impl fmt::Display for Blank {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{} {} {};", self.api, self.route, Self::key(&self.matching), self.was_served)
    }
}

impl From<Blank> for Written {
    fn from(Blank { api, route, matching, was_served, .. }: Blank) -> Self {
        let headers = matching.headers.iter().map(|it| (it.name.to_string(), value(&it.wanted, shown)));
        let query = matching.query.iter().map(|it| (it.name.to_string(), value(&it.wanted, |text| text.to_string())));
        Self {
            api,
            route,
            hosts: matching.hosts.iter().map(ToString::to_string).collect(),
            path: matching.path.to_string(),
            scheme: matching.scheme.map(|scheme| scheme.to_string()),
            methods: matching.methods.iter().map(ToString::to_string).collect(),
            headers: headers.collect(),
            query: query.collect(),
            was_served,
        }
    }
}

impl TryFrom<Written> for Blank {
    type Error = Unreadable;

    fn try_from(written: Written) -> Result<Self, Unreadable> {
        let Written { api, route, was_served, .. } = written;
        let headers = written.headers.iter().map(|(name, value)| {
            let name = name.parse::<HeaderName>().map_err(|_| Unreadable)?;
            Ok(Condition { name, wanted: wanted(value, |text| text.parse::<HeaderValue>().map_err(|_| Unreadable))? })
        });
        let query = written.query.iter().map(|(name, value)| {
            Ok(Condition { name: name.as_str().into(), wanted: wanted(value, |text| Ok(text.into()))? })
        });
        let methods = written.methods.iter().map(|method| method.parse::<Method>().map_err(|_| Unreadable));
        let matching = Match {
            hosts: written.hosts.iter().map(|host| host.parse().map_err(|_| Unreadable)).collect::<Result<_, _>>()?,
            path: written.path.parse().map_err(|_| Unreadable)?,
            scheme: written.scheme.map(|scheme| scheme.parse().map_err(|_| Unreadable)).transpose()?,
            methods: methods.collect::<Result<_, _>>()?,
            headers: headers.collect::<Result<_, _>>()?,
            query: query.collect::<Result<_, _>>()?,
        };
        Ok(Self { api, route, matching, was_served, is_owned: false })
    }
}

/// Values come from TOML, so they are text.
fn shown(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

fn value<V>(wanted: &Wanted<V>, show: impl Fn(&V) -> String) -> Option<String> {
    match wanted {
        Wanted::Present => None,
        Wanted::Exactly(value) => Some(show(value)),
    }
}

fn wanted<V>(
    value: &Option<String>,
    parse: impl FnOnce(&str) -> Result<V, Unreadable>,
) -> Result<Wanted<V>, Unreadable> {
    value.as_deref().map_or(Ok(Wanted::Present), |text| parse(text).map(Wanted::Exactly))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_is_read_as_it_was_written() {
        let blank = Blank {
            api: "pets".into(),
            route: "one".into(),
            matching: Match {
                hosts: vec!["a.test".parse().unwrap(), "*.b.test".parse().unwrap()],
                path: "/pets/{id}/{*rest}".parse().unwrap(),
                scheme: Some("https".parse().unwrap()),
                methods: vec![Method::GET, "PURGE".parse().unwrap()],
                headers: vec![
                    Condition { name: "x-env".parse().unwrap(), wanted: Wanted::Exactly("beta".parse().unwrap()) },
                    Condition { name: "x-debug".parse().unwrap(), wanted: Wanted::Present },
                ],
                query: vec![Condition { name: "v".into(), wanted: Wanted::Exactly("2".into()) }],
            },
            was_served: true,
            is_owned: false,
        };
        let text = serde_json::to_string(&blank).unwrap();
        let read: Blank = serde_json::from_str(&text).unwrap();
        assert_eq!(read, blank);
        assert_eq!(Blank::key(&read.matching), Blank::key(&blank.matching));
    }

    #[test]
    fn what_is_no_blank_is_refused() {
        let written = r#"{"api":"a","route":"r","hosts":[],"path":"no path","scheme":null,"methods":[],"headers":[],"query":[],"was_served":true}"#;
        assert!(serde_json::from_str::<Blank>(written).is_err());
    }
}
