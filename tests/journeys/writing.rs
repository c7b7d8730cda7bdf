//! However a folder is written, what it says in the end serves, and no request fails on the way there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lockgate_tests::{Client, Gateway, Load, Request, eventually, guests};

/// How slow whoever writes is: slower than a burst of changes, faster than one who has given up.
const A_WHILE: Duration = Duration::from_millis(60);

const BETWEEN_REQUESTS: Duration = Duration::from_millis(1);

const GATEWAY: &str = "[policy.mark]\nsource = \"file:components/mark.wasm\"\ngrant = [\"write:x-test-*\"]\n";
const API: &str = "name = \"a\"\nversion = \"1\"\n[[route]]\nname = \"r\"\nmatch = { path = \"/\" }\nchain = [\"mark\"]\nrespond = { body = \"$said\" }\n";

/// A gateway that follows its folder: what is written while it begins to is another matter.
fn gateway() -> Gateway {
    let gateway = Gateway::folder()
        .file("components/mark.wasm", guests::component("version-a"))
        .gateway_toml(GATEWAY)
        .word("said", "first")
        .api("a", API)
        .start();
    gateway.look();
    gateway
}

/// Run a program of the system in the folder that holds the policies folder.
fn run(gateway: &Gateway, program: &str, arguments: &[&str]) {
    let done = Command::new(program)
        .args(arguments)
        .current_dir(gateway.root())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
    assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// The next state of the folder beside it: another answer and another component.
fn next(gateway: &Gateway) -> std::path::PathBuf {
    let next = gateway.root().join("next");
    run(gateway, "cp", &["-r", "policies", "next"]);
    fs::write(next.join("a/api.toml"), API.replace("$said", "second")).unwrap();
    fs::write(next.join("components/mark.wasm"), guests::component("version-b")).unwrap();
    next
}

/// Write by one way while requests are made, until the answer is the second one by the second component. In between
/// each may be either, but none fails.
#[track_caller]
fn written(gateway: Gateway, write: impl FnOnce(&Gateway)) {
    let address = gateway.public();
    let load = Load::start(2, move |_| {
        let mut client = Client::connect(address);
        move |pace| {
            while pace.goes_on() {
                let answer = client.send(&Request::get("/"));
                assert_eq!(answer.status, 200, "{answer:?}");
                assert!(["first", "second"].contains(&answer.text().as_str()), "{answer:?}");
                pace.did();
                // At full speed there would be no processor left to compile what is written.
                std::thread::sleep(BETWEEN_REQUESTS);
            }
        }
    });
    write(&gateway);
    eventually("the second state to serve", || {
        let answer = gateway.get("/");
        (answer.text() == "second" && answer.field("x-test-version") == Some("b")).then_some(())
    });
    load.stop();
    eventually("nothing to be refused", || gateway.status()["refused"].is_null().then_some(()));
}

#[test]
fn files_that_are_renamed_over_others() {
    written(gateway(), |gateway| {
        let (next, policies) = (next(gateway), gateway.policies());
        for file in ["components/mark.wasm", "a/api.toml"] {
            fs::rename(next.join(file), policies.join(file)).unwrap();
        }
    });
}

#[test]
fn files_that_are_truncated_and_written_piece_by_piece() {
    written(gateway(), |gateway| {
        let (next, policies) = (next(gateway), gateway.policies());
        for file in ["a/api.toml", "components/mark.wasm"] {
            let bytes = fs::read(next.join(file)).unwrap();
            let mut to = fs::File::create(policies.join(file)).unwrap();
            for piece in bytes.chunks(bytes.len() / 20 + 1) {
                std::io::Write::write_all(&mut to, piece).unwrap();
                to.sync_all().unwrap();
            }
        }
    });
}

#[test]
fn files_that_are_deleted_and_made_again() {
    written(gateway(), |gateway| {
        let (next, policies) = (next(gateway), gateway.policies());
        for file in ["components/mark.wasm", "a/api.toml"] {
            fs::remove_file(policies.join(file)).unwrap();
            fs::copy(next.join(file), policies.join(file)).unwrap();
        }
    });
}

#[test]
fn editors_that_write_beside_and_leave_backups() {
    written(gateway(), |gateway| {
        let next = next(gateway);
        run(gateway, "cp", &["--backup=simple", "next/components/mark.wasm", "policies/components/mark.wasm"]);
        run(gateway, "sed", &["-i.tmp", "s/first/second/", "policies/a/api.toml"]);
        fs::write(gateway.policies().join("a/.api.toml.swp"), "b0VIM").unwrap();
        fs::write(gateway.policies().join("a/4913"), "").unwrap();
        drop(next);
    });
}

#[test]
fn a_checkout_of_another_branch() {
    let gateway = gateway();
    let git = |arguments: &[&str]| {
        let who = ["-C", "policies", "-c", "user.name=t", "-c", "user.email=t@example.com"];
        run(&gateway, "git", &[&who[..], arguments].concat());
    };
    git(&["init", "-q", "-b", "first"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "first"]);
    git(&["branch", "second"]);
    let other = gateway.root().join("other");
    run(&gateway, "git", &["-C", "policies", "worktree", "add", "-q", "../other", "second"]);
    fs::write(other.join("a/api.toml"), API.replace("$said", "second")).unwrap();
    fs::write(other.join("components/mark.wasm"), guests::component("version-b")).unwrap();
    let commit =
        ["-C", "other", "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-a", "-m", "second"];
    run(&gateway, "git", &commit);
    run(&gateway, "git", &["-C", "policies", "worktree", "remove", "../other"]);
    written(gateway, |gateway| run(gateway, "git", &["-C", "policies", "checkout", "-q", "second"]));
}

#[test]
fn a_tool_that_copies_what_differs() {
    written(gateway(), |gateway| {
        next(gateway);
        run(gateway, "rsync", &["-rc", "--delete", "next/", "policies/"]);
    });
}

#[test]
fn a_mounted_config_map_whose_data_is_exchanged() {
    let gateway = gateway();
    let (policies, next) = (gateway.policies(), next(&gateway));
    let [old, new] = ["..2026_01", "..2026_02"].map(|name| gateway.root().join("mount").join(name));
    fs::create_dir(gateway.root().join("mount")).unwrap();
    fs::rename(&policies, &old).unwrap();
    fs::rename(next, &new).unwrap();
    let mount = gateway.root().join("mount");
    lead(&mount.join("..data"), Path::new("..2026_01"));
    for name in ["gateway.toml", "a", "components"] {
        symlink(Path::new("..data").join(name), mount.join(name)).unwrap();
    }
    fs::rename(&mount, &policies).unwrap();
    eventually("the mount to be followed", || gateway.status()["refused"].is_null().then_some(()));
    written(gateway, |_| lead(&policies.join("..data"), Path::new("..2026_02")));
}

/// Have a link lead elsewhere, as is done for mounted volumes.
fn lead(link: &Path, to: &Path) {
    let beside = link.with_file_name("..data_tmp");
    symlink(to, &beside).unwrap();
    fs::rename(beside, link).unwrap();
}

#[test]
fn a_file_that_is_long_open_is_not_read_before_it_is_closed() {
    written(gateway(), |gateway| {
        let (next, policies) = (next(gateway), gateway.policies());
        let text = fs::read(next.join("a/api.toml")).unwrap();
        // As far as here it means an API without a route.
        let half = text.windows(2).position(|two| two == b"[[").unwrap();
        let mut file = fs::File::create(policies.join("a/api.toml")).unwrap();
        for piece in [&text[..half], &text[half..]] {
            std::io::Write::write_all(&mut file, piece).unwrap();
            std::thread::sleep(A_WHILE);
        }
        drop(file);
        fs::rename(next.join("components/mark.wasm"), policies.join("components/mark.wasm")).unwrap();
    });
}

#[test]
fn a_file_that_is_gone_for_a_moment_was_not_removed() {
    written(gateway(), |gateway| {
        let (next, policies) = (next(gateway), gateway.policies());
        fs::rename(next.join("components/mark.wasm"), policies.join("components/mark.wasm")).unwrap();
        fs::remove_file(policies.join("a/api.toml")).unwrap();
        std::thread::sleep(A_WHILE);
        fs::rename(next.join("a/api.toml"), policies.join("a/api.toml")).unwrap();
    });
}
