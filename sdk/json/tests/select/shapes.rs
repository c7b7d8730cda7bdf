//! Shapes, against their definition.

use crate::brute::{document, name};
use crate::path::Step;
use crate::walk::{Place, children, selected};
use lockgate_json::select::{NoSuchShape, Reach, SelectionBuilder, Shape, Shapes};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const UNLISTED: u16 = 90;

/// Class 0 has no rule, 1 reaches the value alone, 2 all below.
fn rule_of_class(class: u16) -> Option<(u16, Reach)> {
    match class {
        0 => None,
        1 => Some((11, Reach::Here)),
        class => Some((10 + class, Reach::Below)),
    }
}

fn shapes() -> impl Strategy<Value = Shapes> {
    (1usize..7).prop_flat_map(|count| {
        let one = (
            prop::option::of(0u16..3),
            prop::collection::vec((name(), 0..count), 0..4),
            prop::option::of(0..count),
            prop::option::weighted(0.3, 0..count),
            any::<bool>(),
            prop::collection::vec(0..count, 0..3),
        );
        let shape = one.prop_map(|(class, members, items, rest, is_closed, also)| Shape {
            class,
            members,
            items,
            rest,
            is_closed,
            also,
        });
        prop::collection::vec(shape, count).prop_map(|shapes| Shapes { shapes })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn shapes_select_what_their_definition_says(
        shapes in shapes(),
        unlisted in any::<bool>(),
        document in document(),
    ) {
        let unlisted = unlisted.then_some(UNLISTED);
        let mut builder = SelectionBuilder::default();
        let described = builder.describe(&shapes, rule_of_class, unlisted).unwrap();
        for root in 0..shapes.shapes.len() {
            builder.entry().shapes(&described, root).unwrap();
        }
        let Ok(selection) = builder.build() else { return Err(TestCaseError::reject("too complex")) };
        for root in 0..shapes.shapes.len() {
            let mut definition = Definition { shapes: &shapes, unlisted, found: BTreeMap::new() };
            definition.visit(&[root].into(), &BTreeSet::new(), &document, &mut Vec::new());
            prop_assert_eq!(selected(&selection, root, &document), definition.found);
        }
    }
}

struct Definition<'s> {
    shapes: &'s Shapes,
    unlisted: Option<u16>,
    found: BTreeMap<Place, Vec<u16>>,
}

impl Definition<'_> {
    /// Where these shapes apply, and these rules reach from further out.
    fn visit(&mut self, leading: &BTreeSet<usize>, outer: &BTreeSet<u16>, value: &Value, place: &mut Place) {
        let applying = self.with_also(leading);
        let (mut here, mut below) = (outer.clone(), outer.clone());
        for shape in &applying {
            if let Some((rule, reach)) = self.shapes.shapes[*shape].class.and_then(rule_of_class) {
                here.insert(rule);
                below.extend((reach == Reach::Below).then_some(rule));
            }
        }
        if !here.is_empty() {
            self.found.insert(place.clone(), here.into_iter().collect());
        }
        for (step, child) in children(value) {
            let (next, is_unlisted) = self.inside(&applying, &step);
            let mut below = below.clone();
            below.extend(self.unlisted.filter(|_| is_unlisted));
            place.push(step);
            self.visit(&next, &below, child, place);
            place.pop();
        }
    }

    fn with_also(&self, leading: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut applying = leading.clone();
        loop {
            let more: Vec<usize> = applying.iter().flat_map(|shape| self.shapes.shapes[*shape].also.clone()).collect();
            let before = applying.len();
            applying.extend(more);
            if applying.len() == before {
                return applying;
            }
        }
    }

    /// The shapes that lead on to a child, and whether it is an unlisted member.
    fn inside(&self, applying: &BTreeSet<usize>, step: &Step) -> (BTreeSet<usize>, bool) {
        let mut next = BTreeSet::new();
        let (mut is_listed, mut is_closed) = (false, false);
        for shape in applying.iter().map(|shape| &self.shapes.shapes[*shape]) {
            match step {
                Step::Item(_) => next.extend(shape.items),
                Step::Member(name) => {
                    let named: Vec<usize> =
                        shape.members.iter().filter(|(known, _)| known == name).map(|(_, shape)| *shape).collect();
                    is_listed |= !named.is_empty();
                    is_closed |= shape.is_closed;
                    if named.is_empty() {
                        next.extend(shape.rest);
                    }
                    next.extend(named);
                }
            }
        }
        (next, is_closed && !is_listed)
    }
}

fn member(name: &str, shape: usize) -> (String, usize) {
    (name.to_owned(), shape)
}

#[test]
fn a_recursive_schema_is_followed_however_deep_it_is_met() {
    let person = Shape { members: vec![member("email", 1), member("friends", 2)], ..Shape::default() };
    let email = Shape { class: Some(2), ..Shape::default() };
    let friends = Shape { items: Some(0), ..Shape::default() };
    let mut builder = SelectionBuilder::default();
    let described = builder.describe(&Shapes { shapes: vec![person, email, friends] }, rule_of_class, None).unwrap();
    builder.entry().shapes(&described, 0).unwrap();
    let selection = builder.build().unwrap();
    let document =
        json!({ "email": "a", "friends": [{ "friends": [{ "email": "b", "name": "c" }] }], "x": { "email": "d" } });
    assert_eq!(selected(&selection, 0, &document).len(), 2);
    // Quiet, a person, the friends of one, an address, and what is inside of it: which is the same.
    assert_eq!(selection.states(), 4);
}

#[test]
fn what_one_part_of_all_of_names_is_listed_for_the_closed_other() {
    let whole = Shape { also: vec![1, 2], ..Shape::default() };
    let closed = Shape { members: vec![member("a", 3)], is_closed: true, ..Shape::default() };
    let open = Shape { members: vec![member("b", 3)], rest: Some(3), ..Shape::default() };
    let mut builder = SelectionBuilder::default();
    let shapes = Shapes { shapes: vec![whole, closed, open, Shape::default()] };
    let described = builder.describe(&shapes, rule_of_class, Some(UNLISTED)).unwrap();
    builder.entry().shapes(&described, 0).unwrap();
    let selection = builder.build().unwrap();
    let found = selected(&selection, 0, &json!({ "a": { "c": 1 }, "b": 2, "c": { "d": [3] } }));
    assert!(found.keys().all(|place| place[0] == Step::Member("c".into())));
    assert_eq!(found.len(), 4 - 1);
}

#[test]
fn a_shape_that_is_not_there_is_told_of() {
    let one =
        |shape: Shape| SelectionBuilder::default().describe(&Shapes { shapes: vec![shape] }, rule_of_class, None).err();
    assert_eq!(one(Shape { items: Some(1), ..Shape::default() }), Some(NoSuchShape(1)));
    assert_eq!(one(Shape { rest: Some(2), ..Shape::default() }), Some(NoSuchShape(2)));
    assert_eq!(one(Shape { also: vec![0, 3], ..Shape::default() }), Some(NoSuchShape(3)));
    assert_eq!(
        one(Shape { members: vec![member("a", usize::MAX)], ..Shape::default() }),
        Some(NoSuchShape(usize::MAX))
    );
    let mut builder = SelectionBuilder::default();
    let described = builder.describe(&Shapes { shapes: vec![Shape::default()] }, rule_of_class, None).unwrap();
    assert_eq!(builder.entry().shapes(&described, 1), Err(NoSuchShape(1)));
    assert_eq!(NoSuchShape(1).to_string(), "there is no shape number 1");
}
