//! Names of members, looked up among many.

use lockgate_json::select::{Path, Reach, Selection, SelectionBuilder, State};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn of_names<'n>(names: impl Iterator<Item = &'n str>) -> Selection {
    let mut builder = SelectionBuilder::default();
    let mut entry = builder.entry();
    for (rule, name) in names.enumerate() {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        entry.path(&Path::pointer(&pointer).unwrap(), u16::try_from(rule).unwrap(), Reach::Here);
    }
    builder.build().unwrap()
}

proptest! {
    #[test]
    fn each_name_leads_to_its_own_and_all_others_nowhere(
        names in prop::collection::btree_set(".{0,12}", 0..200),
        misses in prop::collection::vec(".{0,12}", 0..50),
    ) {
        let rules: BTreeMap<&str, u16> = names.iter().map(String::as_str).zip(0..).collect();
        let selection = of_names(names.iter().map(String::as_str));
        let root = selection.root(0).unwrap();
        for name in names.iter().chain(&misses) {
            let rule: Vec<u16> = rules.get(name.as_str()).copied().into_iter().collect();
            prop_assert_eq!(selection.rules(selection.member(root, name)), &rule[..]);
        }
    }
}

#[test]
fn names_that_look_alike_are_told_apart() {
    // Of one length, with one first byte, and so many that what the table keeps of their hashes is the same for some.
    let name = |n: u64| format!("n{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let names: Vec<String> = (0..5_000).map(name).collect();
    let selection = of_names(names.iter().map(String::as_str));
    let root = selection.root(0).unwrap();
    for (rule, name) in names.iter().enumerate() {
        assert_eq!(selection.rules(selection.member(root, name)), [u16::try_from(rule).unwrap()]);
    }
    for miss in 5_000..500_000 {
        assert!(selection.is_quiet(selection.member(root, &name(miss))));
    }
}

#[test]
fn a_carried_state_is_known_by_the_selection_that_has_it() {
    let selection = of_names(["a", "b"].into_iter());
    let known: Vec<u16> = (0..=u16::MAX).filter(|bits| selection.contains(*bits)).collect();
    assert_eq!(known.len(), selection.states());
    let leaf = selection.member(selection.root(0).unwrap(), "b");
    assert!(selection.contains(leaf.to_bits()));
    assert_eq!(State::from_bits(leaf.to_bits()), leaf);
    // What it does not know selects nothing, and leads nowhere.
    let foreign = State::from_bits(u16::MAX);
    assert!(selection.rules(foreign).is_empty() && selection.scalar_rules(foreign).is_empty());
    assert_eq!((selection.member(foreign, "a"), selection.item(foreign, 0)), (State::QUIET, State::QUIET));
}
