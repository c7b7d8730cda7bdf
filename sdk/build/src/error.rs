//! Why no components came out, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// Why a build gave no components.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The compiler has no standard library for the target, and it could not be added.
    #[error(
        "Rust cannot compile for wasm32-unknown-unknown here and adding the target failed: type `rustup target add \
         wasm32-unknown-unknown`, or, where Rust is not managed by rustup, install your distribution's package of the Rust standard library \
         for wasm32"
    )]
    TargetMissing,

    /// A program could not be started.
    #[error("cannot run `{program}`: see that Rust is installed and `{program}` is on the PATH")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },

    /// The nested cargo failed; its messages are on standard error.
    #[error("`cargo build` of the policies failed ({status}): its messages stand above")]
    Cargo {
        /// How it ended.
        status: ExitStatus,
    },

    /// There is no package where one was expected.
    #[error(
        "{path} is no project of a policy: it has no Cargo.toml with a [package] and no pyproject.toml; `lockgate policy new NAME` writes one"
    )]
    NoProject {
        /// The folder.
        path: PathBuf,
    },

    /// The name in a manifest cannot be that of a policy.
    #[error("{path} names it {name:?}: write letters, digits, `-`, `_` and `.`, and none of the last three first")]
    Name {
        /// The manifest.
        path: PathBuf,
        /// The name.
        name: String,
    },

    /// What makes components of Python is not installed.
    #[error(
        "componentize-py is neither in .venv nor on the PATH: in the folder of the project, type `python3 -m venv .venv && \
         .venv/bin/pip install componentize-py==0.25.1`"
    )]
    NoComponentizePy,

    /// componentize-py failed; its messages are on standard error.
    #[error(
        "componentize-py failed ({status}): its messages stand above; `python3 -m unittest` says what is wrong with the Python"
    )]
    ComponentizePy {
        /// How it ended.
        status: ExitStatus,
    },

    /// Cargo describes packages in a way that is not understood.
    #[error("the answer of `cargo metadata` cannot be read")]
    Metadata {
        /// What is missing.
        source: serde_json::Error,
    },

    /// A manifest or lock file is no TOML.
    #[error("{path} cannot be read")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Why.
        source: toml::de::Error,
    },

    /// Cargo succeeded without making the module.
    #[error("`{name}` makes no module (see {path}): set `crate-type = [\"cdylib\", \"rlib\"]` in its Cargo.toml")]
    NoModule {
        /// The package or example.
        name: String,
        /// Where the module was expected.
        path: PathBuf,
    },

    /// The module is no policy.
    #[error(
        "`{name}` cannot be made a component: {reason}; see that it exports hooks of the contract (in Rust `lockgate_sdk::export!`) and \
         imports nothing else"
    )]
    Component {
        /// The package or example.
        name: String,
        /// What the encoder objected to.
        reason: String,
    },

    /// A file could not be read or written.
    #[error("cannot {action} {path}")]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl BuildError {
    pub(crate) fn reading(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        Self::file("read", path.into())
    }

    pub(crate) fn writing(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        Self::file("write", path.into())
    }

    fn file(action: &'static str, path: PathBuf) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { action, path, source }
    }
}
