//! Queries and forms (`application/x-www-form-urlencoded`): pairs of names and values.

use crate::judge::Judge;
use crate::scope::Named;
use lockgate_json::rewrite::Replacement;
use std::ops::Range;

/// A pair that may not pass.
#[derive(Debug)]
pub(crate) struct Blocked;

/// Say what takes the place of what, in a run of whole pairs. A pair that goes takes the `&` behind it along.
pub(crate) fn rewrite(
    pairs: &str,
    rules: &Named,
    judge: &mut Judge<'_>,
    mut put: impl FnMut(Range<usize>, &str),
) -> Result<(), Blocked> {
    let mut at = 0;
    for whole in pairs.split_inclusive('&') {
        let pair = whole.strip_suffix('&').unwrap_or(whole);
        if let Some((name, value)) = form_urlencoded::parse(pair.as_bytes()).next() {
            let written = pair.split('=').next().unwrap_or_default().len();
            match judge.named(None, &name) {
                Replacement::Keep => {}
                Replacement::Block => return Err(Blocked),
                Replacement::Null => put(at..at + written, ""),
                Replacement::Text(name) | Replacement::Number(name) => {
                    let name: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
                    put(at..at + written, &name);
                }
            }
            match judge.named(rules.get(&*name).map(Vec::as_slice), &value) {
                Replacement::Keep => {}
                Replacement::Block => return Err(Blocked),
                Replacement::Null => put(at..at + whole.len(), ""),
                Replacement::Text(value) | Replacement::Number(value) => {
                    let value: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
                    put(at + written..at + pair.len(), &format!("={value}"));
                }
            }
        }
        at += whole.len();
    }
    Ok(())
}

/// A query with what is selected in it rewritten; none where it stays as it is.
pub(crate) fn query(query: &str, rules: &Named, judge: &mut Judge<'_>) -> Result<Option<String>, Blocked> {
    let (mut made, mut done) = (String::new(), 0);
    let mut is_changed = false;
    rewrite(query, rules, judge, |range, put| {
        made.push_str(&query[done..range.start]);
        made.push_str(put);
        done = range.end;
        is_changed = true;
    })?;
    if !is_changed {
        return Ok(None);
    }
    made.push_str(&query[done..]);
    // The pair that came last may have gone.
    let kept = if query.ends_with('&') { &made[..] } else { made.trim_end_matches('&') };
    Ok(Some(kept.to_owned()))
}
