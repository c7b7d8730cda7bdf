//! Owns how templates of paths are written, and that they name only parameters there are.

use std::fmt;
use std::str::FromStr;

use super::fault::{Faults, Place};
use super::kinds::Spelled;
use crate::route::{Location, PathPattern, Template};

/// What becomes of the query of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueryUse {
    Keep,
    Drop,
}

impl QueryUse {
    /// What is left of a query.
    pub(crate) fn of(self, query: Option<&str>) -> Option<&str> {
        query.filter(|_| self == Self::Keep)
    }
}

/// Complain about a parameter that is `foreign` to the pattern a template belongs to.
pub(super) fn check_params(foreign: Option<String>, pattern: &PathPattern, place: &Place, faults: &mut Faults) {
    let Some(param) = foreign else { return };
    let known: Vec<_> = pattern.params_spelled().map(|param| format!("`{param}`")).collect();
    let advice = match known.as_slice() {
        [] => "leave it out, or put it into `match.path` too".to_owned(),
        known => format!("known there: {}", known.join(", ")),
    };
    faults.push(place.fault(format!("uses `{param}`, which is no parameter of `{pattern}`"), advice));
}

impl Spelled for Template {
    const SPELLING: &'static str = "a path like \"/v2/{id}\" or \"/new/{*rest}\"";
}

impl Spelled for Location {
    const SPELLING: &'static str = "a path like \"/new/{*rest}\" or a URL like \"https://new.example/{*rest}\"";
}

/// There is no such choice.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("there is no such choice")]
pub(crate) struct UnknownQueryUse;

impl FromStr for QueryUse {
    type Err = UnknownQueryUse;

    fn from_str(text: &str) -> Result<Self, UnknownQueryUse> {
        [Self::Keep, Self::Drop].into_iter().find(|choice| choice.to_string() == text).ok_or(UnknownQueryUse)
    }
}

impl fmt::Display for QueryUse {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Keep => "keep",
            Self::Drop => "drop",
        })
    }
}

impl Spelled for QueryUse {
    const SPELLING: &'static str = "\"keep\" or \"drop\"";
}
