//! Follows documents with a selection, as the rewriter does.

use crate::path::Step;
use lockgate_json::select::{Path, Reach, Selection, SelectionBuilder, State};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The steps from the root to a value.
pub(crate) type Place = Vec<Step>;

/// The children of a value.
pub(crate) fn children(value: &Value) -> Vec<(Step, &Value)> {
    match value {
        Value::Object(members) => members.iter().map(|(name, value)| (Step::Member(name.clone()), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(index, value)| (Step::Item(index), value)).collect(),
        _ => Vec::new(),
    }
}

/// Whether items are told apart by where they stand.
pub(crate) fn counts_items(selection: &Selection, at: State) -> bool {
    (0..64).any(|index| selection.item(at, index) != selection.item(at, 7_654_321))
}

pub(crate) fn is_scalar(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

/// The rules that select each value that any rule selects.
pub(crate) fn selected(selection: &Selection, entry: usize, document: &Value) -> BTreeMap<Place, Vec<u16>> {
    let mut found = BTreeMap::new();
    visit(selection, selection.root(entry).unwrap(), document, &mut Vec::new(), &mut found);
    found
}

fn visit(selection: &Selection, at: State, value: &Value, place: &mut Place, found: &mut BTreeMap<Place, Vec<u16>>) {
    assert!(selection.contains(at.to_bits()));
    let mut rules = selection.rules(at).to_vec();
    if is_scalar(value) {
        rules.extend(selection.scalar_rules(at));
        rules.sort_unstable();
    }
    assert!(!selection.is_quiet(at) || rules.is_empty());
    if !rules.is_empty() {
        found.insert(place.clone(), rules);
    }
    for (step, child) in children(value) {
        let to = match &step {
            Step::Member(name) => selection.member(at, name),
            Step::Item(index) if counts_items(selection, at) => selection.item(at, u32::try_from(*index).unwrap()),
            Step::Item(_) => selection.item(at, 7_654_321),
        };
        assert!(!selection.is_quiet(at) || selection.is_quiet(to), "quiet places lead to quiet ones only");
        place.push(step);
        visit(selection, to, child, place, found);
        place.pop();
    }
}

/// The places that one path selects.
pub(crate) fn places(path: &Path, document: &Value) -> BTreeSet<Place> {
    let mut builder = SelectionBuilder::default();
    builder.entry().path(path, 1, Reach::Here);
    selected(&builder.build().unwrap(), 0, document).into_keys().collect()
}
