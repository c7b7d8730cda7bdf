//! Digests of content (RFC 9530): what a message says of its body, and what is said of one.

use crate::component::CONTENT_DIGEST;
use crate::refusal::Refusal;
use crate::structured;
use base64::{Engine, engine::general_purpose::STANDARD};
use lockgate_sdk::crypto::{self, HashAlgorithm};
use lockgate_sdk::{Direction, Head};
use serde::Deserialize;
use sfv::{Dictionary, ListEntry, Parser};

const MALFORMED: Refusal = Refusal::Malformed("digest_malformed", "the digest of the content is malformed");
const MISSING: Refusal =
    Refusal::NotAccepted("digest_missing", "there is no digest of the content by SHA-256 or SHA-512");
const MISMATCH: Refusal = Refusal::Malformed("digest_mismatch", "the content is not that of the digest");

/// An algorithm that still counts (RFC 9530 section 5); the others are insecure or no digests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum Algorithm {
    #[default]
    #[serde(rename = "sha-256")]
    Sha256,
    #[serde(rename = "sha-512")]
    Sha512,
}

impl Algorithm {
    const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    fn key(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha512 => "sha-512",
        }
    }

    fn hash(self, body: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => crypto::hash(HashAlgorithm::Sha256, body),
            Self::Sha512 => crypto::hash(HashAlgorithm::Sha512, body),
        }
    }

    /// The value of `Content-Digest` for a body.
    pub(crate) fn field(self, body: &[u8]) -> String {
        format!("{}=:{}:", self.key(), STANDARD.encode(self.hash(body)))
    }
}

/// The value of `Content-Digest` in a head, all lines of it, found to hold a digest that counts.
pub(crate) fn stated(head: &Head<'_>) -> Result<String, Refusal> {
    let value = structured::combined(head, CONTENT_DIGEST).ok_or(MISSING)?;
    let value = String::from_utf8(value).map_err(|_| MALFORMED)?;
    parse(&value).map(|_| value)
}

/// Compare a body with what a head stated. Every digest that counts has to be right.
pub(crate) fn compare(stated: &str, body: &[u8]) -> Result<(), Refusal> {
    let is_right = |(algorithm, digest): &(Algorithm, Vec<u8>)| algorithm.hash(body) == *digest;
    if parse(stated)?.iter().all(is_right) { Ok(()) } else { Err(MISMATCH) }
}

/// The digests that count; at least one.
fn parse(value: &str) -> Result<Vec<(Algorithm, Vec<u8>)>, Refusal> {
    let dictionary: Dictionary = Parser::new(value).parse().map_err(|_| MALFORMED)?;
    let mut digests = Vec::new();
    for algorithm in Algorithm::ALL {
        match dictionary.get(algorithm.key()) {
            None => {}
            Some(ListEntry::Item(item)) => {
                digests.push((algorithm, item.bare_item.as_byte_sequence().ok_or(MALFORMED)?.to_vec()));
            }
            Some(ListEntry::InnerList(_)) => return Err(MALFORMED),
        }
    }
    if digests.is_empty() { Err(MISSING) } else { Ok(digests) }
}

/// Whether a message has a body, as its head tells. The hook for bodies is not called where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    None,
    Some,
    /// The head does not say: it may end with itself, or a body of unknown length may follow.
    Unknown,
}

impl Content {
    pub(crate) fn of(direction: Direction, head: &Head<'_>) -> Self {
        let is_without = direction == Direction::Response
            && (head.method() == Some("HEAD") || matches!(head.status(), Some(204 | 304)));
        if is_without {
            return Self::None;
        }
        match head.text("content-length").map(str::parse::<u64>) {
            Some(Ok(0)) => Self::None,
            Some(Ok(_)) => Self::Some,
            Some(Err(_)) | None => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockgate_sdk::testing::Facts;

    const HELLO: &[u8] = b"{\"hello\": \"world\"}\n";

    fn check(value: &str, body: &[u8]) -> Result<(), Refusal> {
        let facts = Facts::request().field("content-digest", value).build();
        compare(&stated(&facts.head())?, body)
    }

    #[test]
    fn the_digests_of_rfc_9530_are_right() {
        let sha256 = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
        let sha512 =
            "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:";
        assert_eq!(Algorithm::Sha256.field(HELLO), sha256);
        assert_eq!(Algorithm::Sha512.field(HELLO), sha512);
        for value in
            [sha256.to_owned(), sha512.to_owned(), format!("{sha256}, {sha512}"), format!("md5=:AA==:, {sha256}")]
        {
            assert_eq!(check(&value, HELLO), Ok(()), "{value}");
            assert_eq!(check(&value, b""), Err(MISMATCH), "{value}");
        }
    }

    #[test]
    fn every_digest_that_counts_has_to_be_right() {
        let right = Algorithm::Sha256.field(HELLO);
        let wrong = Algorithm::Sha512.field(b"");
        assert_eq!(check(&format!("{right}, {wrong}"), HELLO), Err(MISMATCH));
        assert_eq!(check(&format!("{wrong}, {right}"), HELLO), Err(MISMATCH));
    }

    #[test]
    fn what_does_not_count_is_no_digest_and_what_is_no_bytes_malformed() {
        for value in ["", "md5=:AA==:", "sha=:AA==:", "unixsum=30637", "crc32c=:AA==:, adler=:AA==:"] {
            assert_eq!(check(value, b""), Err(MISSING), "{value}");
        }
        for value in ["sha-256", "sha-256=AA", "sha-256=\"AA\"", "sha-256=(:AA==:)", "sha-256=:!:", "SHA-256=:AA==:"] {
            assert_eq!(check(value, b""), Err(MALFORMED), "{value}");
        }
        assert_eq!(stated(&Facts::request().build().head()), Err(MISSING));
    }

    #[test]
    fn a_head_tells_whether_a_body_follows_or_leaves_it_open() {
        let of = |direction, facts: Facts| Content::of(direction, &facts.build().head());
        let length = |length: &str| Facts::request().field("content-length", length);
        assert_eq!(of(Direction::Request, length("0")), Content::None);
        assert_eq!(of(Direction::Request, length("7")), Content::Some);
        assert_eq!(of(Direction::Request, length("x")), Content::Unknown);
        assert_eq!(of(Direction::Request, Facts::request().method("HEAD")), Content::Unknown);
        assert_eq!(of(Direction::Response, length("7").method("HEAD")), Content::None);
        assert_eq!(of(Direction::Response, length("7").status(304)), Content::None);
        assert_eq!(of(Direction::Response, length("7").status(200)), Content::Some);
    }
}
