//! Which room of the host may use which: the documented table against the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use lockgate_tests::guests::workspace;

/// Rooms of the control plane, which the data plane must not know.
const CONTROL: &[&str] = &["cli", "reload", "admin", "gateway"];
/// Rooms that requests pass.
const DATA: &[&str] = &[
    "listen",
    "serve",
    "generation",
    "exchange",
    "route",
    "chain",
    "sandbox",
    "upstream",
    "egress",
    "store",
    "telemetry",
    "keys",
];

type Uses = BTreeMap<String, BTreeSet<String>>;

#[test]
fn rooms_use_only_what_the_documented_table_says() {
    let found = found();
    let path = workspace().join("host/README.md");
    let text = fs::read_to_string(&path).unwrap_or_default();
    let documented = documented(&text);
    assert!(
        found == documented,
        "host/README.md does not say what the sources do. If the sources are right, its table is:\n\n{}",
        table(&found)
    );
}

#[test]
fn no_room_that_requests_pass_knows_one_of_the_control_plane() {
    for (room, used) in found() {
        if DATA.contains(&room.as_str()) {
            let wrong: Vec<_> = used.iter().filter(|other| CONTROL.contains(&other.as_str())).collect();
            assert!(wrong.is_empty(), "{room} uses {wrong:?}");
        }
    }
}

#[test]
fn the_table_is_read_as_it_is_written() {
    let uses = Uses::from([
        ("a".to_owned(), BTreeSet::from(["b".to_owned(), "c".to_owned()])),
        ("b".to_owned(), BTreeSet::new()),
    ]);
    assert_eq!(documented(&format!("Words.\n\n{}\nMore.", table(&uses))), uses);
}

#[test]
fn uses_are_found_in_every_form() {
    let text = "use crate::route::Match;\nuse crate::{chain::{A, B}, store};\nlet x = crate::keys::y();\n#[cfg(test)]\nmod tests {\n    use crate::cli;\n}\n";
    let found = rooms_in(text);
    assert_eq!(found, ["chain", "keys", "route", "store"].map(str::to_owned).into());
}

/// What each room's sources use of the others; tests may use anything, and so may what fuzzing calls, which is compiled
/// for tests only.
fn found() -> Uses {
    let mut uses = Uses::new();
    for (name, text) in super::sources(&["host/src"]) {
        let inner = name.trim_start_matches("host/src/");
        let room = inner.split('/').next().unwrap_or_default().trim_end_matches(".rs");
        let is_test = ["tests", "fuzz"]
            .iter()
            .any(|kind| inner.split('/').any(|part| part.strip_suffix(".rs").unwrap_or(part) == *kind));
        if ["main", "lib"].contains(&room) || is_test {
            continue;
        }
        let used = uses.entry(room.to_owned()).or_default();
        used.extend(rooms_in(&text).into_iter().filter(|other| other != room));
    }
    let rooms: BTreeSet<_> = uses.keys().cloned().collect();
    // `crate::something` that is no room is a macro or an item of the root.
    uses.values_mut().for_each(|used| used.retain(|other| rooms.contains(other)));
    uses
}

/// The names that follow `crate::` in code that is not only for tests.
fn rooms_in(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let word = |text: &str| -> String { text.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect() };
    let mut rooms = BTreeSet::new();
    for (at, found) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[at + found.len()..];
        match rest.strip_prefix('{') {
            None => rooms.extend([word(rest)]),
            Some(list) => rooms.extend(heads(list).iter().map(|head| word(head.trim()))),
        }
    }
    rooms.remove("");
    rooms
}

/// The items of a braced list of imports, up to its closing brace, nested lists left out.
fn heads(list: &str) -> Vec<String> {
    let (mut depth, mut heads) = (0, vec![String::new()]);
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(String::new()),
            other if depth == 0 => {
                if let Some(head) = heads.last_mut() {
                    head.push(other);
                }
            }
            _ => {}
        }
    }
    heads
}

fn documented(text: &str) -> Uses {
    let rows = text.lines().skip_while(|line| !line.starts_with("| room | may use |")).skip(2);
    let cells = |line: &str| -> Option<(String, String)> {
        let (room, used) = line.strip_prefix("| ")?.trim_end().strip_suffix('|')?.split_once('|')?;
        Some((room.trim().to_owned(), used.trim().to_owned()))
    };
    rows.map_while(cells)
        .map(|(room, used)| {
            let words = used.split(',').map(|word| word.trim().trim_matches('`').to_owned());
            (room.trim_matches('`').to_owned(), words.filter(|word| !word.is_empty()).collect())
        })
        .collect()
}

fn table(uses: &Uses) -> String {
    let rows = uses.iter().map(|(room, used)| {
        let used: Vec<_> = used.iter().map(|other| format!("`{other}`")).collect();
        format!("| `{room}` | {} |\n", used.join(", "))
    });
    format!("| room | may use |\n|---|---|\n{}", rows.collect::<String>())
}
