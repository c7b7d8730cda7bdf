//! Structured fields (RFC 9651) beyond what the library has: fields of several lines, and dictionaries whose keys are unique.

use lockgate_sdk::Head;
use serde::Deserialize;
use sfv::visitor::{DictionaryVisitor, EntryVisitor};
use sfv::{Dictionary, FieldType, Item, KeyRef, List, ListEntry, ListSerializer, Parser};
use std::fmt;

/// The type of a structured field, which its value does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Item,
    List,
    Dictionary,
}

impl Kind {
    /// The one form a value of this type has (RFC 9651 section 4.1); none if it is not of this type.
    pub(crate) fn canonical(self, value: &[u8]) -> Option<String> {
        let parser = Parser::new(value);
        match self {
            Self::Item => Some(parser.parse::<Item>().ok()?.serialize()),
            Self::List => Some(parser.parse::<List>().ok()?.serialize().unwrap_or_default()),
            Self::Dictionary => Some(parser.parse::<Dictionary>().ok()?.serialize().unwrap_or_default()),
        }
    }
}

/// All lines of a field as one value (RFC 9110 section 5.3), each without outer spaces; none where there is no line.
pub(crate) fn combined(head: &Head<'_>, name: &str) -> Option<Vec<u8>> {
    let mut lines = head.all(name).map(<[u8]>::trim_ascii);
    let mut value = lines.next()?.to_vec();
    for line in lines {
        value.extend_from_slice(b", ");
        value.extend_from_slice(line);
    }
    Some(value)
}

/// A dictionary in which a key that is there twice is a fault. In general the last one counts, which a reader further on may
/// do otherwise.
pub(crate) fn unique_dictionary(value: &[u8]) -> Option<Dictionary> {
    Parser::new(value).parse_dictionary_with_visitor(Unique(Dictionary::new())).ok()
}

/// A member of a dictionary or a list in its one form.
pub(crate) fn member(entry: &ListEntry) -> Option<String> {
    let mut serializer = ListSerializer::new();
    serializer.members([entry]);
    serializer.finish()
}

struct Unique(Dictionary);

/// A key is there twice.
#[derive(Debug)]
struct Repeated;

impl fmt::Display for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key is there twice")
    }
}

impl std::error::Error for Repeated {}

impl<'de> DictionaryVisitor<'de> for Unique {
    type Out = Dictionary;
    type Error = Repeated;

    fn entry(&mut self, key: &'de KeyRef) -> Result<impl EntryVisitor<'de>, Repeated> {
        if self.0.contains_key(key) {
            return Err(Repeated);
        }
        DictionaryVisitor::entry(&mut self.0, key).map_err(|never| match never {})
    }

    fn finish(self) -> Result<Dictionary, Repeated> {
        Ok(self.0)
    }
}

#[cfg(test)]
mod corpus;

#[cfg(test)]
mod tests {
    use super::*;
    use lockgate_sdk::testing::Facts;

    #[test]
    fn lines_are_joined_in_order_and_without_outer_spaces() {
        let facts = Facts::request().field("a", " 1 ").field("b", "x").field("A", "").field("a", "\t2").build();
        assert_eq!(combined(&facts.head(), "a"), Some(b"1, , 2".to_vec()));
        assert_eq!(combined(&facts.head(), "c"), None);
    }

    #[test]
    fn a_key_that_is_there_twice_is_a_fault() {
        assert_eq!(unique_dictionary(b"a=1, b=(x y);z").unwrap().len(), 2);
        assert!(unique_dictionary(b"").unwrap().is_empty());
        for value in ["a=1, b, a=1", "a, a", "a=(1), a=(1)", "a=1,", "A=1", "a=\u{e9}"] {
            assert!(unique_dictionary(value.as_bytes()).is_none(), "{value}");
        }
    }

    #[test]
    fn a_value_has_one_form_by_its_type() {
        let value = b"a=1,    b=2;x=1;y=2,   c=(a   b   c), d";
        assert_eq!(Kind::Dictionary.canonical(value).unwrap(), "a=1, b=2;x=1;y=2, c=(a b c), d");
        assert_eq!(Kind::List.canonical(b"a,  (b  c)").unwrap(), "a, (b c)");
        assert_eq!(Kind::Item.canonical(b"1.50;  a").unwrap(), "1.5;a");
        assert_eq!(Kind::Item.canonical(b"1, 2"), None);
        assert_eq!(Kind::List.canonical(b"a=1"), None);
        assert_eq!(Kind::List.canonical(b"").unwrap(), "");
    }
}
