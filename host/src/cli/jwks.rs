//! `lockgate jwks`: the public half of a generated key, for whoever checks what it signs.

use std::path::PathBuf;
use std::process::ExitCode;

use super::generated::Generated;
use super::{DEFAULT_FOLDER, out};
use crate::keys::file;

const EXAMPLES: &str = "\
Examples:
  lockgate jwks > gateway.jwks.json         give it to those who verify what the gateway signs
  lockgate jwks --policies own --key out

Of a key in `[keys.NAME] private` the public half is made by: openssl pkey -in FILE -pubout";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder with gateway.toml and the APIs
    #[arg(long, default_value = DEFAULT_FOLDER, value_name = "DIR")]
    policies: PathBuf,
    /// Which [keys.NAME] with `generate`; needed only if there are several
    #[arg(long)]
    key: Option<String>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Some(Generated { key, .. }) = Generated::find(&args.policies, args.key.as_deref(), file::load)? else {
        return Ok(ExitCode::FAILURE);
    };
    out::line(&key.public_jwks());
    Ok(ExitCode::SUCCESS)
}
