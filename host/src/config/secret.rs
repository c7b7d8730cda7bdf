//! Owns declared secrets, and finds literal ones that should not be in the policies folder.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::fault::{ConfigFault, Faults, Place};
use super::kinds::Text;
use super::section::section;
use super::tree::Tree;
use crate::signature::SealedKey;

/// Files larger than this hold no keys.
const LARGEST_SCANNED: usize = 1 << 20;
/// Ends of the names of secrets, in small letters, without separators and without the `s` of a plural.
const SECRET_NAMES: [&str; 11] = [
    "secret",
    "secretkey",
    "signingkey",
    "encryptionkey",
    "privatekey",
    "apikey",
    "accesskey",
    "password",
    "passwd",
    "passphrase",
    "credential",
];
/// Members only private keys have (RFC 7518 section 6).
const PRIVATE_MEMBERS: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];
const PRIVATE_KEY: &str = "holds a private key";
const UNREADABLE_KEY: &str = "holds keys and is not JSON, so that nobody can tell whether they are private";
const ADVICE: &str = "keep it outside the policies folder, declare it as [secret.NAME] in gateway.toml and write `secret:NAME` where it is used";

/// A value that lives outside the policies folder; it is read when it is needed, never here.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Secret {
    pub source: SecretSource,
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
    /// A value that must not stand in the policies folder. Named as `"secret:NAME"`.
    pub(super) struct RawSecret = "[secret.NAME]" {
        /// Environment variable that holds the value.
        optional env: Text,
        /// File that holds the value, at most 256 KiB; absolute, or relative to the working directory of the gateway.
        /// One line end at its end is not part of the value.
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
        Some(Secret { source })
    }
}

/// Complain about a value of a policy's configuration that is a secret by the names it stands under or by its look.
pub(super) fn check_value(names: &[&str], value: &Value, place: &Place, faults: &mut Faults) {
    let (text, is_number) = match value {
        Value::String(text) if !text.is_empty() => (text.as_str(), false),
        Value::Number(_) => ("", true),
        _ => return,
    };
    if private_pem(text.as_bytes()).is_some() || private_jwk(text.as_bytes()) == Some(PRIVATE_KEY) {
        faults.push(place.fault(PRIVATE_KEY, ADVICE));
    } else if is_secret(names, is_number) || is_credential(names, text) {
        faults.push(place.fault("is a literal secret", ADVICE));
    }
}

/// Complain about a policy's configuration that holds a private or symmetric JWK written in TOML.
pub(super) fn check_json(config: &Value, place: &Place, faults: &mut Faults) {
    if holds_private_jwk(config) {
        faults.push(place.fault(PRIVATE_KEY, ADVICE));
    }
}

/// Complain about files of the tree, beyond what is known, that hold private or symmetric keys. Components, whatever
/// their names, are left out: code that reads keys holds the words that mark them.
pub(super) fn check_files(tree: &Tree, known: &Faults, faults: &mut Faults) {
    for (path, bytes) in tree.files() {
        let is_component = bytes.starts_with(b"\0asm");
        let is_known = known.iter().any(|fault| fault.file == path && fault.reason == PRIVATE_KEY);
        if is_component || is_known || bytes.len() > LARGEST_SCANNED {
            continue;
        }
        if let Some(offset) = private_pem(bytes) {
            let line = bytes.iter().take(offset).filter(|byte| **byte == b'\n').count() + 1;
            let fault = ConfigFault::of_file(path, PRIVATE_KEY, ADVICE);
            faults.push(ConfigFault { line: u32::try_from(line).ok(), ..fault });
        } else if let Some(reason) = private_jwk(bytes) {
            let advice = if reason == PRIVATE_KEY { ADVICE } else { "correct its syntax, or move it away" };
            faults.push(ConfigFault::of_file(Path::new(path), reason, advice));
        } else if std::str::from_utf8(bytes).is_ok_and(|text| text.parse::<SealedKey>().is_ok()) {
            let advice = "keep it where components are signed, not where they run";
            faults.push(ConfigFault::of_file(path, "holds a secret key of minisign", advice));
        }
    }
}

/// Whether names, from the outermost on, say that the value under them is a secret. Below a table that is named so all
/// strings are, but not the names of where a secret is. Settings of tokens are many (`max_tokens = 5`, `token = {
/// header = ".." }`), so these say less.
fn is_secret(names: &[&str], is_number: bool) -> bool {
    let Some((last, outer)) = names.split_last() else { return false };
    match *last {
        "env" | "file" => false,
        "value" if outer.iter().any(|name| is_secret_name(name) || is_token_name(name)) => true,
        last if is_secret_name(last) => true,
        last if is_token_name(last) => !is_number,
        _ => !is_number && outer.iter().any(|name| is_secret_name(name)),
    }
}

/// Whether what stands under this name is likely to be a secret.
pub(crate) fn sounds_secret(name: &str) -> bool {
    is_secret_name(name) || is_token_name(name)
}

/// Separators, capitals and the plural make no other name.
fn is_secret_name(name: &str) -> bool {
    let plain: String = name.to_ascii_lowercase().chars().filter(|c| !matches!(c, '_' | '-')).collect();
    let one = plain.strip_suffix('s').unwrap_or(&plain);
    SECRET_NAMES.iter().any(|end| one.ends_with(end))
}

fn is_token_name(name: &str) -> bool {
    let one = name.strip_suffix(['s', 'S']).unwrap_or(name);
    let lower = one.to_ascii_lowercase();
    lower == "token" || lower.ends_with("_token") || lower.ends_with("-token") || one.ends_with("Token")
}

/// A field for credentials with a scheme and something after it.
fn is_credential(names: &[&str], text: &str) -> bool {
    let is_field = names.last().is_some_and(|name| name.to_ascii_lowercase().ends_with("authorization"));
    is_field && text.split_whitespace().nth(1).is_some()
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

/// What is wrong with a text that may be JSON with keys. One that marks keys and cannot be read is not taken to be
/// harmless.
fn private_jwk(bytes: &[u8]) -> Option<&'static str> {
    const KEY_TYPE: &[u8] = b"\"kty\"";
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    if !matches!(bytes.first(), Some(b'{' | b'[')) {
        return None;
    }
    match serde_json::from_slice(bytes) {
        Ok(value) => holds_private_jwk(&value).then_some(PRIVATE_KEY),
        Err(_) => bytes.windows(KEY_TYPE.len()).any(|window| window == KEY_TYPE).then_some(UNREADABLE_KEY),
    }
}

fn holds_private_jwk(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            let is_private = match members.get("kty").and_then(Value::as_str) {
                Some("oct") => members.contains_key("k"),
                Some(_) => PRIVATE_MEMBERS.iter().any(|name| members.contains_key(*name)),
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
        check_files(&Tree::from_files([(path, text)]), &Faults::new(), &mut faults);
        faults
    }

    #[test]
    fn names_of_secrets_are_known_by_their_end() {
        for name in [
            "secret",
            "client_secret",
            "clientSecrets",
            "db-password",
            "passwd",
            "PASSPHRASE",
            "api_key",
            "apiKeys",
            "private-key",
            "secret_key",
            "signingKey",
            "credentials",
        ] {
            assert!(is_secret_name(name), "{name}");
            assert!(is_secret(&[name], true) && is_secret(&[name, "value"], false) && is_secret(&[name, "eu"], false));
            assert!(!is_secret(&[name, "env"], false) && !is_secret(&[name, "file"], false), "{name}");
        }
        for name in ["token", "tokens", "access_token", "accessTokens"] {
            assert!(is_secret(&[name], false) && is_secret(&[name, "value"], false), "{name}");
            assert!(!is_secret(&[name], true) && !is_secret(&[name, "header"], false), "{name}");
        }
        for name in ["", "secrets_from", "token_header", "key", "keys", "public_key", "password_field", "notatoken"] {
            assert!(!is_secret(&[name], false), "{name}");
        }
    }

    #[test]
    fn credentials_of_a_field_are_a_secret() {
        for text in ["Bearer abc", "basic YTpi", "Custom x y"] {
            assert!(is_credential(&["set", "Authorization"], text), "{text}");
        }
        assert!(!is_credential(&["field"], "Bearer abc") && !is_credential(&["authorization"], "remove"));
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
            "\u{feff}{\"kty\":\"oct\",\"k\":\"AAAA\"}",
            r#"{"kty":"RSA","n":"a","p":"b"}"#,
            r#"{"kty":"oct","k":"AAAA",}"#,
        ] {
            assert_eq!(faults_of("idp.json", text).len(), 1, "{text}");
            assert_eq!(faults_of("idp.wasm", text).len(), 1, "a name makes no component: {text}");
        }
    }

    #[test]
    fn public_keys_components_and_other_files_are_left_alone() {
        for (path, text) in [
            ("idp.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"),
            ("idp.json", r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"a"}]}"#),
            ("openapi.json", r#"{"d": 1, "paths": {}}"#),
            ("guard.txt", "\0asm-----BEGIN PRIVATE KEY-----"),
            ("broken.json", r#"{"d": "#),
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
