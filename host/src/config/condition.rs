//! Owns how conditions on header fields and on the query are written: tables of names with a value or `true`.

use http::HeaderName;

use crate::route::{Condition, HeaderCondition, QueryCondition, Wanted};

use super::fault::Faults;
use super::kinds::{Kind, read_text};
use super::reader::Node;

/// Header fields with what is wanted of them.
pub(super) struct HeaderConditions;

impl Kind for HeaderConditions {
    type Out = Vec<HeaderCondition>;

    fn describe() -> String {
        "a table of header fields, `{ x-env = \"beta\", x-debug = true }`".to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self::Out> {
        let Some(table) = node.as_table() else {
            node.mistaken(&Self::describe(), faults);
            return None;
        };
        let mut conditions: Self::Out = Vec::new();
        for (name, node) in table.entries() {
            let Ok(name) = name.parse::<HeaderName>() else {
                faults.push(node.place.fault("is no name of a header field", "use letters, digits and `-`"));
                continue;
            };
            if conditions.iter().any(|other| other.name == name) {
                faults.push(node.place.fault("is there twice, in other letters", "keep one of them"));
            }
            let wanted = wanted(&node, "a string fit for a header field, or `true`", faults, |text| text.parse().ok());
            conditions.extend(wanted.map(|wanted| Condition { name, wanted }));
        }
        Some(conditions)
    }
}

/// Parameters of the query with what is wanted of them.
pub(super) struct QueryConditions;

impl Kind for QueryConditions {
    type Out = Vec<QueryCondition>;

    fn describe() -> String {
        "a table of parameters, `{ version = \"2\", debug = true }`".to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self::Out> {
        let Some(table) = node.as_table() else {
            node.mistaken(&Self::describe(), faults);
            return None;
        };
        let condition = |(name, node): (&str, Node<'_>)| {
            let wanted = wanted(&node, "a string or `true`", faults, |text| Some(text.into()))?;
            Some(Condition { name: name.into(), wanted })
        };
        Some(table.entries().into_iter().filter_map(condition).collect())
    }
}

/// A value, or `true` for any.
fn wanted<V>(
    node: &Node<'_>,
    expected: &str,
    faults: &mut Faults,
    parse: impl FnOnce(&str) -> Option<V>,
) -> Option<Wanted<V>> {
    match node.as_bool() {
        Some(true) => Some(Wanted::Present),
        _ => read_text(node, expected, faults, parse).map(Wanted::Exactly),
    }
}
