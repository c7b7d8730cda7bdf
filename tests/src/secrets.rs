//! What no gateway may ever write: whatever a test was about, at its end all its gateway wrote is searched for secrets.

use std::fs;
use std::path::Path;

use crate::Folder;

/// Shorter ones are found everywhere.
const SHORTEST: usize = 7;

/// The secrets of a configuration, piece by piece, and where each was found: in what the gateway wrote, or in what it
/// keeps for its next start.
pub(crate) fn leaked(folder: &Folder, written: &str) -> Vec<String> {
    let mut leaked: Vec<_> =
        written.lines().filter(|line| has_token(line)).map(|line| format!("a token: {line}")).collect();
    let mut kept = Vec::new();
    read_all(&folder.root().join("state"), &mut kept);
    let texts = [("the log", written.as_bytes())].into_iter();
    let texts = texts.chain(kept.iter().map(|(path, text)| (path.as_str(), text.as_slice())));
    leaked.extend(texts.filter(|(_, text)| has_key(text)).map(|(place, _)| format!("a key is in {place}")));
    for (name, secret) in folder.secrets() {
        for piece in secret.lines().filter(|piece| piece.len() >= SHORTEST && !piece.starts_with("-----")) {
            if written.contains(piece) {
                leaked.push(format!("the secret `{name}` is in the log"));
            }
            let found = kept.iter().filter(|(_, text)| contains(text, piece.as_bytes()));
            leaked.extend(found.map(|(path, _)| format!("the secret `{name}` is in {path}")));
        }
    }
    let token = fs::read_to_string(folder.root().join("state/admin-token")).unwrap_or_default();
    if token.len() >= SHORTEST && written.contains(token.trim()) {
        leaked.push("the admin token is in the log".to_owned());
    }
    leaked
}

/// Whether there is a signed JSON Web Token in it: a head, claims and a signature.
fn has_token(line: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    line.match_indices("eyJ").any(|(at, _)| {
        let rest = &line[at..];
        let token = &rest[..rest.find(|letter| !is_letter(letter)).unwrap_or(rest.len())];
        let parts: Vec<_> = token.split('.').collect();
        matches!(parts[..], [head, claims, signature] if head.len() > 8 && claims.starts_with("eyJ") && signature.len() > 16)
    })
}

/// Whether there is a key of an application in it, with its secret.
fn has_key(text: &[u8]) -> bool {
    let words = text.split(|byte| !byte.is_ascii_lowercase() && !byte.is_ascii_digit() && *byte != b'_');
    words.filter(|word| word.len() > 76).any(|word| {
        let lengths: Vec<_> = word.split(|byte| *byte == b'_').map(<[u8]>::len).collect();
        lengths.windows(2).any(|pair| pair == [16, 52])
    })
}

/// What lies in a folder, but for compiled code and the admin token.
fn read_all(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && entry.file_name() != "code" => read_all(&path, found),
            Ok(kind) if kind.is_file() && entry.file_name() != "admin-token" => {
                found.extend(fs::read(&path).ok().map(|bytes| (path.display().to_string(), bytes)));
            }
            _ => {}
        }
    }
}

fn contains(text: &[u8], piece: &[u8]) -> bool {
    text.windows(piece.len()).any(|window| window == piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_known_from_what_looks_like_them() {
        let signed = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJlIHNpZ25hdHVyZQ";
        assert!(has_token(&format!("{{\"detail\":\"{signed}\"}}")));
        for harmless in ["eyJ", "eyJhbGciOiJFUzI1NiJ9", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.", "keyJ.a.b"] {
            assert!(!has_token(harmless), "{harmless}");
        }
    }

    #[test]
    fn keys_are_known_from_their_shape() {
        let key = format!("lg_live_{}_{}_0123456", "0".repeat(16), "a".repeat(52));
        assert!(has_key(format!("\0x-api-key: {key}\0").as_bytes()) && has_key(key.as_bytes()));
        let id = format!("key {} and its digest {}", "0".repeat(16), "a".repeat(64));
        assert!(!has_key(id.as_bytes()) && !has_key(b"lg_live"));
    }

    #[test]
    fn secrets_in_the_log_and_in_the_state_are_found() {
        let folder = Folder::new()
            .gateway_toml("[secret.a]\nenv = \"A\"\n[secret.b]\nfile = \"b\"\n")
            .variable("A", "hunter2hunter2");
        fs::write(folder.root().join("b"), "-----BEGIN-----\nMIIBprivate\n-----END-----\n").unwrap();
        assert!(leaked(&folder, "nothing at all").is_empty());
        assert_eq!(leaked(&folder, "x hunter2hunter2 x").len(), 1);
        fs::create_dir_all(folder.root().join("state/good")).unwrap();
        fs::write(folder.root().join("state/good/file"), "\0MIIBprivate\0").unwrap();
        assert_eq!(leaked(&folder, "").len(), 1);
    }
}
