//! Owns declared secrets, and finds literal ones that should not be in the policies folder.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::fault::{ConfigFault, Faults, Place};
use super::kinds::Text;
use super::section::section;
use super::tree::Tree;

/// Files larger than this hold no keys.
const LARGEST_SCANNED: usize = 1 << 20;
/// Ends of key names that hold secrets, without separators.
const SECRET_NAMES: [&str; 6] = ["secret", "password", "passphrase", "privatekey", "apikey", "accesskey"];
const PRIVATE_KEY: &str = "holds a private key";
const ADVICE: &str =
    "keep it outside the policies folder, declare it as [secret.NAME] in gateway.toml and name it in [keys.NAME]";

/// A value that lives outside the policies folder; it is read when it is needed, never here.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Secret {
    pub source: SecretSource,
    pub place: Place,
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file, usually outside the policies folder.
    File(PathBuf),
}

section! {
    /// A value that must not stand in the policies folder. Named by `[keys.NAME]` as `"secret:NAME"`.
    pub(super) struct RawSecret = "[secret.NAME]" {
        /// Environment variable that holds the value.
        optional env: Text,
        /// File that holds the value; absolute, or relative to the working directory of the gateway.
        optional file: Text,
    }
    exactly one of "env", "file";
}

impl RawSecret {
    pub(super) fn resolve(self) -> Option<Secret> {
        let source = match (self.env, self.file) {
            (Some(name), None) => SecretSource::Env(name),
            (None, Some(path)) => SecretSource::File(path.into()),
            _ => return None,
        };
        Some(Secret { source, place: self.place })
    }
}

/// Complain about a string of a policy's configuration that is a secret by the name of its key or by its look.
pub(super) fn check_text(key: &str, text: &str, place: &Place, faults: &mut Faults) {
    if private_pem(text.as_bytes()).is_some() {
        faults.push(place.fault(PRIVATE_KEY, ADVICE));
    } else if !text.is_empty() && is_secret_name(key) {
        faults.push(place.fault("is a literal secret", ADVICE));
    }
}

/// Complain about files of the tree that hold private or symmetric keys. Components are left out: code that reads keys holds the
/// words that mark them.
pub(super) fn check_files(tree: &Tree, faults: &mut Faults) {
    for (path, bytes) in tree.files() {
        let is_component = path.extension().is_some_and(|extension| extension == "wasm");
        let is_known = faults.iter().any(|fault| fault.file == path && fault.reason == PRIVATE_KEY);
        if is_component || is_known || bytes.len() > LARGEST_SCANNED {
            continue;
        }
        if let Some(offset) = private_pem(bytes) {
            let line = bytes.iter().take(offset).filter(|byte| **byte == b'\n').count() + 1;
            let fault = ConfigFault::of_file(path, PRIVATE_KEY, ADVICE);
            faults.push(ConfigFault { line: u32::try_from(line).ok(), ..fault });
        } else if is_private_jwk(bytes) {
            faults.push(ConfigFault::of_file(Path::new(path), PRIVATE_KEY, ADVICE));
        }
    }
}

fn is_secret_name(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    let plain: String = lower.chars().filter(|c| !matches!(c, '_' | '-')).collect();
    SECRET_NAMES.iter().any(|name| plain.ends_with(name))
        || lower == "token"
        || lower.ends_with("_token")
        || lower.ends_with("-token")
        || key.ends_with("Token")
}

/// Where a line `-----BEGIN ... PRIVATE KEY...-----` begins.
fn private_pem(bytes: &[u8]) -> Option<usize> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let starts = bytes.windows(BEGIN.len()).enumerate().filter(|(_, window)| *window == BEGIN);
    starts.map(|(at, _)| at).find(|at| {
        let label = bytes.get(at + BEGIN.len()..).unwrap_or_default();
        let end = label.iter().position(|byte| matches!(byte, b'-' | b'\n')).unwrap_or(label.len());
        let label = label.get(..end).unwrap_or_default();
        label.windows(b"PRIVATE KEY".len()).any(|window| window == b"PRIVATE KEY")
    })
}

fn is_private_jwk(bytes: &[u8]) -> bool {
    let looks_like_json = bytes.trim_ascii_start().first().is_some_and(|byte| matches!(byte, b'{' | b'['));
    looks_like_json && serde_json::from_slice(bytes).is_ok_and(|value: Value| holds_private_jwk(&value))
}

fn holds_private_jwk(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            let is_private = match members.get("kty").and_then(Value::as_str) {
                Some("oct") => members.contains_key("k"),
                Some(_) => members.contains_key("d"),
                None => false,
            };
            is_private || members.values().any(holds_private_jwk)
        }
        Value::Array(items) => items.iter().any(holds_private_jwk),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(path: &str, text: &str) -> Vec<ConfigFault> {
        let mut faults = Faults::new();
        check_files(&Tree::from_files([(path, text)]), &mut faults);
        faults
    }

    #[test]
    fn names_of_secrets_are_known_by_their_end() {
        for name in [
            "secret",
            "client_secret",
            "clientSecret",
            "db-password",
            "PASSPHRASE",
            "api_key",
            "apiKey",
            "private-key",
            "token",
            "access_token",
            "accessToken",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["", "secrets_from", "token_header", "tokens", "key", "public_key", "password_field", "notatoken"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn a_private_key_in_pem_is_found_with_its_line() {
        for label in [
            "PRIVATE KEY",
            "RSA PRIVATE KEY",
            "EC PRIVATE KEY",
            "ENCRYPTED PRIVATE KEY",
            "OPENSSH PRIVATE KEY",
            "PGP PRIVATE KEY BLOCK",
        ] {
            let faults = faults_of("petstore/tests/note.txt", &format!("first\n-----BEGIN {label}-----\nAAAA\n"));
            assert_eq!(faults.len(), 1, "{label}");
            assert_eq!(faults[0].line, Some(2));
        }
    }

    #[test]
    fn a_private_jwk_is_found_at_any_depth() {
        for text in [
            r#"{"kty":"EC","crv":"P-256","x":"a","y":"b","d":"c"}"#,
            r#"{"keys":[{"kty":"RSA","n":"a"},{"kty":"RSA","n":"a","d":"b"}]}"#,
            r#" [{"deep":{"kty":"oct","k":"AAAA"}}]"#,
        ] {
            assert_eq!(faults_of("idp.json", text).len(), 1, "{text}");
        }
    }

    #[test]
    fn public_keys_components_and_other_files_are_left_alone() {
        for (path, text) in [
            ("idp.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"),
            ("idp.json", r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"a"}]}"#),
            ("openapi.json", r#"{"d": 1, "paths": {}}"#),
            ("guard.wasm", "-----BEGIN PRIVATE KEY-----"),
            ("readme.md", "a PRIVATE KEY is never here, -----BEGIN nothing\nPRIVATE KEY"),
        ] {
            assert_eq!(faults_of(path, text), [], "{path}");
        }
    }

    #[test]
    fn no_fault_shows_what_it_found() {
        let faults = faults_of("k.json", r#"{"kty":"oct","k":"hunter2"}"#);
        assert!(!faults[0].to_string().contains("hunter2"));
    }
}
