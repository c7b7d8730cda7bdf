//! Each limit of the reference has a guest that reaches it.

use std::collections::BTreeSet;
use std::fs;

use lockgate_tests::guests::workspace;

use super::sources;

/// A limit, where the guest is that reaches it, and the test that has it do so.
const REACHED: [(&str, &str, &str); 8] = [
    ("cpu", "guests/examples/misbehave.rs", "every_limit_holds_in_every_hook"),
    ("wall", "guests/examples/ask.rs", "limits_hold_for_a_policy_that_waits"),
    ("memory", "guests/examples/misbehave.rs", "every_limit_holds_in_every_hook"),
    ("table_elements", "journeys/components/by_hand.rs", "a_table_grows_up_to_its_limit_and_no_further"),
    ("host_calls", "guests/examples/misbehave.rs", "every_limit_holds_in_every_hook"),
    ("host_memory", "guests/examples/misbehave.rs", "every_limit_holds_in_every_hook"),
    ("log", "guests/examples/flood-log.rs", "lines_of_policies_are_tagged_bounded_and_escaped"),
    ("calls", "guests/examples/set-one.rs", "a_hook_that_is_told_something_is_asked_each_time"),
];

#[test]
fn every_limit_has_a_guest_that_reaches_it() {
    let reference = fs::read_to_string(workspace().join("host/CONFIGURATION.md")).unwrap();
    let section = reference.split("\n### ").find(|section| section.starts_with("`limits`\n\nWhat one policy")).unwrap();
    let keys = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let reached: BTreeSet<_> = REACHED.iter().map(|(limit, ..)| *limit).collect();
    assert_eq!(keys.collect::<BTreeSet<_>>(), reached, "limits of the reference, and those a guest is said to reach");
    let sources = sources(&["tests"]);
    for (limit, guest, test) in REACHED {
        assert!(workspace().join("tests").join(guest).exists(), "{limit}: there is no {guest}");
        let found = sources.iter().any(|(_, text)| text.contains(&format!("fn {test}(")));
        assert!(found, "{limit}: there is no test {test}");
    }
}
