//! Paths of any kind are refused or compiled; and several together select what each of them selects alone.

use crate::select::{Path, Reach, Selection, SelectionBuilder, State};

/// Paths that are looked at together.
const MOST_PATHS: usize = 4;
/// Steps of a walk through a document that has every member and item.
const MOST_STEPS: usize = 6;

/// Takes a path a line: a JSONPath, a JSON Pointer, or a name; the text is also where the names of the walks come from.
pub fn paths(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let paths: Vec<Path> = text.lines().filter_map(path).take(MOST_PATHS).collect();
    let Some(together) = selection(&paths) else { return };
    let alone: Option<Vec<Selection>> = paths.iter().map(|path| selection(std::slice::from_ref(path))).collect();
    let Some(alone) = alone else { return };
    let names: Vec<&str> = text.split(|letter: char| !letter.is_alphanumeric()).collect();
    for start in 0..data.len().min(8) {
        walk(&together, &alone, &names, data.get(start..).unwrap_or_default());
    }
}

fn path(line: &str) -> Option<Path> {
    let read = |line: &str| match line.as_bytes().first() {
        Some(b'$') => Path::json_path(line).ok(),
        Some(b'/') => Path::pointer(line).ok(),
        _ => Some(Path::field(line)),
    };
    let path = read(line);
    assert_eq!(path, read(line), "the same path is another");
    path
}

/// A selection in which each path has a rule of its own number; none where that is too much.
fn selection(paths: &[Path]) -> Option<Selection> {
    let mut builder = SelectionBuilder::default();
    let mut entry = builder.entry();
    for (rule, path) in (0..).zip(paths) {
        entry.path(path, rule, Reach::Here);
    }
    builder.build().ok()
}

/// Go down as the bytes say, in all selections at once.
fn walk(together: &Selection, alone: &[Selection], names: &[&str], steps: &[u8]) {
    let root = |selection: &Selection| selection.root(0).unwrap_or(State::QUIET);
    let mut all = root(together);
    let mut each: Vec<State> = alone.iter().map(root).collect();
    for step in steps.iter().take(MOST_STEPS) {
        let name = names.get(usize::from(*step) % names.len().max(1)).copied().unwrap_or_default();
        let down = |selection: &Selection, at: State| match step % 3 {
            0 => selection.item(at, u32::from(*step) / 3),
            _ => selection.member(at, name),
        };
        all = down(together, all);
        assert!(together.contains(all.to_bits()), "a state that is none");
        if together.is_even(all) {
            let inside = [together.item(all, u32::from(*step)), together.member(all, "a name of no path")];
            assert!(together.is_plain(all) && inside == [all; 2], "what is even is so inside, too");
        }
        for (at, selection) in each.iter_mut().zip(alone) {
            *at = down(selection, *at);
        }
        let selected =
            (0..).zip(each.iter().zip(alone)).filter(|(_, (at, selection))| !selection.rules(**at).is_empty());
        let selected: Vec<u16> = selected.map(|(rule, _)| rule).collect();
        assert_eq!(together.rules(all), selected, "together they select something else");
        assert!(selected.is_empty() || !together.is_plain(all), "it is selected, and plain");
    }
}
