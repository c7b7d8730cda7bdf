//! WebAssembly that a fuzzer makes: by `tests/smith`, a program of a workspace of its own, built and run once.

use std::fs::{self, File};
use std::process::Command;

use crate::guests::{target, workspace};

/// What it made of a kind, `component` or `module`, in no order that means anything.
pub fn made(kind: &str) -> Vec<Vec<u8>> {
    let folder = target().join("smith");
    fs::create_dir_all(&folder).unwrap();
    // Tests run in processes of their own: whoever comes first builds, the others wait for its lock.
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let made = folder.join("made");
    // What another version of it made is not what this one makes.
    let _ = fs::remove_dir_all(&made);
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "--locked", "--quiet", "--release", "--target-dir"]).arg(&folder).arg("--").arg(&made);
    let status = cargo.current_dir(workspace().join("tests/smith")).status().unwrap();
    assert!(status.success(), "tests/smith cannot be built, or does not run");
    let files = fs::read_dir(&made).unwrap().map(|entry| entry.unwrap().path());
    let wanted = files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(kind));
    wanted.map(|path| fs::read(path).unwrap()).collect()
}
