//! For build scripts: all policies of a folder, built and written out as a table the host includes.

use crate::{Build, BuildError, component};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// What the names of built-in packages begin with; the rest is the name of their folder.
const PACKAGE_PREFIX: &str = "lockgate-plugin-";

/// Build every `plugins/NAME` of a workspace, a package `lockgate-plugin-NAME` with a `plugin.toml`, into
/// `out_dir/plugins/NAME.wasm`.
///
/// Also writes `out_dir/builtins.rs`, which defines `BUILTINS` as name, component and text of `plugin.toml` of each.
/// Returns the files and folders the outcome depends on.
///
/// # Errors
/// The first fault met; see [`BuildError`].
pub fn embed_plugins(workspace: &Path, out_dir: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let plugins = workspace.join("plugins");
    let names = folders_with_manifest(&plugins)?;
    let mut build = Build::new(workspace, target_dir(out_dir));
    for name in &names {
        build = build.package(format!("{PACKAGE_PREFIX}{name}"));
    }
    let built = build.run()?;

    let embedded = out_dir.join("plugins");
    fs::create_dir_all(&embedded).map_err(BuildError::writing(&embedded))?;
    let mut table = String::from("pub(crate) static BUILTINS: &[(&str, &[u8], &str)] = &[\n");
    for (name, built) in names.iter().zip(&built) {
        let component = embedded.join(format!("{name}.wasm"));
        fs::copy(&built.path, &component).map_err(BuildError::writing(&component))?;
        let description = plugins.join(name).join("plugin.toml");
        // Writing to a string cannot fail.
        let _ = writeln!(table, "    ({name:?}, include_bytes!({component:?}), include_str!({description:?})),");
    }
    table.push_str("];\n");
    component::write_whole(&out_dir.join("builtins.rs"), table.as_bytes())?;

    let inputs = ["plugins", "sdk/src", "sdk/Cargo.toml", "sdk/tokens", "wit", "Cargo.toml", "Cargo.lock"];
    Ok(inputs.iter().map(|input| workspace.join(input)).collect())
}

fn folders_with_manifest(plugins: &Path) -> Result<Vec<String>, BuildError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(plugins).map_err(BuildError::reading(plugins))? {
        let path = entry.map_err(BuildError::reading(plugins))?.path();
        if let Some(name) = path.file_name().and_then(|name| name.to_str())
            && path.join("Cargo.toml").is_file()
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Beside the profiles of the outer build, so that all of them share the built policies; `cargo clean` removes it.
fn target_dir(out_dir: &Path) -> PathBuf {
    let outer = out_dir.ancestors().find(|directory| directory.join("CACHEDIR.TAG").is_file());
    outer.unwrap_or(out_dir).join("plugins")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_with_a_manifest_are_policies() {
        let plugins = tempfile::tempdir().unwrap();
        for name in ["jwt", "cors", "notes"] {
            fs::create_dir(plugins.path().join(name)).unwrap();
        }
        for name in ["jwt", "cors"] {
            fs::write(plugins.path().join(name).join("Cargo.toml"), "").unwrap();
        }
        assert_eq!(folders_with_manifest(plugins.path()).unwrap(), ["cors", "jwt"]);
    }

    #[test]
    fn policies_are_built_beside_the_profiles_of_the_outer_build() {
        let target = tempfile::tempdir().unwrap();
        let out_dir = target.path().join("release/build/host-1/out");
        fs::create_dir_all(&out_dir).unwrap();
        assert_eq!(target_dir(&out_dir), out_dir.join("plugins"));
        fs::write(target.path().join("CACHEDIR.TAG"), "").unwrap();
        assert_eq!(target_dir(&out_dir), target.path().join("plugins"));
    }
}
