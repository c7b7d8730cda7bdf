//! A policy in Python: componentize-py makes the component, out of the modules beside `pyproject.toml` and the world in `wit/`.

use crate::BuildError;
use serde::Deserialize;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) const MANIFEST: &str = "pyproject.toml";

const TOOL: &str = "componentize-py";

/// The module with the classes the contract calls.
const APP: &str = "app";

#[derive(Deserialize)]
struct Manifest {
    project: Package,
}

#[derive(Deserialize)]
struct Package {
    name: String,
}

/// The name of the package.
pub(crate) fn name(manifest: &Path) -> Result<String, BuildError> {
    let text = fs::read_to_string(manifest).map_err(BuildError::reading(manifest))?;
    let read = toml::from_str::<Manifest>(&text);
    let name = read.map_err(|source| BuildError::Manifest { path: manifest.to_owned(), source })?.project.name;
    // It becomes that of a file.
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if name.starts_with(|first: char| first.is_ascii_alphanumeric()) && name.chars().all(plain) {
        return Ok(name);
    }
    Err(BuildError::Name { path: manifest.to_owned(), name })
}

/// The component. It is made without WASI: what Python asks of a machine that is not there ends the call.
pub(crate) fn build(folder: &Path, name: &str) -> Result<Vec<u8>, BuildError> {
    let made = folder.join("build");
    fs::create_dir_all(&made).map_err(BuildError::writing(&made))?;
    let made = made.join(format!("{name}.wasm"));
    let mut tool = Command::new(tool(folder));
    tool.args(["--quiet", "--wit-path", "wit", "componentize", "--stub-wasi", APP, "--output"]).arg(&made);
    tool.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
    let status = tool.status().map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => BuildError::NoComponentizePy,
        _ => BuildError::Start { program: TOOL.to_owned(), source },
    })?;
    if !status.success() {
        return Err(BuildError::ComponentizePy { status });
    }
    fs::read(&made).map_err(BuildError::reading(made))
}

/// Of the project's own environment, of the one that is active, or of the PATH.
fn tool(folder: &Path) -> PathBuf {
    let environments = [Some(folder.join(".venv")), env::var_os("VIRTUAL_ENV").map(PathBuf::from)];
    let tools = environments.into_iter().flatten().map(|environment| environment.join("bin").join(TOOL));
    tools.into_iter().find(|tool| tool.is_file()).unwrap_or_else(|| TOOL.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_would_lead_elsewhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join(MANIFEST);
        for (written, expected) in
            [("my-greet", true), ("a", true), ("../x", false), ("", false), ("a/b", false), (".x", false)]
        {
            fs::write(&manifest, format!("[project]\nname = \"{written}\"\n")).unwrap();
            assert_eq!(name(&manifest).is_ok(), expected, "{written}");
        }
        fs::write(&manifest, "[project]\n").unwrap();
        assert!(name(&manifest).is_err());
    }
}
