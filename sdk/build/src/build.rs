//! One build of some policies of a workspace.

use crate::{BuildError, TARGET, component, environment};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// What to build and where to put it.
///
/// ```no_run
/// # fn main() -> Result<(), lockgate_build::BuildError> {
/// let built = lockgate_build::Build::new("guests", "target/guests")
///     .package("guest-loop")
///     .run()?;
/// assert_eq!(built[0].name, "guest-loop");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Build {
    workspace: PathBuf,
    target_dir: PathBuf,
    profile: String,
    packages: Vec<String>,
    examples: Vec<String>,
}

/// A component that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The name of the package or example.
    pub name: String,
    /// The component.
    pub path: PathBuf,
}

impl Build {
    /// A build of the workspace (or package) in a directory, with the profile `plugin`. `target_dir` must not be the
    /// one an outer build holds locked; relative to the current directory.
    pub fn new(workspace: impl Into<PathBuf>, target_dir: impl Into<PathBuf>) -> Self {
        Self {
            workspace: workspace.into(),
            target_dir: target_dir.into(),
            profile: "plugin".to_owned(),
            packages: Vec::new(),
            examples: Vec::new(),
        }
    }

    /// Another profile than `plugin`.
    #[must_use]
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.profile = name.into();
        self
    }

    /// Build the library of a package, which must be a `cdylib`.
    #[must_use]
    pub fn package(mut self, name: impl Into<String>) -> Self {
        self.packages.push(name.into());
        self
    }

    /// Build an example of the workspace, which must be a `cdylib`.
    #[must_use]
    pub fn example(mut self, name: impl Into<String>) -> Self {
        self.examples.push(name.into());
        self
    }

    /// Build everything named, packages first, in the order given.
    ///
    /// # Errors
    /// The first fault met; see [`BuildError`].
    pub fn run(&self) -> Result<Vec<Built>, BuildError> {
        let workspace = absolute(&self.workspace)?;
        let target_dir = absolute(&self.target_dir)?;
        environment::provide_target(&workspace)?;
        self.compile(&workspace, &target_dir)?;

        let modules = target_dir.join(TARGET).join(self.profile_directory());
        let components = target_dir.join("components");
        fs::create_dir_all(&components).map_err(BuildError::writing(&components))?;
        let packages = self.packages.iter().map(|name| (name, modules.join(name.replace('-', "_"))));
        let examples = self.examples.iter().map(|name| (name, modules.join("examples").join(name.replace('-', "_"))));
        packages.chain(examples).map(|(name, module)| wrap(name, &module.with_extension("wasm"), &components)).collect()
    }

    /// Packages and examples apart, since naming an example leaves libraries out.
    fn compile(&self, workspace: &Path, target_dir: &Path) -> Result<(), BuildError> {
        let selections = [("--package", &self.packages), ("--example", &self.examples)];
        for (option, names) in selections {
            if names.is_empty() {
                continue;
            }
            let mut cargo = environment::cargo(workspace);
            cargo
                .args(["build", "--target", TARGET, "--profile", &self.profile])
                .arg("--target-dir")
                .arg(target_dir)
                .args(names.iter().flat_map(|name| [option, name]))
                .stdin(Stdio::null())
                .stdout(Stdio::null());
            if option == "--package" {
                cargo.arg("--lib");
            }
            let status = cargo.status().map_err(environment::start_error(&cargo))?;
            if !status.success() {
                return Err(BuildError::Cargo { status });
            }
        }
        Ok(())
    }

    fn profile_directory(&self) -> &str {
        match self.profile.as_str() {
            "dev" | "test" => "debug",
            "bench" => "release",
            other => other,
        }
    }
}

fn wrap(name: &str, module: &Path, components: &Path) -> Result<Built, BuildError> {
    if !module.is_file() {
        return Err(BuildError::NoModule { name: name.to_owned(), path: module.to_owned() });
    }
    let bytes = fs::read(module).map_err(BuildError::reading(module))?;
    let path = components.join(format!("{name}.wasm"));
    component::write_whole(&path, &component::encode(name, &bytes)?)?;
    Ok(Built { name: name.to_owned(), path })
}

fn absolute(path: &Path) -> Result<PathBuf, BuildError> {
    std::path::absolute(path).map_err(BuildError::reading(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_without_a_cdylib_is_a_fault_that_says_what_to_write() {
        let directory = tempfile::tempdir().unwrap();
        let error = wrap("greet", &directory.path().join("greet.wasm"), directory.path());
        let message = error.unwrap_err().to_string();
        assert!(message.contains("crate-type"), "{message}");
    }

    #[test]
    fn built_in_profiles_have_directories_of_their_own_name_or_not() {
        for (profile, directory) in [("plugin", "plugin"), ("release", "release"), ("dev", "debug")] {
            let build = Build::new(".", "target").profile(profile);
            assert_eq!(build.profile_directory(), directory);
        }
    }
}
