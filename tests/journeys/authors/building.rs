//! `policy build` on what is no project, no module, or on a machine that lacks something.

use std::fs;

use lockgate_tests::{Folder, Gateway, guests};

fn with(name: &str, bytes: impl AsRef<[u8]>) -> Folder {
    let folder = Gateway::folder();
    fs::write(folder.root().join(name), bytes).unwrap();
    folder
}

/// A project that cannot be compiled, but is one.
fn project(manifest: &str) -> Folder {
    let folder = Gateway::folder();
    let project = folder.root().join("mine");
    fs::create_dir_all(project.join("src")).unwrap();
    fs::write(project.join("Cargo.toml"), manifest).unwrap();
    fs::write(project.join("src/lib.rs"), "compile_error!(\"not yet\");").unwrap();
    folder
}

const MANIFEST: &str =
    "[package]\nname = \"mine\"\nedition = \"2024\"\n[workspace]\n[lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n";

#[test]
fn a_core_module_of_any_language_becomes_a_component_without_rust() {
    let folder = with("trail.wasm", guests::module("trail")).variable("CARGO", "/nonexistent").variable("PATH", "");
    let built = super::json(&folder, &["policy", "build", "trail.wasm", "--json"], 0);
    assert_eq!(built["path"], "trail.component.wasm");
    assert_eq!(built["hooks"], serde_json::json!(["request-phase", "response-phase"]));
    let component = fs::read(folder.root().join("trail.component.wasm")).unwrap();
    assert_eq!(component, guests::component("trail"));
}

#[test]
fn names_and_debugging_information_do_not_make_a_component_larger() {
    let module = guests::module("trail");
    // A custom section `name` of 5 bytes that tells nothing.
    let folder = with("named.wasm", [module, b"\0\x0a\x04name\x01\x03\x00\x00\x00".to_vec()].concat());
    folder.run(&["policy", "build", "named.wasm"]).assert(0, &["named.component.wasm", "sha256:"]);
    let component = fs::read(folder.root().join("named.component.wasm")).unwrap();
    assert_eq!(component, guests::component("trail"));
}

#[test]
fn what_cannot_be_built_says_why() {
    let wat = |text: &str| wat::parse_str(text).unwrap();
    let cases = [
        (guests::component("trail"), "nothing to build"),
        (b"fn main() {}".to_vec(), "neither a folder nor WebAssembly"),
        (wat("(module)"), "exports nothing"),
        (guests::module("trail")[..2000].to_vec(), "cannot be made a component"),
        (wat("(module (import \"wasi_snapshot_preview1\" \"fd_write\" (func)))"), "wasi_snapshot_preview1"),
        (guests::module("no-hook"), "exports no hook"),
    ];
    for (bytes, said) in cases {
        let folder = with("x.wasm", bytes);
        folder.run(&["policy", "build", "x.wasm", "-o", "policies/x.wasm"]).assert(1, &[said]);
        assert!(!folder.policies().join("x.wasm").exists(), "{said}");
    }
    Gateway::folder().run(&["policy", "build", "absent.wasm"]).assert(1, &["absent.wasm", "cannot be read"]);
    Gateway::folder().run(&["policy", "build"]).assert(1, &["no project", "lockgate policy new"]);
    project("[package]\nname = \"mine\"\n[workspace]\n").run(&["policy", "build", "mine"]).assert(1, &["crate-type"]);
    project(MANIFEST).run(&["policy", "build", "mine"]).assert(1, &["not yet", "cargo build"]);
    project("[package").run(&["policy", "build", "mine"]).assert(1, &["Cargo.toml", "cargo"]);
}

#[test]
fn a_machine_without_rust_or_its_target_is_told_what_to_install() {
    let folder = project(MANIFEST).variable("CARGO", "/nonexistent/cargo").variable("PATH", "");
    folder.run(&["policy", "build", "mine"]).assert(1, &["/nonexistent/cargo", "see that Rust is installed"]);

    // A compiler that knows its own machine only, and nobody to add a target.
    let folder = project(MANIFEST);
    let tools = folder.root().join("bin");
    fs::create_dir(&tools).unwrap();
    let cargo = which("cargo");
    let rustc = which("rustc");
    let script = format!("#!/bin/sh\ncase \"$*\" in *wasm32*) exit 1;; esac\nexec {} \"$@\"\n", rustc.display());
    let path = tools.join("rustc");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let folder = folder
        .variable("CARGO", cargo.to_str().unwrap())
        .variable("RUSTC", path.to_str().unwrap())
        .variable("PATH", tools.to_str().unwrap());
    folder.run(&["policy", "build", "mine"]).assert(1, &["rustup target add wasm32-unknown-unknown"]);
}

/// The program itself, not the one that chooses among several toolchains.
fn which(name: &str) -> std::path::PathBuf {
    let output = std::process::Command::new("rustc").args(["--print", "sysroot"]).output().unwrap();
    let sysroot = String::from_utf8(output.stdout).unwrap();
    std::path::Path::new(sysroot.trim()).join("bin").join(name)
}
