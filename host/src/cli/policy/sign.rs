//! `lockgate policy sign`: a detached signature of a component.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use serde_json::json;

use super::super::out;
use super::{files, password};
use crate::config::LARGEST_FILE;
use crate::sandbox::Inspection;
use crate::signature::{SealedKey, Signature, beside};

/// Longest comment minisign reads back.
const LONGEST_COMMENT: usize = 8000;

const EXAMPLES: &str = "\
Examples:
  lockgate policy sign greet.wasm --key team.key
  lockgate policy sign greet.wasm --key team.key --comment 'reviewed by Ann, 2.1'

The signature goes into greet.wasm.minisig, which belongs beside the component in the policies folder.
`minisign -V -p team.pub -m greet.wasm` verifies it, too.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Args {
    /// The component
    component: PathBuf,
    /// The file of the secret key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// What to say about it, signed too; by default time and name of the file
    #[arg(long, value_parser = comment)]
    comment: Option<String>,
    #[command(flatten)]
    password: password::Args,
    /// Print the name of the signature's file and the id of the key as JSON
    #[arg(long)]
    json: bool,
}

pub(in crate::cli) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let bytes = files::read(&args.component, LARGEST_FILE)?;
    // A signature says that somebody stands for it; nobody stands for half a file.
    Inspection::of(&bytes).with_context(|| format!("{} is not signed", args.component.display()))?;
    let cannot = || format!("{} cannot be used to sign", args.key.display());
    let sealed: SealedKey = files::read_text(&args.key)?.parse().with_context(cannot)?;
    let password = if sealed.is_encrypted() { args.password.get()? } else { String::new() };
    let key = sealed.open(password).with_context(cannot)?;
    let name = args.component.file_name().unwrap_or_default().to_string_lossy();
    let comment = match args.comment {
        Some(comment) => comment,
        None => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
            format!("timestamp:{now}\tfile:{}\thashed", name.escape_debug())
        }
    };
    let text = key.sign(&bytes, &comment)?;
    let signature: Signature = text.parse()?;
    let path = beside(&args.component);
    files::replace(&path, text.as_bytes())?;
    let (path, id) = (path.display().to_string(), signature.id().to_string());
    match args.json {
        true => out::line(&json!({ "signature": path, "key_id": id, "comment": comment }).to_string()),
        false => out::line(&format!("{path}  by the key {id}")),
    }
    Ok(ExitCode::SUCCESS)
}

fn comment(text: &str) -> Result<String, String> {
    if text.len() > LONGEST_COMMENT || text.chars().any(char::is_control) {
        return Err(format!("write one line of at most {LONGEST_COMMENT} bytes"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::comment;

    #[test]
    fn a_comment_is_one_line() {
        assert!(comment("reviewed by Ann").is_ok());
        for text in ["two\nlines", "a\u{1b}[31m", &"x".repeat(9000)] {
            assert!(comment(text).is_err(), "{text}");
        }
    }
}
