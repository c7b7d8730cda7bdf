//! JSONPath evaluated plainly on a whole document, as RFC 9535 words it; and what makes paths and documents up.

use crate::path::{Query, Segment, Selector};
use crate::walk::{Place, children};
use proptest::prelude::*;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The places that the query selects.
pub(crate) fn places(query: &[Segment], document: &Value) -> BTreeSet<Place> {
    let mut found = BTreeSet::new();
    follow(query, document, &mut Vec::new(), &mut found);
    found
}

fn follow(query: &[Segment], value: &Value, place: &mut Place, found: &mut BTreeSet<Place>) {
    let Some((segment, rest)) = query.split_first() else {
        found.insert(place.clone());
        return;
    };
    let length = value.as_array().map_or(0, Vec::len);
    for (step, child) in children(value) {
        place.push(step.clone());
        for selector in &segment.selectors {
            if selector.selects(&step, length) {
                follow(rest, child, place, found);
            }
        }
        if segment.descends {
            follow(query, child, place, found);
        }
        place.pop();
    }
}

/// Names of members: few, so that they meet.
pub(crate) fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(vec!["a", "b", "c", "0", "1"]).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["", "ab", "a\"\\'\n", "é", "~/", "\u{0}", "a name that is longer than most names"])
            .prop_map(str::to_owned),
    ]
}

pub(crate) fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(Value::Null), Just(Value::from(1)), Just(Value::from("text"))];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((name(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Queries that a stream can answer.
pub(crate) fn query() -> impl Strategy<Value = Query> {
    let bound = || prop::option::of(0i64..6);
    let selector = prop_oneof![
        4 => name().prop_map(Selector::Name),
        2 => Just(Selector::Every),
        2 => (0i64..5).prop_map(Selector::Index),
        1 => (bound(), bound(), prop::option::of(0i64..4)).prop_map(|(start, end, step)| Selector::Slice(start, end, step)),
        1 => bound().prop_map(|end| Selector::Slice(None, end, Some(-1))),
    ];
    let segment = (prop::bool::weighted(0.3), prop::collection::vec(selector, 1..4))
        .prop_map(|(descends, selectors)| Segment { descends, selectors });
    prop::collection::vec(segment, 0..5)
}
