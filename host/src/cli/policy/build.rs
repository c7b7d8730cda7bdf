//! `lockgate policy build`: from a project or a core module to a component that the gateway takes.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use lockgate_build::{Built, Project, wrap_module};
use serde_json::json;

use super::super::out;
use super::{component, files};
use crate::sandbox::{Inspection, Sandbox};

const EXAMPLES: &str = "\
Examples:
  lockgate policy build                          the project of this folder
  lockgate policy build greet -o policies/greet.wasm
  lockgate policy build module.wasm              a core module of any language: module.component.wasm

It needs Rust and its target: `rustup target add wasm32-unknown-unknown`. A core module needs nothing, but a description of its types
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
    let built = if args.what.is_dir() {
        Project::open(&args.what)?.build(args.output.as_deref())?
    } else {
        wrap(&args.what, args.output.as_deref())?
    };
    let bytes = files::read(&built.path, component::LARGEST)?;
    check(&bytes).with_context(|| format!("{} is a component, but no policy", built.path.display()))?;
    let inspection = Inspection::of(&bytes)?;
    let (path, size, digest) = (relative(&built.path), inspection.size, format!("sha256:{}", inspection.digest));
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

fn wrap(module: &Path, output: Option<&Path>) -> anyhow::Result<Built> {
    let bytes = files::read(module, component::LARGEST)?;
    if !bytes.starts_with(b"\0asm") {
        bail!("{} is neither a folder nor WebAssembly", module.display());
    }
    if !bytes.starts_with(b"\0asm\x01\0\0\0") {
        bail!("{} is no core module; if it is a component already, there is nothing to build", module.display());
    }
    let own = module.with_extension("component.wasm");
    Ok(wrap_module(module, output.unwrap_or(&own))?)
}

/// Whether the gateway would take it, as far as that can be said without a configuration.
fn check(component: &[u8]) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(Sandbox::new(None)?.build(component, &[]))?;
    Ok(())
}

/// The path as somebody would type it here.
fn relative(path: &Path) -> PathBuf {
    let here = std::env::current_dir().and_then(std::fs::canonicalize);
    here.ok().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path).to_owned()
}
