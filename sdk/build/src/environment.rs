//! What a nested cargo may inherit, and whether the compiler can build for the target.

use crate::{BuildError, TARGET};
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Guests need little stack, and each instance pays for it in memory to be cleared.
const STACK_SIZE: &str = "-zstack-size=65536";

/// Variables of an outer build that would change an inner one, by their beginning.
const BUILD_SETTINGS: &[&str] = &[
    "CARGO_BUILD_",
    "CARGO_CFG_",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_FEATURE_",
    "CARGO_INCREMENTAL",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_PROFILE_",
    "CARGO_TARGET_",
    "CARGO_UNSTABLE_",
    "CLIPPY_ARGS",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
    "__CARGO",
];

/// A `cargo` that runs in `workspace` as if started by hand, with the flags policies are compiled with.
pub(crate) fn cargo(workspace: &Path) -> Command {
    let mut command = tool("CARGO", "cargo", workspace);
    for (name, _) in env::vars_os() {
        if is_build_setting(&name) {
            command.env_remove(&name);
        }
    }
    command.env("CARGO_ENCODED_RUSTFLAGS", rustflags(workspace));
    command
}

/// See that the compiler knows the target, adding it by `rustup` if not.
pub(crate) fn provide_target(workspace: &Path) -> Result<(), BuildError> {
    if has_target(workspace)? {
        return Ok(());
    }
    let added =
        Command::new("rustup").args(["target", "add", TARGET]).current_dir(workspace).stdout(Stdio::null()).status();
    match added {
        Ok(status) if status.success() && has_target(workspace)? => Ok(()),
        _ => Err(BuildError::TargetMissing),
    }
}

/// The error for a command that could not be started.
pub(crate) fn start_error(command: &Command) -> impl FnOnce(std::io::Error) -> BuildError {
    let program = command.get_program().to_string_lossy().into_owned();
    move |source| BuildError::Start { program, source }
}

fn has_target(workspace: &Path) -> Result<bool, BuildError> {
    let mut command = tool("RUSTC", "rustc", workspace);
    command.args(["--print", "target-libdir", "--target", TARGET]);
    let output = command.output().map_err(start_error(&command))?;
    let directory = String::from_utf8_lossy(&output.stdout);
    Ok(output.status.success() && Path::new(directory.trim_end()).is_dir())
}

fn tool(variable: &str, otherwise: &str, workspace: &Path) -> Command {
    let mut command = Command::new(env::var_os(variable).unwrap_or_else(|| otherwise.into()));
    command.current_dir(workspace);
    command
}

/// Vector instructions are on: the engine has them on every machine. Paths of the machine are kept out of the modules,
/// so that equal sources give equal components.
fn rustflags(workspace: &Path) -> OsString {
    let mut flags = OsString::from("-Ctarget-feature=+simd128\x1f-Clink-arg=");
    flags.push(STACK_SIZE);
    for (path, name) in [(Some(workspace.to_owned()), "/policy"), (cargo_home(), "/cargo")] {
        if let Some(path) = path {
            flags.push("\x1f--remap-path-prefix=");
            flags.push(path);
            flags.push("=");
            flags.push(name);
        }
    }
    flags
}

fn cargo_home() -> Option<PathBuf> {
    env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| env::home_dir().map(|home| home.join(".cargo")))
}

fn is_build_setting(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    BUILD_SETTINGS.iter().any(|beginning| name.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_outer_build_are_dropped_and_those_of_the_user_kept() {
        for name in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_BUILD_TARGET",
            "CARGO_TARGET_DIR",
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
            "CARGO_PROFILE_RELEASE_LTO",
            "RUSTC_WRAPPER",
            "RUSTC_WORKSPACE_WRAPPER",
        ] {
            assert!(is_build_setting(OsStr::new(name)), "{name}");
        }
        for name in ["CARGO", "CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_MAKEFLAGS", "PATH", "RUSTUP_TOOLCHAIN"] {
            assert!(!is_build_setting(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn flags_allow_vectors_set_the_stack_and_hide_the_workspace() {
        let flags = rustflags(Path::new("/some where")).to_string_lossy().into_owned();
        let flags: Vec<_> = flags.split('\x1f').collect();
        assert_eq!(flags[0], "-Ctarget-feature=+simd128");
        assert_eq!(flags[1], "-Clink-arg=-zstack-size=65536");
        assert_eq!(flags[2], "--remap-path-prefix=/some where=/policy");
    }
}
