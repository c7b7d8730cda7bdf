//! JSONPath evaluated plainly on a whole document, as RFC 9535 words it; and what makes paths and documents up.

use crate::walk::{Place, Step, children};
use proptest::prelude::*;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// A path as the tests have it.
pub(crate) type Query = Vec<Segment>;

#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) descends: bool,
    pub(crate) selectors: Vec<Selector>,
}

#[derive(Clone, Debug)]
pub(crate) enum Selector {
    Name(String),
    Every,
    Index(i64),
    Slice(Option<i64>, Option<i64>, Option<i64>),
}

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
            if selects(selector, &step, length) {
                follow(rest, child, place, found);
            }
        }
        if segment.descends {
            follow(query, child, place, found);
        }
        place.pop();
    }
}

fn selects(selector: &Selector, step: &Step, length: usize) -> bool {
    match (selector, step) {
        (Selector::Every, _) => true,
        (Selector::Name(name), Step::Member(member)) => name == member,
        (Selector::Index(index), Step::Item(item)) => {
            let index = if *index < 0 { i64::try_from(length).unwrap() + index } else { *index };
            index == i64::try_from(*item).unwrap()
        }
        (Selector::Slice(start, end, step), Step::Item(item)) => sliced(*start, *end, *step, length).contains(item),
        _ => false,
    }
}

/// The indices that a slice selects of an array of this length (RFC 9535 section 2.3.4.2.2).
pub(crate) fn sliced(start: Option<i64>, end: Option<i64>, step: Option<i64>, length: usize) -> BTreeSet<usize> {
    let length = i64::try_from(length).unwrap();
    let step = step.unwrap_or(1);
    let normalised = |index: i64| if index >= 0 { index } else { length + index };
    let start = normalised(start.unwrap_or(if step >= 0 { 0 } else { length - 1 }));
    let end = end.map_or(if step >= 0 { length } else { -1 }, normalised);
    let mut chosen = BTreeSet::new();
    if step > 0 {
        let (lower, upper) = (start.clamp(0, length), end.clamp(0, length));
        let mut index = lower;
        while index < upper {
            chosen.insert(usize::try_from(index).unwrap());
            index = index.saturating_add(step);
        }
    } else if step < 0 {
        let (upper, lower) = (start.clamp(-1, length - 1), end.clamp(-1, length - 1));
        let mut index = upper;
        while lower < index {
            chosen.insert(usize::try_from(index).unwrap());
            index = index.saturating_add(step);
        }
    }
    chosen
}

/// The query as text.
pub(crate) fn written(query: &[Segment]) -> String {
    let mut text = String::from("$");
    for segment in query {
        let selectors: Vec<String> = segment.selectors.iter().map(selector).collect();
        text += if segment.descends { ".." } else { "" };
        text += &format!("[{}]", selectors.join(","));
    }
    text
}

fn selector(selector: &Selector) -> String {
    let optional = |number: &Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    match selector {
        // What JSON escapes, paths escape in the same way.
        Selector::Name(name) => serde_json::to_string(name).unwrap(),
        Selector::Every => "*".into(),
        Selector::Index(index) => index.to_string(),
        Selector::Slice(start, end, None) => format!("{}:{}", optional(start), optional(end)),
        Selector::Slice(start, end, step) => format!("{}:{}:{}", optional(start), optional(end), optional(step)),
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
