//! Keys and signatures, ours and those of the program minisign.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use lockgate_tests::{Folder, Gateway, guests};

/// A component `x.wasm` and keys without a password, `own.key` and `own.pub`.
pub(super) fn with_keys() -> Folder {
    let folder = Gateway::folder();
    fs::write(folder.root().join("x.wasm"), guests::component("trail")).unwrap();
    folder.run(&["policy", "keygen", "own", "--no-password"]).assert(0, &["own.key", "own.pub", "[trust]", "RW"]);
    folder
}

/// Run minisign to its end; returns whether it succeeded, and what it said.
fn minisign(folder: &Folder, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new("minisign");
    command.args(arguments).current_dir(folder.root()).stdin(Stdio::null());
    let output = command.output().expect("minisign is installed by tests/run");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn minisign_verifies_what_is_signed_here() {
    let folder = with_keys();
    let signed = super::json(&folder, &["policy", "sign", "x.wasm", "--key", "own.key", "--json"], 0);
    assert_eq!(signed["signature"], "x.wasm.minisig");
    let (good, said) = minisign(&folder, &["-V", "-p", "own.pub", "-m", "x.wasm"]);
    assert!(good && said.contains("file:x.wasm"), "{said}");
    folder.run(&["policy", "sign", "x.wasm", "--key", "own.key", "--comment", "it's reviewed"]).assert(0, &[]);
    let (good, said) = minisign(&folder, &["-V", "-p", "own.pub", "-m", "x.wasm"]);
    assert!(good && said.contains("it's reviewed"), "{said}");
    fs::write(folder.root().join("x.wasm"), guests::component("gate")).unwrap();
    assert!(!minisign(&folder, &["-V", "-p", "own.pub", "-m", "x.wasm"]).0, "the test can fail");
}

#[test]
fn what_minisign_signs_is_verified_here() {
    let folder = with_keys();
    assert!(minisign(&folder, &["-G", "-W", "-p", "theirs.pub", "-s", "theirs.key"]).0);
    let (good, said) = minisign(&folder, &["-S", "-s", "theirs.key", "-m", "x.wasm", "-t", "by minisign"]);
    assert!(good, "{said}");
    folder.run(&["policy", "verify", "x.wasm", "--key", "theirs.pub"]).assert(0, &["x.wasm", "by minisign"]);
    folder
        .run(&["policy", "verify", "x.wasm", "--key", "own.pub"])
        .assert(1, &["signed with the key", "not with this"]);
    // Each signs with keys the other made.
    folder.run(&["policy", "sign", "x.wasm", "--key", "theirs.key"]).assert(0, &[]);
    assert!(minisign(&folder, &["-V", "-p", "theirs.pub", "-m", "x.wasm"]).0);
    assert!(minisign(&folder, &["-S", "-s", "own.key", "-m", "x.wasm"]).0);
    folder.run(&["policy", "verify", "x.wasm", "--key", "own.pub"]).assert(0, &["timestamp"]);
    // The old kind of signature covers the file itself.
    let (good, said) = minisign(&folder, &["-S", "-l", "-s", "own.key", "-m", "x.wasm"]);
    assert!(good, "{said}");
    folder.run(&["policy", "verify", "x.wasm", "--key", "own.pub"]).assert(1, &["old kind"]);
}

#[test]
fn a_component_or_a_comment_that_was_changed_is_not_verified() {
    let folder = with_keys();
    folder.run(&["policy", "sign", "x.wasm", "--key", "own.key", "--comment", "reviewed"]).assert(0, &[]);
    let key = fs::read_to_string(folder.root().join("own.pub")).unwrap();
    let key = key.lines().last().unwrap();
    let verify = ["policy", "verify", "x.wasm", "--key", key];
    folder.run(&verify).assert(0, &["reviewed"]);
    folder.run(&["policy", "inspect", "x.wasm"]).assert(1, &["not verified", "reviewed"]);
    folder.run(&["policy", "inspect", "x.wasm", "--key", key]).assert(1, &["good, by the key", "missing field"]);

    let path = folder.root().join("x.wasm.minisig");
    let signature = fs::read_to_string(&path).unwrap();
    fs::write(&path, signature.replace("reviewed", "approved")).unwrap();
    let ended = folder.run(&verify);
    ended.assert(1, &["does not fit"]);
    assert!(!ended.stdout.contains("approved"), "a comment nobody signed: {ended:?}");
    fs::write(&path, &signature[..signature.len() - 10]).unwrap();
    folder.run(&verify).assert(1, &["x.wasm.minisig", "no signature"]);
    fs::write(&path, &signature).unwrap();
    fs::write(folder.root().join("x.wasm"), guests::component("gate")).unwrap();
    folder.run(&verify).assert(1, &["does not fit"]);
    let report = super::json(&folder, &["policy", "inspect", "x.wasm", "--key", key, "--json"], 1);
    assert_eq!(report["signature"]["verified"], false);
    assert_eq!(super::json(&folder, &[&verify[..], &["--json"]].concat(), 1)["comment"], serde_json::Value::Null);
}

#[test]
fn a_secret_key_is_for_its_owner_and_is_never_written_over() {
    let folder = with_keys();
    let about = fs::metadata(folder.root().join("own.key")).unwrap();
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
    let before = fs::read(folder.root().join("own.key")).unwrap();
    folder.run(&["policy", "keygen", "own", "--no-password"]).assert(1, &["own.key", "already"]);
    assert_eq!(fs::read(folder.root().join("own.key")).unwrap(), before);
    fs::remove_file(folder.root().join("own.key")).unwrap();
    folder.run(&["policy", "keygen", "own", "--no-password"]).assert(1, &["own.pub", "already"]);
    assert!(!folder.root().join("own.key").exists());
}

#[test]
fn a_password_comes_from_a_file_or_the_environment_and_is_told_to_nobody() {
    let password = "correct horse";
    let folder = with_keys();
    fs::write(folder.root().join("password"), format!("{password}\n")).unwrap();
    let made = folder.run(&["policy", "keygen", "locked", "--password-file", "password"]);
    made.assert(0, &["locked.key"]);
    let sign = ["policy", "sign", "x.wasm", "--key", "locked.key"];
    folder.run(&sign).assert(1, &["no terminal", "LOCKGATE_KEY_PASSWORD", "--password-file"]);
    let signed = folder.run(&[&sign[..], &["--password-file", "password"]].concat());
    signed.assert(0, &["x.wasm.minisig"]);
    assert!(minisign(&folder, &["-V", "-p", "locked.pub", "-m", "x.wasm"]).0);
    let folder = folder.variable("LOCKGATE_KEY_PASSWORD", "wrong horse");
    let wrong = folder.run(&sign);
    wrong.assert(1, &["locked.key", "password is wrong"]);
    let folder = folder.variable("LOCKGATE_KEY_PASSWORD", password);
    folder.run(&sign).assert(0, &[]);
    let key = fs::read_to_string(folder.root().join("locked.key")).unwrap();
    for ended in [made, signed, wrong] {
        let said = ended.stdout + &ended.stderr;
        assert!(!said.contains("horse") && !said.contains(key.lines().last().unwrap()), "{said}");
    }
}

#[test]
fn what_cannot_be_signed_says_why() {
    let folder = with_keys();
    fs::write(folder.root().join("module.wasm"), guests::module("trail")).unwrap();
    let sign = |what: &str, key: &str| folder.run(&["policy", "sign", what, "--key", key]);
    sign("module.wasm", "own.key").assert(1, &["module.wasm is not signed", "core module"]);
    sign("own.pub", "own.key").assert(1, &["own.pub is not signed"]);
    sign("x.wasm", "own.pub").assert(1, &["own.pub", "no secret key"]);
    sign("x.wasm", "absent.key").assert(1, &["absent.key", "cannot be read"]);
    folder.run(&["policy", "sign", "x.wasm", "--key", "own.key", "--comment", "a\nb"]).assert(2, &["one line"]);
    folder.run(&["policy", "verify", "x.wasm", "--key", "own.pub"]).assert(1, &["x.wasm.minisig"]);
    folder.run(&["policy", "verify", "x.wasm", "--key", "own.key"]).assert(1, &["public key"]);
    folder.run(&["policy", "inspect", "x.wasm", "--key", "own.pub"]).assert(1, &["not signed"]);
    assert!(!folder.root().join("x.wasm.minisig").exists());
}
