//! Allow-lists, against their definition.

use crate::brute::{self, document, query};
use crate::path::{Query, Selector, Step, written};
use crate::paths::inside;
use crate::walk::{Place, children, is_scalar, selected};
use lockgate_json::select::{Path, Reach, SelectionBuilder};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const RULE: u16 = 3;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn all_is_selected_that_no_path_allows(
        allowed in prop::collection::vec(query(), 0..4),
        document in document(),
    ) {
        let mut builder = SelectionBuilder::default();
        builder.entry().allow(&paths(&allowed), RULE);
        let Ok(selection) = builder.build() else { return Err(TestCaseError::reject("too complex")) };
        let found: BTreeSet<Place> = selected(&selection, 0, &document).into_keys().collect();
        prop_assert_eq!(found, denied(&allowed, &document));
    }

    #[test]
    fn two_allow_lists_and_a_path_keep_out_of_each_others_way(
        one in prop::collection::vec(query(), 0..3),
        two in prop::collection::vec(query(), 0..3),
        path in query(),
        document in document(),
    ) {
        let mut builder = SelectionBuilder::default();
        let mut entry = builder.entry();
        entry.allow(&paths(&one), 1);
        entry.path(&Path::json_path(&written(&path)).unwrap(), 2, Reach::Here);
        entry.allow(&paths(&two), 3);
        let Ok(selection) = builder.build() else { return Err(TestCaseError::reject("too complex")) };
        let mut expected: BTreeMap<Place, Vec<u16>> = BTreeMap::new();
        for (rule, places) in [(1, denied(&one, &document)), (2, brute::places(&path, &document)), (3, denied(&two, &document))] {
            places.into_iter().for_each(|place| expected.entry(place).or_default().push(rule));
        }
        prop_assert_eq!(selected(&selection, 0, &document), expected);
    }
}

fn paths(queries: &[Query]) -> Vec<Path> {
    queries.iter().map(|query| Path::json_path(&written(query)).unwrap()).collect()
}

/// What is neither allowed, nor inside of what is, nor an object or array that leads there.
fn denied(allowed: &[Query], document: &Value) -> BTreeSet<Place> {
    let selected: BTreeSet<Place> = allowed.iter().flat_map(|query| brute::places(query, document)).collect();
    let mut places = Vec::new();
    inside(document, &mut Vec::new(), &mut places);
    places.retain(|place| {
        let is_allowed = (0..=place.len()).any(|length| selected.contains(&place[..length]));
        let leads_there = || allowed.iter().any(|query| is_left(query, place));
        let is_on_the_way = !is_scalar(at(document, place)) && leads_there();
        !is_allowed && !is_on_the_way
    });
    places.into_iter().collect()
}

/// Whether more steps could make the place one that the query selects.
fn is_left(query: &Query, place: &[Step]) -> bool {
    if query.iter().any(|segment| segment.selectors.iter().all(Selector::is_empty)) {
        return false;
    }
    // Put at the end of the way that leads there, an array and an object in which anything could be.
    (1..=query.len()).any(|rest| {
        let (done, _) = query.split_at(query.len() - rest);
        brute::places(done, &way(place)).contains(place) || descends(query, done.len(), place)
    })
}

/// Whether the place is inside of one that the first segments select, and the next descends.
fn descends(query: &Query, done: usize, place: &[Step]) -> bool {
    let document = way(place);
    let done_places = brute::places(&query[..done], &document);
    query[done].descends && (0..=place.len()).any(|length| done_places.contains(&place[..length]))
}

/// A document in which nothing is but the place.
fn way(place: &[Step]) -> Value {
    match place.split_first() {
        None => Value::Null,
        Some((Step::Member(name), rest)) => json!({ name.clone(): way(rest) }),
        Some((Step::Item(index), rest)) => {
            let mut items = vec![Value::Null; *index];
            items.push(way(rest));
            items.into()
        }
    }
}

fn at<'d>(document: &'d Value, place: &[Step]) -> &'d Value {
    place.iter().fold(document, |value, step| children(value).into_iter().find(|(known, _)| known == step).unwrap().1)
}

#[test]
fn what_stands_in_the_way_of_what_is_allowed_is_no_way_out() {
    let mut builder = SelectionBuilder::default();
    builder.entry().allow(&[Path::json_path("$.user.id").unwrap(), Path::field("public")], RULE);
    let selection = builder.build().unwrap();
    let root = selection.root(0).unwrap();
    let user = selection.member(root, "user");
    // An object here is on the way, a text is not.
    assert!(selection.rules(user).is_empty());
    assert_eq!(selection.scalar_rules(user), [RULE]);
    assert!(selection.is_quiet(selection.member(user, "id")));
    assert!(selection.is_quiet(selection.member(selection.member(root, "x"), "public")));
    assert_eq!(selection.scalar_rules(selection.member(root, "x")), [RULE]);
}

#[test]
fn an_allow_list_of_nothing_selects_all_and_one_of_the_root_nothing() {
    for (paths, rules) in [(vec![], vec![RULE]), (vec![Path::json_path("$").unwrap()], vec![])] {
        let mut builder = SelectionBuilder::default();
        builder.entry().allow(&paths, RULE);
        let selection = builder.build().unwrap();
        let root = selection.root(0).unwrap();
        assert_eq!(selection.rules(root), rules);
        assert_eq!(selection.rules(selection.member(selection.item(root, 5), "any")), rules);
        assert_eq!(selection.is_quiet(root), rules.is_empty());
    }
}

#[test]
fn a_rule_that_selects_anyhow_is_not_told_of_twice() {
    let mut builder = SelectionBuilder::default();
    let mut entry = builder.entry();
    entry.allow(&[Path::json_path("$.a.b").unwrap()], RULE);
    entry.path(&Path::json_path("$.a").unwrap(), RULE, Reach::Here);
    let selection = builder.build().unwrap();
    let at = selection.member(selection.root(0).unwrap(), "a");
    assert_eq!((selection.rules(at), selection.scalar_rules(at)), (&[RULE][..], &[][..]));
}
