//! Builds the policies of `plugins/` and embeds them and the sources of the SDK, so that the gateway is one file.
// Cargo reads what a build script has to say from its standard output.
#![allow(clippy::print_stdout)]

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};

fn main() {
    if let Err(error) = embed() {
        println!("cargo::error={}", one_line(error.as_ref()));
    }
}

fn embed() -> Result<(), Box<dyn Error>> {
    let host = directory("CARGO_MANIFEST_DIR")?;
    let workspace = host.parent().unwrap_or(Path::new(".."));
    println!("cargo::rustc-env=LOCKGATE_WASMTIME_VERSION={}", wasmtime_version(workspace)?);
    let out_dir = directory("OUT_DIR")?;
    let plugins = lockgate_build::embed_plugins(workspace, &out_dir)?;
    let sdk = lockgate_build::embed_sdk(workspace, &out_dir)?;
    for input in plugins.iter().chain(&sdk) {
        println!("cargo::rerun-if-changed={}", input.display());
    }
    Ok(())
}

fn directory(variable: &str) -> Result<PathBuf, String> {
    env::var_os(variable).map(PathBuf::from).ok_or_else(|| format!("{variable} is not set; this is run by cargo only"))
}

/// The error and its causes; cargo takes a message for whole at the end of the line.
fn one_line(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text.replace('\n', " ")
}

/// Which WebAssembly runtime is compiled in, for whoever compares it with security notices.
fn wasmtime_version(workspace: &Path) -> Result<String, String> {
    let lock = workspace.join("Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let text = std::fs::read_to_string(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    let version = text.split("name = \"wasmtime\"\nversion = \"").nth(1).and_then(|rest| rest.split('"').next());
    version.map(str::to_owned).ok_or_else(|| "Cargo.lock names no wasmtime".to_owned())
}
