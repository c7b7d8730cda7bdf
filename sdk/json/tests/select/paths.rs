//! Paths made up at random, against the plain evaluator.

use crate::brute::{self, document, name, query};
use crate::path::{Query, Step, written};
use crate::walk::{Place, children, places, selected};
use lockgate_json::select::{Path, PathError, Reach, SelectionBuilder};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_path_selects_what_the_standard_says(query in query(), document in document()) {
        let path = Path::json_path(&written(&query)).unwrap();
        prop_assert_eq!(places(&path, &document), brute::places(&query, &document));
    }

    #[test]
    fn paths_together_select_what_each_selects_alone(
        rules in prop::collection::vec((query(), 0u16..4, any::<bool>()), 0..5),
        others in prop::collection::vec((query(), 0u16..4, any::<bool>()), 0..5),
        document in document(),
    ) {
        let mut builder = SelectionBuilder::default();
        for rules in [&rules, &others] {
            let mut entry = builder.entry();
            for (query, rule, below) in rules {
                let reach = if *below { Reach::Below } else { Reach::Here };
                entry.path(&Path::json_path(&written(query)).unwrap(), *rule, reach);
            }
        }
        let Ok(selection) = builder.build() else { return Err(TestCaseError::reject("too complex")) };
        prop_assert_eq!(selected(&selection, 0, &document), each_alone(&rules, &document));
        prop_assert_eq!(selected(&selection, 1, &document), each_alone(&others, &document));
        prop_assert_eq!(selection.root(2), None);
    }

    #[test]
    fn the_same_parts_make_the_same_states(queries in prop::collection::vec(query(), 1..6)) {
        let build = || {
            let mut builder = SelectionBuilder::default();
            for query in &queries {
                builder.entry().path(&Path::json_path(&written(query)).unwrap(), 1, Reach::Below);
            }
            builder.build().map(|selection| format!("{selection:?}"))
        };
        prop_assert_eq!(build(), build());
    }

    #[test]
    fn a_pointer_selects_what_its_tokens_name(tokens in prop::collection::vec(name(), 0..5), document in document()) {
        let escaped = tokens.iter().map(|token| format!("/{}", token.replace('~', "~0").replace('/', "~1")));
        let path = Path::pointer(&escaped.collect::<String>()).unwrap();
        let mut found = BTreeSet::new();
        if let Some(place) = pointed(&tokens, &document) {
            found.insert(place);
        }
        prop_assert_eq!(places(&path, &document), found);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>(), tail in "[$@.\\[\\]?*'\"\\\\:,()!&|<>=a-z0-9 -]{0,24}") {
        let _ = Path::json_path(&text);
        let _ = Path::json_path(&format!("${text}"));
        let _ = Path::json_path(&format!("${tail}"));
        let _ = Path::pointer(&text);
        let _ = Path::pointer(&format!("/{text}"));
    }

    #[test]
    fn no_change_to_a_path_makes_the_parser_panic(
        query in query(),
        filter in prop::sample::select(vec!["", "[?@.a<1e2&&!(count($..*)==length('\\u00e9'))]", "[?match(@['a'][0],\"x\")]"]),
        at in any::<prop::sample::Index>(),
        put in any::<char>(),
    ) {
        let text: Vec<char> = (written(&query) + filter).chars().collect();
        let at = at.index(text.len());
        let changed = |keep: usize| text[..at].iter().chain([&put]).chain(&text[(at + keep).min(text.len())..]);
        for text in [changed(0).collect::<String>(), changed(1).collect(), text[..at].iter().collect()] {
            match Path::json_path(&text) {
                Err(PathError::Invalid { at, .. } | PathError::NotStreamable { at, .. }) => prop_assert!(text.is_char_boundary(at)),
                Ok(_) => {}
            }
        }
    }
}

fn each_alone(rules: &[(Query, u16, bool)], document: &Value) -> BTreeMap<Place, Vec<u16>> {
    let mut all: BTreeMap<Place, BTreeSet<u16>> = BTreeMap::new();
    let mut values = Vec::new();
    inside(document, &mut Vec::new(), &mut values);
    for (query, rule, below) in rules {
        let selected = brute::places(query, document);
        for place in &values {
            let is_inside = *below && (0..place.len()).any(|length| selected.contains(&place[..length]));
            if is_inside || selected.contains(place) {
                all.entry(place.clone()).or_default().insert(*rule);
            }
        }
    }
    all.into_iter().map(|(place, rules)| (place, rules.into_iter().collect())).collect()
}

/// The places of the value and of all that is inside.
pub(crate) fn inside(value: &Value, place: &mut Place, all: &mut Vec<Place>) {
    all.push(place.clone());
    for (step, child) in children(value) {
        place.push(step);
        inside(child, place, all);
        place.pop();
    }
}

/// The place that the tokens of a pointer lead to (RFC 6901 section 4).
fn pointed(tokens: &[String], document: &Value) -> Option<Place> {
    let (mut value, mut place) = (document, Vec::new());
    for token in tokens {
        let (step, child) = children(value).into_iter().find(|(step, _)| match step {
            Step::Member(name) => name == token,
            Step::Item(index) => *token == index.to_string(),
        })?;
        place.push(step);
        value = child;
    }
    Some(place)
}

#[test]
fn a_pointer_says_what_is_wrong_with_it_and_where() {
    for (text, position) in [("a", 0), ("/a~", 2), ("/é/a~2b", 5), ("#/a", 0)] {
        assert!(matches!(Path::pointer(text), Err(PathError::Invalid { at, .. }) if at == position), "{text}");
    }
}

#[test]
fn a_token_that_is_no_canonical_index_is_a_name_only() {
    let document = serde_json::json!([[10, 11], { "01": 1, "1": 2, "-": 3, "+1": 4 }]);
    for (text, count) in [("/1", 1), ("/01", 0), ("/0/1", 1), ("/0/-", 0), ("/0/+1", 0), ("/1/01", 1), ("/1/-", 1)] {
        assert_eq!(places(&Path::pointer(text).unwrap(), &document).len(), count, "{text}");
    }
}

#[test]
fn a_field_is_the_member_of_that_name_wherever_it_is() {
    let document = serde_json::json!({ "id": { "id": [{ "id": 1 }] }, "ID": 2, "$..id": [3] });
    assert_eq!(places(&Path::field("id"), &document), places(&Path::json_path("$..id").unwrap(), &document));
    assert_eq!(places(&Path::field("id"), &document).len(), 3);
}

#[test]
fn a_path_that_is_refused_says_why_and_where() {
    for (text, position, advice) in [
        ("$.a[?@.b == 1]", 4, "name the members or indices"),
        ("$.a[0, -1]", 7, "select all items with [*]"),
        ("$[0][1:-1]", 5, "select all items with [*]"),
    ] {
        match Path::json_path(text) {
            Err(PathError::NotStreamable { at, reason }) => {
                assert_eq!(at, position, "{text}");
                assert!(reason.contains(advice), "{text}: {reason}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    for (text, position) in [
        ("a", 0),
        ("$.1", 2),
        ("$['a'", 5),
        ("$[?@.a == \"\\x\"]", 12),
        ("$.a b", 3),
        ("$[?!@.a == 1]", 8),
        ("$[?foo(@)]", 3),
    ] {
        assert!(matches!(Path::json_path(text), Err(PathError::Invalid { at, .. }) if at == position), "{text}");
    }
}

#[test]
fn what_is_nested_absurdly_is_refused_before_it_fills_the_stack() {
    for text in [
        format!("$[?{}", "(".repeat(100_000)),
        format!("${}", "[?@".repeat(100_000)),
        format!("$[?{}", "length(".repeat(100_000)),
    ] {
        assert!(matches!(Path::json_path(&text), Err(PathError::NotStreamable { .. })));
    }
}
