//! A policy in a folder of its own, as its author builds it, and modules of any language.

use crate::{BuildError, TARGET, component, environment};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The profile authors are given by the template, and cargo by itself.
const PROFILE: &str = "release";

/// The package of one policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    folder: PathBuf,
    package: String,
    library: String,
    target_dir: PathBuf,
}

impl Project {
    /// The package whose `Cargo.toml` lies in this folder; it may be a member of a workspace.
    ///
    /// # Errors
    /// [`BuildError::NoProject`] where there is none, [`BuildError::NoModule`] where its library is no `cdylib`; see [`BuildError`].
    pub fn open(folder: &Path) -> Result<Self, BuildError> {
        let manifest = folder.join("Cargo.toml");
        if !manifest.is_file() {
            return Err(BuildError::NoProject { path: folder.to_owned() });
        }
        let manifest = fs::canonicalize(&manifest).map_err(BuildError::reading(&manifest))?;
        let folder = manifest.parent().unwrap_or(Path::new("/")).to_owned();
        let mut cargo = environment::cargo(&folder);
        cargo.args(["metadata", "--no-deps", "--format-version", "1"]).stdin(Stdio::null()).stderr(Stdio::inherit());
        let output = cargo.output().map_err(environment::start_error(&cargo))?;
        if !output.status.success() {
            return Err(BuildError::Cargo { status: output.status });
        }
        let Metadata { packages, target_directory } =
            serde_json::from_slice(&output.stdout).map_err(|source| BuildError::Metadata { source })?;
        let package = packages.into_iter().find(|package| package.manifest_path == manifest);
        let package = package.ok_or_else(|| BuildError::NoProject { path: folder.clone() })?;
        let library = package.targets.into_iter().find(|target| target.crate_types.iter().any(|kind| kind == "cdylib"));
        let library = library.ok_or_else(|| BuildError::NoModule { name: package.name.clone(), path: manifest })?;
        Ok(Self { folder, package: package.name, library: library.name, target_dir: target_directory })
    }

    /// The name of the package.
    pub fn name(&self) -> &str {
        &self.package
    }

    /// Where its `Cargo.toml` lies, whatever links led there.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Compile it in its release profile, and make a component of it.
    ///
    /// # Errors
    /// The first fault met; see [`BuildError`].
    pub fn build(&self) -> Result<Vec<u8>, BuildError> {
        environment::provide_target(&self.folder)?;
        let mut cargo = environment::cargo(&self.folder);
        cargo.args(["build", "--lib", "--target", TARGET, "--profile", PROFILE, "--package", &self.package]);
        cargo.arg("--target-dir").arg(&self.target_dir).stdin(Stdio::null()).stdout(Stdio::null());
        let status = cargo.status().map_err(environment::start_error(&cargo))?;
        if !status.success() {
            return Err(BuildError::Cargo { status });
        }
        let module = self.target_dir.join(TARGET).join(PROFILE).join(format!("{}.wasm", self.library));
        let module = fs::read(&module).map_err(BuildError::reading(module))?;
        component::encode(&self.package, &module)
    }
}

/// What is of interest in `cargo metadata`.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(library: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let manifest = format!("[package]\nname = \"my-greet\"\nedition = \"2024\"\n[workspace]\n{library}");
        fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        fs::write(folder.path().join("src/lib.rs"), "").unwrap();
        folder
    }

    #[test]
    fn the_library_of_a_project_may_have_a_name_of_its_own() {
        let folder = folder("[lib]\nname = \"hello\"\ncrate-type = [\"cdylib\", \"rlib\"]\n");
        let project = Project::open(folder.path()).unwrap();
        assert_eq!((project.name(), project.library.as_str()), ("my-greet", "hello"));
    }

    #[test]
    fn a_folder_that_is_no_project_and_a_library_that_is_no_module_are_faults_that_say_what_to_do() {
        let empty = tempfile::tempdir().unwrap();
        let message = Project::open(empty.path()).unwrap_err().to_string();
        assert!(message.contains("lockgate policy new"), "{message}");
        let message = Project::open(folder("").path()).unwrap_err().to_string();
        assert!(message.contains("crate-type"), "{message}");
    }
}
