//! Components of the tests' own: built from `tests/guests` once and again when a source changed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use lockgate_build::{Build, TARGET};
use wit_component::ComponentEncoder;

/// The profile guests are compiled with.
const PROFILE: &str = "guest";

/// The target of those guests that have all of Rust's std.
const WASI: &str = "wasm32-wasip2";

/// The component of a guest.
pub fn component(name: &str) -> Vec<u8> {
    let path = build().join("components").join(format!("{name}.wasm"));
    fs::read(&path).unwrap_or_else(|error| panic!("there is no guest {name}: {error}"))
}

/// SHA-256 of the component of a guest, in hexadecimal.
pub fn digest(name: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &component(name));
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The core module of a guest, before it was made a component.
pub fn module(name: &str) -> Vec<u8> {
    let file = format!("{}.wasm", name.replace('-', "_"));
    let path = build().join(TARGET).join(PROFILE).join("examples");
    fs::read(path.join(file)).unwrap()
}

/// Make a component of a core module, as the build of the guests does.
pub fn wrap(module: &[u8]) -> Vec<u8> {
    let encoder = ComponentEncoder::default().module(module).unwrap();
    encoder.validate(true).encode().unwrap()
}

/// The names of all guests.
pub fn names() -> Vec<String> {
    ["examples", "wasi"].into_iter().flat_map(names_in).collect()
}

fn names_in(folder: &str) -> Vec<String> {
    let sources = fs::read_dir(workspace().join("tests/guests").join(folder)).unwrap();
    let mut names: Vec<_> = sources
        .map(|entry| {
            let path = entry.unwrap().path();
            path.file_stem().unwrap().to_str().unwrap().to_owned()
        })
        .collect();
    names.sort();
    names
}

/// Build what is out of date and return the folder with everything built.
///
/// Tests run in processes of their own, several at a time: whoever comes first builds, the others wait for its lock.
pub fn build() -> PathBuf {
    let folder = target().join("guests");
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let stamp = folder.join("stamp");
    let built = fs::metadata(&stamp).and_then(|stamp| stamp.modified());
    if built.is_ok_and(|built| built > newest_source()) {
        return folder;
    }
    let begun = SystemTime::now();
    let guests = workspace().join("tests/guests");
    let build = names_in("examples")
        .into_iter()
        .fold(Build::new(&guests, folder.clone()).profile(PROFILE), |build, name| build.example(name));
    build.run().unwrap_or_else(|error| panic!("the guests cannot be built: {error}"));
    build_for_wasi(&guests, &folder);
    let stamp = File::create(stamp).unwrap();
    stamp.set_modified(begun).unwrap();
    folder
}

/// The linker of this target makes components itself.
fn build_for_wasi(guests: &Path, folder: &Path) {
    let names = names_in("wasi");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--locked", "--quiet", "--target", WASI, "--profile", PROFILE, "--target-dir"]).arg(folder);
    cargo.args(names.iter().flat_map(|name| ["--example", name])).current_dir(guests);
    assert!(cargo.status().unwrap().success(), "the guests for {WASI} cannot be built; tests/run adds the target");
    for name in names {
        let made = folder.join(WASI).join(PROFILE).join("examples").join(format!("{}.wasm", name.replace('-', "_")));
        fs::copy(made, folder.join("components").join(format!("{name}.wasm"))).unwrap();
    }
}

/// The folder all builds of the workspace go to.
pub fn target() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let target = here.ancestors().find(|directory| directory.join("CACHEDIR.TAG").is_file());
    target.expect("tests run from cargo's target folder").to_owned()
}

/// The root of the repository.
pub fn workspace() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap().to_owned()
}

fn newest_source() -> SystemTime {
    let mut newest = SystemTime::UNIX_EPOCH;
    let mut open = ["tests/guests", "sdk/src", "sdk/build/src", "wit"].map(|folder| workspace().join(folder)).to_vec();
    open.extend(["Cargo.toml", "sdk/Cargo.toml", "sdk/build/Cargo.toml"].map(|file| workspace().join(file)));
    while let Some(path) = open.pop() {
        let about = fs::metadata(&path).unwrap();
        if about.is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            open.extend(entries.map(|entry| entry.unwrap().path()));
        } else {
            newest = newest.max(about.modified().unwrap());
        }
    }
    newest
}
