//! What was matched stays matched: as long as something is faulty, no request falls to a route it was not for.

use std::fs;
use std::process::Command;

use lockgate_tests::{Gateway, Upstream, eventually};

use super::{API, OTHER, assert_state, assert_unavailable, folder, look, other_moves_on, write, write_all};

/// Takes whatever no other route takes.
const ALL: &str = "name = \"all\"\nversion = \"1\"\n[[route]]\nname = \"all\"\nmatch = { path = \"/{*rest}\" }\nrespond = { body = \"public\" }\n";

/// A route for a path, whose answer is the name of its API.
fn api(name: &str, path: &str) -> String {
    format!(
        "name = \"{name}\"\nversion = \"1\"\n[[route]]\nname = \"r\"\nmatch = {{ path = \"{path}\" }}\nrespond = {{ body = \"{name}\" }}\n"
    )
}

/// Now, when all workers serve what there is, after another look, and after a start.
fn always(gateway: &mut Gateway, mut check: impl FnMut(&Gateway)) {
    look(gateway);
    check(gateway);
    look(gateway);
    check(gateway);
    gateway.restart();
    check(gateway);
    look(gateway);
    check(gateway);
}

#[test]
fn an_api_that_is_renamed_with_a_fault_serves_as_it_was() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).api("all", ALL).start();
    write_all(&gateway, &[("api", ""), ("api2/api.toml", &API.replace("path = \"/two\"", "path = 2"))]);
    always(&mut gateway, |gateway| {
        assert_eq!(gateway.get("/one").field("x-test-version"), Some("a"));
    });
}

#[test]
fn an_api_that_vanishes_beside_a_fault_is_refused_and_falls_to_nobody() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).api("all", ALL).start();
    // Nobody can read whether that is where it went.
    write_all(&gateway, &[("api", ""), ("api2/api.toml", "name = ")]);
    always(&mut gateway, |gateway| {
        assert_unavailable(&gateway.get("/one"));
        assert_unavailable(&gateway.get("/two"));
        assert_eq!(gateway.get("/three").text(), "public");
    });
    // Mended, it is where it went, and what it was is gone.
    gateway.write("api2/api.toml", &API.replace("/one", "/three"));
    eventually("what vanished to be gone", || (gateway.get("/one").text() == "public").then_some(()));
    look(&gateway);
    assert_eq!(gateway.get("/three").field("x-test-version"), Some("a"));
}

#[test]
fn a_path_that_moves_to_an_api_that_is_faulty_falls_to_nobody() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).api("all", ALL).start();
    let without = API.replace("/one", "/free");
    let with = format!(
        "{}{}",
        OTHER, "[[route]]\nname = \"one\"\nmatch = { path = \"/one\" }\nchain = [\"absent\"]\nrespond = {}\n"
    );
    write_all(&gateway, &[("api/api.toml", &without), ("other/api.toml", &with)]);
    always(&mut gateway, |gateway| {
        assert_unavailable(&gateway.get("/one"));
        assert_eq!(gateway.get("/free").field("x-test-version"), Some("a"));
        assert_eq!(gateway.get("/other").text(), "before");
    });
}

#[test]
fn a_route_that_is_withdrawn_is_withdrawn_whatever_is_faulty() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).api("bad", &api("bad", "/bad")).start();
    gateway.write("bad/api.toml", "name = ");
    gateway.wait_for_refusal();
    gateway.remove("api");
    eventually("it to be gone", || (gateway.get("/one").status == 503).then_some(()));
    always(&mut gateway, |gateway| {
        assert_unavailable(&gateway.get("/one"));
        assert_eq!(gateway.get("/bad").text(), "bad");
    });
    gateway.write("bad/api.toml", &api("bad", "/bad"));
    eventually("nothing to be left of it", || (gateway.get("/one").status == 404).then_some(()));
}

#[test]
fn of_two_routes_in_each_others_way_the_one_that_was_there_serves() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).start();
    // By its name this folder comes first.
    gateway.write("aaa/api.toml", &api("aaa", "/two"));
    let refused = gateway.wait_for_refusal();
    assert!(refused.to_string().contains("matches the same requests"), "{refused}");
    assert_eq!(refused["faults"][0]["file"], "aaa/api.toml", "{refused}");
    always(&mut gateway, |gateway| {
        assert!(gateway.get("/two").text().contains("\"target\":\"/two\""), "the echo answers");
        assert_state(gateway, "API in aaa", "unavailable");
        assert_state(gateway, "API in api", "current");
    });
}

#[test]
fn whoever_takes_what_a_held_api_matches_is_held_too() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).api("b", &api("b", "/b")).start();
    // It gives up /two, faultily, and the other takes that.
    let gives = API.replace("/two", "/zwei").replace("path = \"/one\"", "path = 1");
    write_all(&gateway, &[("api/api.toml", &gives), ("b/api.toml", &api("b", "/two"))]);
    always(&mut gateway, |gateway| {
        assert!(gateway.get("/two").text().contains("\"target\":\"/two\""), "the echo answers");
        assert_eq!(gateway.get("/b").text(), "b");
        assert_state(gateway, "API in b", "held");
    });
    gateway.write("api/api.toml", &API.replace("/two", "/zwei"));
    eventually("it to have what it takes", || (gateway.get("/two").text() == "b").then_some(()));
    look(&gateway);
    gateway.get("/zwei").assert_status(200);
}

#[test]
fn of_two_apis_with_one_name_the_one_that_was_there_serves() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).start();
    gateway.write("aaa/api.toml", &OTHER.replace("/other", "/copy"));
    let refused = gateway.wait_for_refusal();
    assert_eq!(refused["faults"][0]["file"], "aaa/api.toml", "{refused}");
    always(&mut gateway, |gateway| {
        assert_eq!(gateway.get("/other").text(), "before");
        assert_unavailable(&gateway.get("/copy"));
    });
    other_moves_on(&gateway);
}

#[test]
fn an_api_that_never_worked_takes_no_route_from_another() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).start();
    // The same path, and one route of its own that is faulty.
    let bad = format!(
        "{}[[route]]\nname = \"s\"\nmatch = {{ path = \"/new\" }}\nupstream = \"absent\"\n",
        api("bad", "/two")
    );
    gateway.write("bad/api.toml", &bad);
    gateway.wait_for_refusal();
    always(&mut gateway, |gateway| {
        gateway.get("/two").assert_status(200);
        assert_unavailable(&gateway.get("/new"));
    });
}

#[test]
fn a_rewritten_route_does_not_serve_by_a_gateway_toml_that_is_held() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).start();
    let listeners = fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    let listeners = listeners.split_once("[listen.").map(|(_, rest)| format!("[listen.{rest}")).unwrap();
    let toml = format!("nonsense = 1\nchain = [\"mark\"]\n{}{listeners}", super::POLICY);
    write_all(&gateway, &[("gateway.toml", &toml), ("api/api.toml", &API.replace("/two", "/internal"))]);
    always(&mut gateway, |gateway| gateway.get("/internal").assert_status(404));
    write(&gateway, &format!("chain = [\"mark\"]\n{}", super::POLICY));
    eventually("it to serve", || (gateway.get("/internal").field("x-test-version") == Some("a")).then_some(()));
}

#[test]
fn an_api_that_is_faulty_at_a_start_is_not_forgotten_by_the_next_change() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).api("all", ALL).start();
    for text in ["name = ".to_owned(), API.replace("/two", "/three").replace("\"mark\"", "\"absent\"")] {
        gateway.terminate();
        gateway.wait_for_end();
        gateway.write("api/api.toml", &text);
        gateway.write("other/api.toml", OTHER);
        gateway.start_again();
        other_moves_on(&gateway);
        always(&mut gateway, |gateway| {
            assert_eq!(gateway.get("/one").field("x-test-version"), Some("a"));
            assert_state(gateway, "API in api", "held");
        });
    }
}

#[test]
fn what_is_refused_stays_so_after_a_start_with_a_faulty_gateway_toml() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).api("all", ALL).start();
    write_all(&gateway, &[("api/api.toml", &API.replace("/one", "/free")), ("other/api.toml", "name = ")]);
    assert_unavailable(&gateway.get("/one"));
    let text = fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    gateway.write("gateway.toml", "[listen");
    always(&mut gateway, |gateway| assert_unavailable(&gateway.get("/one")));
    gateway.write("gateway.toml", &text);
    always(&mut gateway, |gateway| assert_unavailable(&gateway.get("/one")));
}

#[test]
fn what_an_api_matched_that_does_not_fit_any_more_is_nobody_elses() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).api("b", &api("b", "/b")).start();
    gateway.replace("components/mark.wasm", b"\0asm, or so");
    gateway.wait_for_refusal();
    write(&gateway, &super::POLICY.replace("write:x-test-*", "write:x-other"));
    eventually("it not to fit", || (gateway.get("/one").status == 503).then_some(()));
    gateway.write("b/api.toml", &api("b", "/one"));
    gateway.wait_for_refusal();
    always(&mut gateway, |gateway| {
        assert_unavailable(&gateway.get("/one"));
        assert_eq!(gateway.get("/b").text(), "b");
    });
    write(&gateway, super::POLICY);
    eventually("it to fit again", || (gateway.get("/one").field("x-test-version") == Some("a")).then_some(()));
    assert_eq!(gateway.get("/b").text(), "b");
}

#[test]
fn an_api_that_moved_to_where_it_cannot_be_read_falls_to_nobody() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).api("all", ALL).start();
    fs::rename(gateway.policies().join("api/api.toml"), gateway.root().join("moved.toml")).unwrap();
    fs::remove_dir(gateway.policies().join("api")).unwrap();
    fs::create_dir(gateway.policies().join("moved")).unwrap();
    std::os::unix::fs::symlink(gateway.root().join("moved.toml"), gateway.policies().join("moved/api.toml")).unwrap();
    eventually("it to be missed", || (gateway.get("/one").status == 503).then_some(()));
    always(&mut gateway, |gateway| assert_unavailable(&gateway.get("/one")));
}

#[test]
fn entries_that_cannot_be_read_leave_their_api_as_it_was() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).api("all", ALL).start();
    for number in 0..4 {
        std::os::unix::fs::symlink("nowhere", gateway.policies().join(format!("api/link-{number}"))).unwrap();
    }
    gateway.wait_for_refusal();
    always(&mut gateway, |gateway| {
        assert_eq!(gateway.get("/one").field("x-test-version"), Some("a"));
        assert_state(gateway, "API in api", "held");
    });
    // The folder itself.
    gateway.remove("api");
    std::os::unix::fs::symlink("nowhere", gateway.policies().join("api")).unwrap();
    gateway.wait_for_refusal();
    always(&mut gateway, |gateway| assert_eq!(gateway.get("/one").field("x-test-version"), Some("a")));
}

#[test]
fn a_secret_in_a_faulty_file_is_written_nowhere() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream).start();
    let secret = "[[route]]\nname = \"new\"\nmatch = { path = \"/new\" }\nrespond = {}\nchain = [{ policy = \"mark\", config = { password = \"hunter2hunter2\" } }]\n";
    gateway.write("api/api.toml", &format!("{API}{secret}"));
    gateway.write("new/api.toml", &format!("{}{secret}", api("new", "/n")));
    gateway.wait_for_refusal();
    other_moves_on(&gateway);
    let mut gateway = gateway;
    always(&mut gateway, |gateway| {
        // What is not needed any more is deleted by then.
        look(gateway);
        let found = Command::new("grep").args(["-r", "hunter2"]).arg(gateway.state("")).output().unwrap();
        assert_eq!((found.status.code(), found.stdout.len()), (Some(1), 0), "{found:?}");
    });
}

#[test]
fn a_folder_that_is_emptied_leaves_everything_as_it_was() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).start();
    for entry in fs::read_dir(gateway.policies()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }
    gateway.wait_for_refusal();
    always(&mut gateway, |gateway| {
        assert_eq!(gateway.get("/one").field("x-test-version"), Some("a"));
        assert_eq!(gateway.get("/other").text(), "before");
    });
}
