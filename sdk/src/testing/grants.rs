//! What an operator has to grant for an interest, so that examples in READMEs stay true.

use crate::{BodyAccess, BodyInterest, Interest};
use std::collections::BTreeSet;

/// The words for everything an interest asks for.
fn grants(interest: &Interest) -> BTreeSet<String> {
    let power = |power: String| match power.split_once(':') {
        Some(("request-read" | "response-read", name)) => format!("read:{name}"),
        Some(("request-write" | "response-write", name)) => format!("write:{name}"),
        _ => power,
    };
    let bodies = [("request", &interest.request_body), ("response", &interest.response_body)];
    let body = |(direction, body): (&str, &Option<BodyInterest>)| {
        let access = match body.as_ref()?.access {
            BodyAccess::Inspect => "inspect",
            BodyAccess::Edit => "edit",
        };
        Some(format!("body:{direction}:{access}"))
    };
    interest.powers().into_iter().map(power).chain(bodies.into_iter().filter_map(body)).collect()
}

/// Whether a grant is for a word: the same, or the beginning of it and a `*`. `NAME`, as in `plugin.toml`, is any name.
fn covers(grant: &str, word: &str) -> bool {
    match (grant.strip_suffix('*'), grant.split_once("NAME")) {
        (Some(start), _) => word.starts_with(start),
        (None, Some((start, end))) => word.starts_with(start) && word.ends_with(end),
        (None, None) => grant == word,
    }
}

/// Panics unless the grants are exactly those an interest needs.
#[track_caller]
pub fn assert_grants<'g>(interest: &Interest, granted: impl IntoIterator<Item = &'g str>) {
    let granted: Vec<&str> = granted.into_iter().collect();
    let needed = grants(interest);
    let missing: Vec<_> = needed.iter().filter(|word| !granted.iter().any(|grant| covers(grant, word))).collect();
    let unused: Vec<_> = granted.iter().filter(|grant| !needed.iter().any(|word| covers(grant, word))).collect();
    assert!(missing.is_empty() && unused.is_empty(), "missing: {missing:?}, not needed: {unused:?}");
}

/// Panics unless powers of a list, as `plugin.toml` declares them, cover everything an interest asks for.
#[track_caller]
pub fn assert_declared<'g>(interest: &Interest, declared: impl IntoIterator<Item = &'g str>) {
    let declared: Vec<&str> = declared.into_iter().collect();
    let undeclared: Vec<_> =
        grants(interest).into_iter().filter(|word| !declared.iter().any(|power| covers(power, word))).collect();
    assert!(undeclared.is_empty(), "not declared: {undeclared:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interest() -> Interest {
        let body = BodyInterest::chunked(0, ["text/plain"]).edit();
        Interest::new().request_read("x-a").response_write("x-b").attribute_read("auth.sub").response_body(body)
    }

    #[test]
    fn grants_are_the_words_of_the_operator() {
        let expected = ["attribute-read:auth.sub", "body:response:edit", "read:x-a", "write:x-b"];
        assert_eq!(grants(&interest()).iter().collect::<Vec<_>>(), expected);
        assert_grants(&interest(), ["attribute-read:auth.*", "body:response:edit", "read:x-a", "write:NAME"]);
    }

    #[test]
    #[should_panic(expected = "not declared: [\"write:x-b\"]")]
    fn a_power_that_is_not_declared_is_named() {
        assert_declared(&interest(), ["attribute-read:NAME", "body:response:edit", "read:*", "respond"]);
    }

    #[test]
    #[should_panic(expected = "missing: [\"write:x-b\"], not needed: [\"respond\"]")]
    fn what_is_missing_and_what_is_not_needed_is_said() {
        assert_grants(&interest(), ["attribute-read:auth.*", "body:response:edit", "read:x-a", "respond"]);
    }
}
