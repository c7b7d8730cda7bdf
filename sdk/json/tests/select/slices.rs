//! Slices and indices: answered if and only if what they select does not depend on the length of the array.

use crate::path::sliced;
use crate::walk::counts_items;
use lockgate_json::select::{Path, PathError, Reach, SelectionBuilder};
use std::collections::BTreeSet;

/// Longer than any bound here reaches, and any step from there.
const LONGEST: usize = 24;

#[test]
fn a_slice_is_answered_just_where_the_length_does_not_matter() {
    let bounds: Vec<Option<i64>> = [None].into_iter().chain((-5..=5).map(Some)).collect();
    let (mut answered, mut refused) = (0, 0);
    for start in &bounds {
        for end in &bounds {
            for step in [None].into_iter().chain((-4..=4).map(Some)) {
                let of_length = |length| sliced(*start, *end, step, length);
                let longest = of_length(LONGEST);
                let is_independent = (0..LONGEST).all(|length| {
                    of_length(length) == longest.iter().copied().filter(|index| *index < length).collect()
                });
                let text = |bound: &Option<i64>| bound.map(|bound| bound.to_string()).unwrap_or_default();
                let path = Path::json_path(&format!("$[{}:{}:{}]", text(start), text(end), text(&step)));
                match path {
                    Ok(path) => {
                        assert!(is_independent, "{start:?} {end:?} {step:?} depends on the length");
                        assert_eq!(items(&path), longest, "{start:?} {end:?} {step:?}");
                        answered += 1;
                    }
                    Err(PathError::NotStreamable { .. }) => {
                        assert!(!is_independent, "{start:?} {end:?} {step:?} does not depend on the length");
                        refused += 1;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }
    assert!(answered > 400 && refused > 400, "{answered} {refused}");
}

#[test]
fn an_array_is_counted_as_far_as_indices_are_carried() {
    let last = u32::MAX;
    for (path, selected, not) in [
        ("$[4294967293]", vec![last - 2], vec![0, last - 1, last]),
        // What is beyond is one item, selected whenever any of it is.
        ("$[4294967295]", vec![last], vec![0, last - 1]),
        ("$[9007199254740991]", vec![last], vec![0, last - 1]),
        ("$[::2]", vec![0, last - 1, last], vec![1, last - 2]),
        ("$[5:9007199254740991]", vec![5, last], vec![4]),
        ("$[5:4294967295]", vec![5, last - 1, last], vec![4]),
        ("$[5:4294967294]", vec![5, last - 2], vec![4, last - 1, last]),
        ("$[-9007199254740991:2]", vec![0, 1], vec![2, last]),
        ("$[-9007199254740991]", vec![], vec![0, last]),
        ("$[3::9007199254740991]", vec![3], vec![2, 4, last]),
        ("$[:-9007199254740991:-1]", vec![0, 9, last], vec![]),
    ] {
        let mut builder = SelectionBuilder::default();
        builder.entry().path(&Path::json_path(path).unwrap(), 1, Reach::Here);
        let selection = builder.build().unwrap();
        let root = selection.root(0).unwrap();
        let is_selected = |index: u32| selection.rules(selection.item(root, index)) == [1];
        assert!(selected.into_iter().all(is_selected), "{path}");
        assert!(!not.into_iter().any(is_selected), "{path}");
    }
}

#[test]
fn items_are_counted_only_where_that_matters() {
    for (path, counts) in [("$[*].a", false), ("$[:].a", false), ("$[::-1]", false), ("$.a", false), ("$[1]", true)] {
        let mut builder = SelectionBuilder::default();
        builder.entry().path(&Path::json_path(path).unwrap(), 1, Reach::Here);
        let selection = builder.build().unwrap();
        assert_eq!(counts_items(&selection, selection.root(0).unwrap()), counts, "{path}");
    }
}

fn items(path: &Path) -> BTreeSet<usize> {
    let mut builder = SelectionBuilder::default();
    builder.entry().path(path, 1, Reach::Here);
    let selection = builder.build().unwrap();
    let root = selection.root(0).unwrap();
    let is_selected = |index: &usize| !selection.rules(selection.item(root, u32::try_from(*index).unwrap())).is_empty();
    (0..LONGEST).filter(is_selected).collect()
}
