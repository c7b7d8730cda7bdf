//! `lockgate policy keygen`: a pair of keys in the files of minisign.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use serde_json::json;

use super::super::out;
use super::{files, password};
use crate::signature::NewPair;

const EXAMPLES: &str = "\
Examples:
  lockgate policy keygen team                   asks for a password
  lockgate policy keygen ci --no-password       whoever reads ci.key can sign
  LOCKGATE_KEY_PASSWORD=... lockgate policy keygen team

The files are those of minisign: `minisign -S -s team.key -m greet.wasm` signs with them, too.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Args {
    /// Path of the two files, without `.key` and `.pub`
    #[arg(value_name = "NAME")]
    name: PathBuf,
    /// Do not encrypt the secret key
    #[arg(long, conflicts_with = "password_file")]
    no_password: bool,
    #[command(flatten)]
    password: password::Args,
    /// Print the names of the files and the public key as JSON
    #[arg(long)]
    json: bool,
}

pub(in crate::cli) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (secret, public) = (files::with_suffix(&args.name, ".key"), files::with_suffix(&args.name, ".pub"));
    for path in [&secret, &public] {
        if fs::symlink_metadata(path).is_ok() {
            bail!(
                "{} is there already, and a key that is lost cannot be made again; choose another name",
                path.display()
            );
        }
    }
    let password = if args.no_password { None } else { Some(args.password.choose()?) };
    let pair = NewPair::generate(password)?;
    files::create(&secret, 0o600, &pair.secret)?;
    files::create(&public, 0o644, &pair.public)?;
    let (key, id) = (pair.to_string(), pair.key.id().to_string());
    if args.json {
        let (secret, public) = (secret.display().to_string(), public.display().to_string());
        out::line(&json!({ "secret": secret, "public": public, "key": key, "id": id }).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    out::line(&format!("{}  signs; keep it secret", secret.display()));
    out::line(&format!("{}  verifies; give it to operators", public.display()));
    out::line("\nWho trusts it says in gateway.toml:\n");
    out::line(&format!("[trust]\nkeys = [\"{key}\"]"));
    Ok(ExitCode::SUCCESS)
}
