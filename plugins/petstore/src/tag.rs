//! Entity tags and the conditional requests made with them (RFC 9110 sections 8.8.3 and 13.1).

use lockgate_sdk::Head;
use lockgate_sdk::crypto::{self, HashAlgorithm};

/// Bytes of the digest in a tag: enough that nobody finds two pets with one tag.
const DIGEST_BYTES: usize = 16;

/// A strong entity tag, with its quotes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EntityTag(String);

impl EntityTag {
    /// The tag of a representation.
    pub(crate) fn of(representation: &[u8]) -> Self {
        let mut digest = crypto::hash(HashAlgorithm::Sha256, representation);
        digest.truncate(DIGEST_BYTES);
        Self(format!("\"{}\"", hex(&digest)))
    }

    /// The tag as it stands in `ETag`.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `If-Match` is absent or holds; weak tags never match it.
    pub(crate) fn admits_change(&self, head: &Head<'_>) -> bool {
        head.get("if-match").is_none()
            || head.all("if-match").any(|list| lists(list, |tag, is_weak| !is_weak && tag == self.0.as_bytes()))
    }

    /// Whether `If-None-Match` names the tag.
    pub(crate) fn is_known(&self, head: &Head<'_>) -> bool {
        head.all("if-none-match").any(|list| lists(list, |tag, _| tag == self.0.as_bytes()))
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a list is `*` or one of its tags `is_meant`; reading ends at the first thing that is no tag.
fn lists(list: &[u8], is_meant: impl Fn(&[u8], bool) -> bool) -> bool {
    let mut rest = list.trim_ascii();
    if rest == b"*" {
        return true;
    }
    while !rest.is_empty() {
        let (tag, is_weak) = match rest.strip_prefix(b"W/") {
            Some(tag) => (tag, true),
            None => (rest, false),
        };
        let end = match tag.split_first() {
            Some((b'"', opaque)) => opaque.iter().position(|byte| *byte == b'"'),
            _ => None,
        };
        let Some(end) = end else { return false };
        let (tag, after) = tag.split_at(end + 2);
        if is_meant(tag, is_weak) {
            return true;
        }
        let Some(after) = after.trim_ascii_start().strip_prefix(b",") else {
            return false;
        };
        rest = after.trim_ascii_start();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockgate_sdk::testing::Facts;

    #[test]
    fn conditions_compare_tags_as_the_standard_says() {
        let tag = EntityTag("\"a,b\"".to_owned());
        let cases = [
            ("*", true, true),
            ("\"a,b\"", true, true),
            ("W/\"a,b\"", false, true),
            ("\"x\" , \"a,b\"", true, true),
            ("\"x\",W/\"a,b\",\"y\"", false, true),
            ("\"x\"", false, false),
            ("a,b", false, false),
            ("\"a,b", false, false),
            ("\"x\" \"a,b\"", false, false),
            ("", false, false),
        ];
        for (list, strong, weak) in cases {
            let facts = Facts::request().field("if-match", list).field("if-none-match", list).build();
            assert_eq!(tag.admits_change(&facts.head()), strong, "{list}");
            assert_eq!(tag.is_known(&facts.head()), weak, "{list}");
        }
    }

    #[test]
    fn without_conditions_everything_goes_on() {
        let facts = Facts::request().build();
        let tag = EntityTag::of(b"{}");
        assert!(tag.admits_change(&facts.head()) && !tag.is_known(&facts.head()));
        assert_ne!(tag, EntityTag::of(b"{ }"));
    }
}
