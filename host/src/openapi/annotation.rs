//! Owns the annotations `x-data-classification` and `x-pii`: what kind of data something is, and how much harm it does in wrong hands.

use std::fmt;

use serde_json::Value as Json;

use super::fault::{Fault, Wrong};
use super::nodes::{Id, Nodes, Value};
use super::read::short;

const CLASSIFICATION: &str = "x-data-classification";
const PII: &str = "x-pii";
/// The names of both.
pub(super) const NAMES: [&str; 2] = [CLASSIFICATION, PII];
/// Categories that are known whatever case they are written in; others are free.
const CATEGORIES: [&str; 8] =
    ["PII", "financial", "government-id", "health", "secret", "credential", "contact", "other"];
const LONGEST_CATEGORY: usize = 64;
const KEYS: [&str; 4] = ["category", "sensitivity", "masking", "description"];
const FORM: &str = "write a sensitivity, or an object with `category`, `sensitivity` and `masking`";
const PII_FORM: &str = "write `true`, `false` or a category, \"contact\"";

/// What an annotation says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) category: Box<str>,
    pub(crate) sensitivity: Sensitivity,
    /// An object with `strategy`; which there are is for policies to say.
    pub(crate) masking: Option<Json>,
}

/// How much harm data does in wrong hands, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sensitivity {
    Public,
    Internal,
    Confidential,
    Restricted,
}

impl Sensitivity {
    const ALL: [Self; 4] = [Self::Public, Self::Internal, Self::Confidential, Self::Restricted];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Confidential => "confidential",
            Self::Restricted => "restricted",
        }
    }

    fn parse(text: &str) -> Result<Self, Wrong> {
        Self::ALL.into_iter().find(|it| it.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            Wrong::new(format!("`{}` is no sensitivity", short(text)), format!("write one of {known}"))
        })
    }
}

impl fmt::Display for Sensitivity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// What the annotations of an object say; none where it has none, or they say nothing. What cannot be understood is a
/// fault: it was meant to protect something. Where both are there the longer one counts.
pub(super) fn class(nodes: &Nodes, at: Id, faults: &mut Vec<Fault>) -> Option<Class> {
    let mut read = |name, parse: fn(&Nodes, Id) -> Result<Option<Class>, (Id, Wrong)>| {
        let id = nodes.member(at, name)?;
        parse(nodes, id).unwrap_or_else(|(at, wrong)| {
            faults.push(nodes.fault(at, wrong));
            None
        })
    };
    let (short, long) = (read(PII, pii), read(CLASSIFICATION, classification));
    long.or(short)
}

type Parsed<T> = Result<T, (Id, Wrong)>;

fn pii(nodes: &Nodes, at: Id) -> Parsed<Option<Class>> {
    let category = match nodes.value(at) {
        Value::Bool(false) => return Ok(None),
        Value::Bool(true) => "PII".into(),
        Value::Text(text) => category(text).map_err(|wrong| (at, wrong))?,
        _ => return Err((at, Wrong::new(format!("is {}", nodes.kind(at)), PII_FORM))),
    };
    Ok(Some(Class { category, sensitivity: Sensitivity::Confidential, masking: None }))
}

fn classification(nodes: &Nodes, at: Id) -> Parsed<Option<Class>> {
    let (mut class, members) = match nodes.value(at) {
        Value::Text(text) => {
            let sensitivity = Sensitivity::parse(text).map_err(|wrong| (at, wrong))?;
            return Ok(Some(Class { category: "other".into(), sensitivity, masking: None }));
        }
        Value::Map(members) => {
            (Class { category: "other".into(), sensitivity: Sensitivity::Confidential, masking: None }, members)
        }
        _ => return Err((at, Wrong::new(format!("is {}", nodes.kind(at)), FORM))),
    };
    for (name, id) in members.iter() {
        match &**name {
            "category" => class.category = category(text(nodes, *id)?).map_err(|wrong| (*id, wrong))?,
            "sensitivity" => class.sensitivity = Sensitivity::parse(text(nodes, *id)?).map_err(|wrong| (*id, wrong))?,
            "masking" => class.masking = Some(masking(nodes, *id)?),
            "description" => drop(text(nodes, *id)?),
            name if name.starts_with("x-") => {}
            _ => {
                let advice = format!("remove it; known here: {}, and what begins with `x-`", KEYS.join(", "));
                return Err((*id, Wrong::new("is not known", advice)));
            }
        }
    }
    Ok(Some(class))
}

fn category(text: &str) -> Result<Box<str>, Wrong> {
    let is_short = (1..=LONGEST_CATEGORY).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if !is_short {
        let advice = format!("write one of {}, or another word", CATEGORIES.join(", "));
        return Err(Wrong::new(format!("`{}` is no category", short(text)), advice));
    }
    let known = CATEGORIES.into_iter().find(|known| known.eq_ignore_ascii_case(text));
    Ok(known.unwrap_or(text).into())
}

fn masking(nodes: &Nodes, at: Id) -> Parsed<Json> {
    const FORM: &str = "write an object with `strategy`, { strategy: partial }";
    if !nodes.is_map(at) {
        return Err((at, Wrong::new(format!("is {}", nodes.kind(at)), FORM)));
    }
    match nodes.member(at, "strategy").map(|id| (id, nodes.text(id))) {
        Some((_, Some(strategy))) if !strategy.is_empty() => Ok(nodes.json(at)),
        Some((id, _)) if matches!(nodes.value(id), Value::Null) => {
            Err((id, Wrong::new("is null, which YAML reads where it is not quoted", "write `strategy: \"null\"`")))
        }
        Some((id, _)) => Err((id, Wrong::new("names no strategy", FORM))),
        None => Err((at, Wrong::new("says no strategy", FORM))),
    }
}

fn text(nodes: &Nodes, at: Id) -> Parsed<&str> {
    nodes.text(at).ok_or_else(|| (at, Wrong::new(format!("is {}", nodes.kind(at)), "write a word")))
}
