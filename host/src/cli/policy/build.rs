//! `lockgate policy build`: from a project or a core module to a component that the gateway takes.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use lockgate_build::{Project, encode};
use serde_json::json;

use super::super::out;
use super::files;
use crate::config::LARGEST_FILE;
use crate::sandbox::{Inspection, Sandbox};

const EXAMPLES: &str = "\
Examples:
  lockgate policy build                          the project of this folder
  lockgate policy build greet -o policies/greet.wasm
  lockgate policy build module.wasm              a core module of any language: module.component.wasm

A project in Rust needs the target wasm32-unknown-unknown, one in Python componentize-py. A core module needs nothing, but a description of its types
in it, as wit-bindgen leaves it.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Args {
    /// The folder of the project, or a core module
    #[arg(default_value = ".", value_name = "DIR|X.wasm")]
    what: PathBuf,
    /// Where the component goes
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print what came of it as JSON
    #[arg(long)]
    json: bool,
}

pub(in crate::cli) fn run(args: Args) -> anyhow::Result<ExitCode> {
    // Checked before it is written to where a gateway may look.
    let (component, own) = if args.what.is_dir() {
        let project = Project::open(&args.what)?;
        (compile(&project, None)?, own_path(&project))
    } else {
        (checked(wrap(&args.what)?, &args.what, None)?, args.what.with_extension("component.wasm"))
    };
    let path = args.output.unwrap_or(own);
    files::replace(&path, &component)?;
    let inspection = Inspection::of(&component)?;
    let (path, size, digest) = (files::relative(&path), inspection.size, inspection.digest.to_string());
    if args.json {
        let path = path.display().to_string();
        let hooks = &inspection.hooks;
        out::line(&json!({ "path": path, "size": size, "digest": digest, "hooks": hooks }).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    out::line(&format!("{}  {size} B  {}", path.display(), inspection.hooks.join(", ")));
    out::line(&digest);
    Ok(ExitCode::SUCCESS)
}

/// Build a project as it is now, and put the component where `policy build` does: what is tried out and what lies there
/// are the same. `code` is where compiled code is kept.
pub(super) fn build(project: &Project, code: Option<PathBuf>) -> anyhow::Result<Vec<u8>> {
    out::progress(&format!("building {} ...", project.name()));
    let component = compile(project, code)?;
    files::replace(&own_path(project), &component)?;
    Ok(component)
}

fn own_path(project: &Project) -> PathBuf {
    project.folder().join(format!("{}.wasm", project.name()))
}

/// The component of a project, which the gateway takes.
fn compile(project: &Project, code: Option<PathBuf>) -> anyhow::Result<Vec<u8>> {
    checked(project.build()?, project.folder(), code)
}

/// The component of a core module.
fn wrap(module: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = files::read(module, LARGEST_FILE)?;
    if !bytes.starts_with(b"\0asm") {
        bail!("{} is neither a folder nor WebAssembly", module.display());
    }
    if !bytes.starts_with(b"\0asm\x01\0\0\0") {
        bail!("{} is no core module; if it is a component already, there is nothing to build", module.display());
    }
    Ok(encode(&module.display().to_string(), &bytes)?)
}

/// A component that the gateway takes, as far as that can be said without a configuration.
fn checked(component: Vec<u8>, of: &Path, code: Option<PathBuf>) -> anyhow::Result<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let built = runtime.block_on(Sandbox::new(code)?.hurried().build(&component.clone().into(), &[], 1));
    built.with_context(|| format!("what {} makes is a component, but no policy", of.display()))?;
    Ok(component)
}
