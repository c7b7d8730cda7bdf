//! The query of a URL that holds a whole question, in the words of `lockgate report`.

use std::time::SystemTime;

use form_urlencoded::Serializer;

use crate::near::nearest;
use crate::report::{Asked, Query, QueryFault};

/// Longest question.
const LONGEST: usize = 8 << 10;

/// What a URL asks for. Of the parameters in `more` each is returned that has a value; what else nobody knows is a fault.
pub(crate) fn read<const N: usize>(
    query: &str,
    known: &[&'static str],
    more: [&'static str; N],
) -> (Asked, [Option<String>; N], Vec<QueryFault>) {
    let (mut asked, mut others, mut faults) = (Asked::default(), [const { None }; N], Vec::new());
    if query.len() > LONGEST {
        faults.push(fault(
            format!("{} bytes are more than the {LONGEST} a question may have", query.len()),
            "ask for less",
        ));
        return (asked, others, faults);
    }
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        // What a form leaves empty is not said.
        if value.is_empty() {
            continue;
        }
        let other = more.iter().position(|more| *more == name);
        let is_known = other.is_some() || known.iter().any(|known| *known == name);
        let place = match (&*name, other) {
            _ if !is_known => {
                let names = known.iter().chain(&more).copied();
                let advice = match nearest(&name, names.clone()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are {}", names.collect::<Vec<_>>().join(", ")),
                };
                faults.push(fault(format!("there is no parameter {name:?}"), &advice));
                continue;
            }
            ("by", _) => {
                asked.by.push(value.into_owned());
                continue;
            }
            ("where", _) => {
                asked.conditions.push(value.into_owned());
                continue;
            }
            ("from", _) => &mut asked.from,
            ("to", _) => &mut asked.to,
            ("step", _) => &mut asked.step,
            ("limit", _) => &mut asked.limit,
            (_, Some(other)) => &mut others[other],
            (_, None) => continue,
        };
        if place.replace(value.into_owned()).is_some() {
            faults.push(fault(format!("`{name}` is there twice"), "leave one of them out"));
        }
    }
    (asked, others, faults)
}

/// Where a question is asked, below the path of the page.
pub(super) fn write(asked: &Asked) -> String {
    let fields = fields(asked);
    if fields.is_empty() {
        return "/".to_owned();
    }
    format!("/?{}", Serializer::new(String::new()).extend_pairs(fields).finish())
}

/// Of a form that asks the same.
pub(super) fn fields(asked: &Asked) -> Vec<(&'static str, &str)> {
    let by = asked.by.iter().map(|by| ("by", &**by));
    let conditions = asked.conditions.iter().map(|condition| ("where", &**condition));
    let times = [("from", &asked.from), ("to", &asked.to), ("step", &asked.step), ("limit", &asked.limit)];
    let times = times.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    by.chain(times).chain(conditions).collect()
}

/// Where one request is shown.
pub(super) fn request(id: &str, time_us: u64) -> String {
    let pairs = [("id", id), ("time", &time_us.to_string())];
    format!("/request?{}", Serializer::new(String::new()).extend_pairs(pairs).finish())
}

/// The same question about those alone that have this value, in place of what was asked of the dimension before; none
/// where nobody can answer that.
pub(super) fn narrowed(asked: &Asked, dimension: &str, value: &str, now: SystemTime) -> Option<Asked> {
    let condition = format!("{dimension}={}", escaped(value));
    let mut narrowed = without(asked, |of| of == dimension);
    narrowed.conditions.push(condition);
    if Query::parse(&narrowed, now).is_err() {
        // Tables that cannot be told apart any more.
        narrowed.by.clear();
    }
    Query::parse(&narrowed, now).is_ok().then_some(narrowed)
}

/// A value of `where`, in which a comma is part of it.
pub(super) fn escaped(value: &str) -> String {
    value.replace(',', "\\,")
}

/// The same question but for the conditions on a dimension.
fn without(asked: &Asked, is_out: impl Fn(&str) -> bool) -> Asked {
    let of = |condition: &str| condition.split_once('=').map(|(of, _)| is_out(of.trim())).unwrap_or_default();
    let conditions = asked.conditions.iter().filter(|condition| !of(condition)).cloned().collect();
    Asked { conditions, ..asked.clone() }
}

fn fault(reason: String, advice: &str) -> QueryFault {
    QueryFault { key: "parameter", reason, advice: advice.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 6] = ["by", "from", "to", "step", "where", "limit"];

    fn conditions(asked: &Asked) -> Vec<&str> {
        asked.conditions.iter().map(String::as_str).collect()
    }

    #[test]
    fn what_was_written_reads_back() {
        for query in [
            "/",
            "/?by=operation%2Cconsumer&from=-7d&where=status%3D5xx",
            "/?by=class&from=2026-01-31&to=now&step=5m&limit=3&where=consumer%3Da%5C%2Cb&where=api%3Dp%26q%3D%3F%23%22%3Cscript%3E",
        ] {
            let (asked, [], faults) = read(query.trim_start_matches(['/', '?']), &KNOWN, []);
            assert_eq!((write(&asked).as_str(), faults.len()), (query, 0));
        }
    }

    #[test]
    fn what_is_not_known_or_said_twice_is_a_fault_and_what_is_empty_is_not_said() {
        let told = |query: &str| {
            let (_, _, faults) = read(query, &KNOWN, ["format"]);
            faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(told("from=&to=&by=&format="), "");
        assert!(told("form=-1h").contains("did you mean `from`?"));
        assert!(told("colour=red").contains("there are by, from, to, step, where, limit, format"));
        assert!(told("from=-1h&from=-2h").contains("`from` is there twice"));
        assert!(told(&"x".repeat(LONGEST + 1)).contains("ask for less"));
        let (_, [format], _) = read("format=csv", &KNOWN, ["format"]);
        assert_eq!(format.as_deref(), Some("csv"));
    }

    #[test]
    fn a_question_is_narrowed_to_what_can_be_answered() {
        let now = SystemTime::now();
        let mut asked = Asked { by: vec!["operation".into()], from: Some("-7d".into()), ..Asked::default() };
        asked.conditions = vec!["status=5xx,4xx".into(), "api=petstore".into()];
        let other = narrowed(&asked, "status", "4xx", now).unwrap();
        assert_eq!(
            (conditions(&other), &other.from, other.by.len()),
            (vec!["api=petstore", "status=4xx"], &asked.from, 1)
        );
        // By operation nothing of one consumer can be told.
        let other = narrowed(&asked, "consumer", "CN=shop,O=\"Acme\"", now).unwrap();
        assert_eq!(conditions(&other)[2], "consumer=CN=shop\\,O=\"Acme\"");
        assert!(other.by.is_empty());
        assert!(narrowed(&other, "operation", "petstore/getPet", now).is_none());
    }
}
