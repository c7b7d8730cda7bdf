//! The password of a secret key: from a file, the environment or the terminal, never from an argument, which others can see.

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::{Context, bail};

use super::files;

/// The variable that may hold it.
const VARIABLE: &str = "LOCKGATE_KEY_PASSWORD";

#[derive(clap::Args)]
pub(super) struct Args {
    /// The file whose first line is the password of the secret key; else $LOCKGATE_KEY_PASSWORD, else it is asked for
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl Args {
    /// The password of a key there is.
    pub(super) fn get(&self) -> anyhow::Result<String> {
        match self.given()? {
            Some(password) => Ok(password),
            None => ask("Password of the secret key: "),
        }
    }

    /// The password for a new key.
    pub(super) fn choose(&self) -> anyhow::Result<String> {
        let password = match self.given()? {
            Some(password) => password,
            None => {
                let password = ask("Password for the new secret key: ")?;
                if ask("The same once more: ")? != password {
                    bail!("the two are not the same");
                }
                password
            }
        };
        if password.is_empty() {
            bail!("the password is empty; --no-password makes a key that needs none");
        }
        Ok(password)
    }

    fn given(&self) -> anyhow::Result<Option<String>> {
        if let Some(path) = &self.password_file {
            return Ok(Some(files::read_text(path)?.lines().next().unwrap_or_default().to_owned()));
        }
        match std::env::var_os(VARIABLE) {
            Some(value) => Ok(Some(value.into_string().ok().with_context(|| format!("{VARIABLE} is no text"))?)),
            None => Ok(None),
        }
    }
}

fn ask(prompt: &str) -> anyhow::Result<String> {
    if !std::io::stdin().is_terminal() {
        bail!(
            "the secret key has a password, and here is no terminal to ask for it; set {VARIABLE} or --password-file"
        );
    }
    rpassword::prompt_password(prompt).context("no password could be read")
}
