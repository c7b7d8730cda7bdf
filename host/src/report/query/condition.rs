//! What of the requests is asked about: `status=5xx`, `consumer=shop,depot`.

use super::super::rollup::NONE;
use super::dimension::Dimension;
use super::fault::QueryFault;
use crate::near::nearest;
use crate::telemetry::metrics::{CallOutcome, Hook, Label};
use crate::telemetry::{CLASSES, Outcome};

/// Values of one question; each is looked up.
const MOST_VALUES: usize = 100;

/// Any of these values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) dimension: Dimension,
    pub(super) values: Vec<Value>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Empty where there is none.
    Name(String),
    /// A code, a hundred of codes, or an outcome.
    Number(u16),
}

/// Conditions that all hold, one for each dimension.
pub(super) fn parse(written: &[String], faults: &mut Vec<QueryFault>) -> Vec<Condition> {
    let mut all = Vec::<Condition>::new();
    for text in written {
        let Some((word, values)) = text.split_once('=') else {
            let reason = format!("{text:?} has no `=`");
            faults.push(QueryFault::new("where", reason, "write `status=5xx` or `api=petstore,orders`"));
            continue;
        };
        let dimension = match Dimension::parse("where", word.trim()) {
            Ok(dimension) => dimension,
            Err(fault) => {
                faults.push(fault);
                continue;
            }
        };
        for value in split(values) {
            match self::value(dimension, value.trim()) {
                Err(fault) => faults.push(fault),
                Ok(value) => match all.iter_mut().find(|condition| condition.dimension == dimension) {
                    Some(condition) => condition.values.push(value),
                    None => all.push(Condition { dimension, values: vec![value] }),
                },
            }
        }
    }
    let values = all.iter().map(|condition| condition.values.len()).sum::<usize>();
    if values > MOST_VALUES {
        let reason = format!("{values} values are more than the {MOST_VALUES} a question may have");
        faults.push(QueryFault::new("where", reason, "ask for fewer, or by the dimension with a higher limit"));
    }
    all
}

/// What a name may be in full, as in `petstore/getPet`: what it is of and its own name, either of which may have a `/` of
/// its own. Empty where there is none.
pub(super) fn halves(name: &str) -> impl Iterator<Item = (&str, &str)> {
    name.match_indices('/').map(|(at, slash)| {
        let own = &name[at + slash.len()..];
        (&name[..at], if own == NONE { "" } else { own })
    })
}

/// At commas, but not where `\,` stands for one that is part of a value.
fn split(values: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for part in values.split_inclusive(',') {
        let Some(last) = all.last_mut() else { continue };
        match (part.strip_suffix("\\,"), part.strip_suffix(',')) {
            (Some(start), _) => last.extend([start, ","]),
            (None, Some(whole)) => {
                last.push_str(whole);
                all.push(String::new());
            }
            (None, None) => last.push_str(part),
        }
    }
    all
}

fn value(dimension: Dimension, text: &str) -> Result<Value, QueryFault> {
    let fault = |reason: String, advice: &str| QueryFault::new("where", reason, advice);
    match dimension {
        Dimension::Status | Dimension::Code if text == NONE => Ok(Value::Number(0)),
        Dimension::Status => {
            let hundred = text.strip_suffix("xx").filter(|digit| digit.len() == 1).and_then(|digit| digit.parse().ok());
            hundred.filter(|hundred| (1..=9).contains(hundred)).map(Value::Number).ok_or_else(|| match code(text) {
                Some(_) => fault(format!("{text:?} is a code"), &format!("write `code={text}`")),
                None => fault(format!("{text:?} is no kind of status"), "write `status=5xx`, or `code=503`"),
            })
        }
        Dimension::Code => code(text)
            .map(Value::Number)
            .ok_or_else(|| fault(format!("{text:?} is no status code"), "write `code=503`, or `status=5xx`")),
        Dimension::Blame => {
            let index = one_of(dimension, Outcome::NAMES, text)?;
            Ok(Value::Number(u16::try_from(index).unwrap_or_default()))
        }
        Dimension::Class if text != NONE && !CLASSES.contains(&text) => {
            let near = nearest(text, CLASSES).map(|near| format!("did you mean `class={near}`?"));
            let advice = near.unwrap_or_else(|| "the table of classes in OPERATING.md has all there are".to_owned());
            Err(fault(format!("no class is called {text:?}"), &advice))
        }
        Dimension::Hook => one_of(dimension, Hook::NAMES, text).map(|_| Value::Name(text.to_owned())),
        Dimension::Verdict => one_of(dimension, CallOutcome::NAMES, text).map(|_| Value::Name(text.to_owned())),
        _ if text.is_empty() => {
            let name = dimension.name();
            Err(fault(format!("`{name}=` has an empty value"), &format!("write `{name}={NONE}` for what has none")))
        }
        _ => Ok(Value::Name(if text == NONE { String::new() } else { text.to_owned() })),
    }
}

/// The place of a word among those there are.
fn one_of(dimension: Dimension, words: &[&'static str], text: &str) -> Result<usize, QueryFault> {
    words.iter().position(|word| *word == text).ok_or_else(|| {
        let name = dimension.name();
        let all = || format!("there are {}", words.join(", "));
        let advice =
            nearest(text, words.iter().copied()).map_or_else(all, |near| format!("did you mean `{name}={near}`?"));
        QueryFault::new("where", format!("no {name} is called {text:?}"), advice)
    })
}

fn code(text: &str) -> Option<u16> {
    let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|code| digits && *code >= 100)
}
