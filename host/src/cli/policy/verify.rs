//! `lockgate policy verify`: whether a component is what somebody signed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;

use super::super::out;
use super::files;
use crate::config::LARGEST_FILE;
use crate::signature::{PublicKey, Signature, beside};

const EXAMPLES: &str = "\
Examples:
  lockgate policy verify greet.wasm --key team.pub
  lockgate policy verify greet.wasm --key RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3
  lockgate policy verify greet.wasm --key team.pub --signature reviews/greet.minisig";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Args {
    /// The component
    component: PathBuf,
    /// The public key, or a file with it
    #[arg(long, value_name = "FILE|RW...")]
    key: String,
    /// The file of the signature; by default the component's name and `.minisig`
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(in crate::cli) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let bytes = files::read(&args.component, LARGEST_FILE)?;
    let key = public_key(&args.key)?;
    let path = args.signature.unwrap_or_else(|| beside(&args.component));
    let signature = signature(&path)?;
    let verified = key.verify(&bytes, &signature);
    // A comment is as little to be believed as the signature it came with.
    let comment = verified.is_ok().then(|| signature.comment());
    if args.json {
        let (id, fault) = (signature.id().to_string(), verified.as_ref().err().map(ToString::to_string));
        out::line(&json!({ "ok": verified.is_ok(), "key_id": id, "comment": comment, "fault": fault }).to_string());
    } else if let Err(error) = &verified {
        out::error(&format!("{} by {}: {error}", args.component.display(), path.display()));
    } else {
        out::line(&format!("{} is what the key {} signed.", args.component.display(), signature.id()));
        out::line(&format!("It says: {}", out::plain(comment.unwrap_or_default())));
    }
    Ok(if verified.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A key as it is written, or that of a file.
pub(super) fn public_key(text: &str) -> anyhow::Result<PublicKey> {
    if let Ok(key) = text.parse() {
        return Ok(key);
    }
    let cannot = || format!("`{text}` is neither a public key (RW...) nor a file with one");
    files::read_text(Path::new(text)).with_context(cannot)?.parse().with_context(cannot)
}

pub(super) fn signature(path: &Path) -> anyhow::Result<Signature> {
    files::read_text(path)?.parse().with_context(|| format!("{} cannot be used", path.display()))
}
