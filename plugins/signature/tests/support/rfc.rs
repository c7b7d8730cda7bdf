//! The text of RFC 9421: its examples of messages, signature bases and keys.

use super::{Key, Lines};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::{Engine, engine::general_purpose::STANDARD};
use lockgate_sdk::crypto::Algorithm;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::rc::Rc;

/// The examples of the text, unwrapped (RFC 8792).
pub(crate) struct Rfc {
    text: String,
    pub(crate) blocks: Vec<String>,
}

impl Rfc {
    /// None, after saying so, where the text is not there.
    pub(crate) fn read() -> Option<Self> {
        let root = std::env::var_os("LOCKGATE_CORPORA")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"), PathBuf::from);
        let path = root.join("rfc9421/draft-ietf-httpbis-message-signatures.md");
        let Ok(text) = fs::read_to_string(&path) else {
            // Written past the test harness, which hides what passing tests print.
            let _ = writeln!(io::stderr(), "skipped: there is no {}; set LOCKGATE_CORPORA", path.display());
            return None;
        };
        let blocks = text.split("\n~~~").skip(1).step_by(2).map(unwrapped).collect();
        Some(Self { text, blocks })
    }

    /// The first example that contains a text.
    pub(crate) fn block(&self, part: &str) -> &str {
        self.blocks.iter().find(|block| block.contains(part)).unwrap_or_else(|| panic!("no example has {part}"))
    }

    pub(crate) fn keys(&self) -> BTreeMap<&'static str, Key> {
        let ecc = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.pem("EC PRIVATE KEY", 0));
        let ed25519 = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&self.pem("PRIVATE KEY", 1));
        let secret = self.block("uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBt").trim();
        BTreeMap::from([
            ("test-key-rsa", Key::Public(Algorithm::Rs256, self.pem("RSA PUBLIC KEY", 0))),
            ("test-key-rsa-pss", Key::Public(Algorithm::Ps512, self.pem("PUBLIC KEY", 0))),
            ("test-key-ecc-p256", Key::Ecdsa(Algorithm::Es256, Rc::new(ecc.unwrap()))),
            ("test-key-ed25519", Key::Ed25519(Rc::new(ed25519.unwrap()))),
            ("test-shared-secret", Key::hmac(&STANDARD.decode(secret).unwrap())),
        ])
    }

    fn pem(&self, label: &str, nth: usize) -> Vec<u8> {
        let begin = format!("-----BEGIN {label}-----");
        let rest = self.text.split(&begin).nth(nth + 1).unwrap();
        let lines = rest.split("-----END").next().unwrap();
        STANDARD.decode(lines.split_whitespace().collect::<String>()).unwrap()
    }
}

/// An example without the note on wrapping, and with each line in one.
fn unwrapped(block: &str) -> String {
    let (_, block) = block.split_once('\n').unwrap();
    let block = block.split_once("per RFC 8792\n\n").map_or(block, |(_, block)| block);
    let mut lines = block.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |whole, line| whole + line.trim_start_matches(' '))
}

/// A message of the text: its head, as facts and fields, and its body.
pub(crate) struct Example {
    pub(crate) is_request: bool,
    pub(crate) head: Lines,
    pub(crate) body: String,
}

impl Example {
    /// None where the example is no whole message.
    pub(crate) fn parse(block: &str) -> Option<Self> {
        let (head, body) = block.split_once("\n\n").unwrap_or((block, ""));
        let mut lines = head.lines();
        let first: Vec<&str> = lines.next()?.split(' ').collect();
        let mut head = match first[..] {
            ["HTTP/1.1", status, ..] => vec![(":status".to_owned(), status.to_owned())],
            [method, target, "HTTP/1.1"] => {
                let (path, query) = target.split_once('?').unwrap_or((target, ""));
                let facts = [(":method", method), (":path", path), (":query", query), (":scheme", "https")];
                facts.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
            }
            _ => return None,
        };
        let is_request = first[0] != "HTTP/1.1";
        for line in lines {
            let (name, value) = line.split_once(':')?;
            let name = if name == "Host" { ":authority".to_owned() } else { name.to_ascii_lowercase() };
            head.push((name, value.trim().to_owned()));
        }
        Some(Self { is_request, head, body: body.trim().to_owned() })
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.head.retain(|(found, _)| found != name);
        self.head.push((name.to_owned(), value.to_owned()));
    }
}
