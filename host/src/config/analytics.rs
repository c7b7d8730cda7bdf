//! Owns `[analytics]` of gateway.toml: whether requests are kept account of, and where policies say who asks.

use super::fault::Faults;
use super::kinds::{Kind, Shown, read_text};
use super::reader::Node;
use super::section::section;

/// Longest name of an attribute, in bytes.
const LONGEST: usize = 128;

/// How requests are kept account of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Analytics {
    /// The attribute that names the consumer.
    pub consumer: String,
    /// The attribute that names the application.
    pub application: String,
}

section! {
    /// Account of all requests: how many, how fast, with which errors, by operation and by consumer. Where this table stands,
    /// though it be empty, they are counted in the state directory, and `lockgate report` and `lockgate dashboard` answer questions about them.
    pub(super) struct RawAnalytics = "[analytics]" {
        /// The attribute in which policies say which consumer asks.
        default consumer: Attribute = "auth.consumer".to_owned(),
        /// The attribute in which policies say with which application.
        default application: Attribute = "auth.application".to_owned(),
    }
}

impl RawAnalytics {
    pub(super) fn resolve(self) -> Analytics {
        Analytics { consumer: self.consumer, application: self.application }
    }
}

/// The name of an attribute.
pub(super) struct Attribute;

impl Kind for Attribute {
    type Out = String;

    fn describe() -> String {
        "the name of an attribute, such as `auth.consumer`: lower-case letters, digits and `._-`".to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<String> {
        let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        read_text(node, &Self::describe(), faults, |text| {
            let is_name = (1..=LONGEST).contains(&text.len()) && text.bytes().all(fine);
            is_name.then(|| text.to_owned())
        })
    }
}

impl Shown for Attribute {
    fn show(value: &String) -> String {
        format!("\"{value}\"")
    }
}
