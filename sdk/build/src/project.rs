//! A policy in a folder of its own, as its author builds it, and modules of any language.

use crate::{BuildError, TARGET, component, dependencies, environment, python};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The profile authors are given by the template, and cargo by itself.
const PROFILE: &str = "release";

/// The project of one policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    folder: PathBuf,
    name: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Rust {
        /// As cargo tells packages apart.
        id: String,
        library: String,
        target_dir: PathBuf,
    },
    Python,
}

impl Project {
    /// The package whose `Cargo.toml` or `pyproject.toml` lies in this folder. In Rust it may be a member of a
    /// workspace.
    ///
    /// # Errors
    /// [`BuildError::NoProject`] where there is none, [`BuildError::NoModule`] where its library is no `cdylib`; see
    /// [`BuildError`].
    pub fn open(folder: &Path) -> Result<Self, BuildError> {
        let (cargo, python) = (folder.join("Cargo.toml"), folder.join(python::MANIFEST));
        match (cargo.is_file(), python.is_file()) {
            (true, _) => Self::open_rust(&cargo),
            (false, true) => {
                let folder = fs::canonicalize(folder).map_err(BuildError::reading(folder))?;
                Ok(Self { name: python::name(&python)?, folder, kind: Kind::Python })
            }
            (false, false) => Err(BuildError::NoProject { path: folder.to_owned() }),
        }
    }

    fn open_rust(manifest: &Path) -> Result<Self, BuildError> {
        let manifest = fs::canonicalize(manifest).map_err(BuildError::reading(manifest))?;
        let folder = manifest.parent().unwrap_or(Path::new("/")).to_owned();
        let Metadata { packages, target_directory, .. } = metadata(&folder, &["--no-deps"])?;
        let package = packages.into_iter().find(|package| package.manifest_path == manifest);
        let package = package.ok_or_else(|| BuildError::NoProject { path: folder.clone() })?;
        let library = package.targets.into_iter().find(|target| target.crate_types.iter().any(|kind| kind == "cdylib"));
        let library = library.ok_or_else(|| BuildError::NoModule { name: package.name.clone(), path: manifest })?;
        let kind = Kind::Rust { id: package.id, library: library.name, target_dir: target_directory };
        Ok(Self { folder, name: package.name, kind })
    }

    /// The name of the package.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its manifest lies, whatever links led there.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Make a component of it. One in Rust is compiled in its release profile, and lists what it is built from.
    ///
    /// # Errors
    /// The first fault met; see [`BuildError`].
    pub fn build(&self) -> Result<Vec<u8>, BuildError> {
        match &self.kind {
            Kind::Rust { id, library, target_dir } => self.build_rust(id, library, target_dir),
            Kind::Python => python::build(&self.folder, &self.name),
        }
    }

    fn build_rust(&self, id: &str, library: &str, target_dir: &Path) -> Result<Vec<u8>, BuildError> {
        environment::provide_target(&self.folder)?;
        let mut cargo = environment::cargo(&self.folder);
        cargo.args(["build", "--lib", "--target", TARGET, "--profile", PROFILE, "--package", &self.name]);
        cargo.arg("--target-dir").arg(target_dir).stdin(Stdio::null()).stdout(Stdio::null());
        let status = cargo.status().map_err(environment::start_error(&cargo))?;
        if !status.success() {
            return Err(BuildError::Cargo { status });
        }
        let module = target_dir.join(TARGET).join(PROFILE).join(format!("{library}.wasm"));
        let module = fs::read(&module).map_err(BuildError::reading(module))?;
        let all = metadata(&self.folder, &["--filter-platform", TARGET])?;
        component::encode(&self.name, &dependencies::listed(module, &all, id)?)
    }
}

/// What is of interest in `cargo metadata`.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    target_directory: PathBuf,
    resolve: Option<Resolve>,
}

#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) source: Option<String>,
    manifest_path: PathBuf,
    pub(crate) targets: Vec<Target>,
}

#[derive(Deserialize)]
pub(crate) struct Target {
    name: String,
    pub(crate) kind: Vec<String>,
    crate_types: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<EdgeKind>,
}

#[derive(Deserialize)]
struct EdgeKind {
    kind: Option<String>,
}

impl Metadata {
    /// What a package depends on, and for what: to run (none), `build` or `dev`.
    pub(crate) fn edges(&self, from: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
        let nodes = self.resolve.iter().flat_map(|resolve| &resolve.nodes);
        let edges = nodes.filter(move |node| node.id == from).flat_map(|node| &node.deps);
        edges.flat_map(|edge| edge.dep_kinds.iter().map(|kind| (edge.pkg.as_str(), kind.kind.as_deref())))
    }
}

/// Ask cargo about the packages around a folder.
fn metadata(folder: &Path, options: &[&str]) -> Result<Metadata, BuildError> {
    let mut cargo = environment::cargo(folder);
    cargo.args(["metadata", "--format-version", "1"]).args(options).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = cargo.output().map_err(environment::start_error(&cargo))?;
    if !output.status.success() {
        return Err(BuildError::Cargo { status: output.status });
    }
    serde_json::from_slice(&output.stdout).map_err(|source| BuildError::Metadata { source })
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
        let Kind::Rust { library, .. } = &project.kind else { panic!("{project:?}") };
        assert_eq!((project.name(), library.as_str()), ("my-greet", "hello"));
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
