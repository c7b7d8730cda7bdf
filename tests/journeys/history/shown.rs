//! `lockgate history show` and `lockgate diff` of entries: what served, and how two of these differ.

use lockgate_tests::{Finished, Gateway};
use serde_json::Value;

use super::{API, change, gateway, wait_for_entries};

fn show(gateway: &Gateway, more: &[&str]) -> Finished {
    let state = gateway.state("").display().to_string();
    gateway.run(&[&["history", "show", "--state", &state], more].concat())
}

#[test]
fn an_entry_is_shown_with_its_files_and_how_it_differs_from_the_one_before() {
    let gateway = gateway();
    wait_for_entries(&gateway, 1);
    change(&gateway, "two");
    gateway.write("a/api.toml", &API.replace("path = \"/r\"", "path = \"/s\""));
    wait_for_entries(&gateway, 3);
    let second = show(&gateway, &["2"]);
    second.assert(
        0,
        &["entry 2, ", ": folder", "generation 2 with 1 route,", "~ a/api.toml", "  gateway.toml", "WIDENED: nothing"],
    );
    let third = show(&gateway, &["3"]);
    third.assert(0, &["WIDENED: 1", "a/r is for other requests: * * /s, before * * /r"]);
    let first = show(&gateway, &["1"]);
    first.assert(0, &["+ a/api.toml", "Not compared with what served before: what served before is not on record"]);
    assert_eq!(show(&gateway, &["2", "a/api.toml"]).stdout, API.replace("one", "two"), "as it was");
    show(&gateway, &["2", "b/api.toml"]).assert(1, &["b/api.toml was no file that served at entry 2"]);
    show(&gateway, &["4"]).assert(1, &["no entry 4 on record, which has 1 to 3"]);
    let json: Value = serde_json::from_str(&show(&gateway, &["3", "--json"]).stdout).unwrap();
    assert_eq!((&json["entry"]["entry"], &json["entry"]["files"][0]["path"]), (&3.into(), &"a/api.toml".into()));
    assert_eq!(json["contents"]["a/api.toml"], json["entry"]["files"][0]["after"]);
    assert_eq!(json["diff"]["widened"].as_array().unwrap().len(), 1, "{json}");
}

#[test]
fn entries_are_compared_with_each_other_with_what_serves_and_with_a_folder() {
    let gateway = gateway();
    wait_for_entries(&gateway, 1);
    gateway.write("a/api.toml", &API.replace("path = \"/r\"", "path = \"/s\""));
    wait_for_entries(&gateway, 2);
    let diff = |more: &[&str]| gateway.verb(&[&["diff"], more].concat());
    diff(&["--to", "1"]).assert(3, &["* * /r, before * * /s"]);
    diff(&["--to", "2"]).assert(0, &["WIDENED: nothing"]);
    diff(&["--from", "1", "--to", "2"]).assert(3, &["* * /s, before * * /r"]);
    let folder = gateway.policies().display().to_string();
    diff(&["--from", "1", &folder]).assert(3, &["* * /s, before * * /r"]);
    diff(&["--from", "2", &folder]).assert(0, &["WIDENED: nothing"]);
    diff(&["--from", "1"]).assert(2, &["DIR"]);
    diff(&["--from", "7", "--to", "1"]).assert(1, &["no entry 7 on record"]);
}
