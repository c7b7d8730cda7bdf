//! Owns `respond` of a route: an answer that is always the same.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::fault::{At, Faults, Place, complained_below, quoted};
use super::kinds::{Integer, Kind, Placed, Text, read_text};
use super::reader::Node;
use super::section::section;
use super::tree::{Tree, TreeFile};
use super::units::show_size;
use crate::exchange::hygiene::is_forbidden_edit;

/// Longest body.
const LARGEST_BODY: usize = 1 << 20;
/// Most header fields.
const MOST_FIELDS: usize = 64;
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// An answer that is always the same.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Respond {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The file of the policies folder that is the body, if one is.
    pub file: Option<PathBuf>,
}

section! {
    /// An answer that is always the same. The request hooks of the chain come before it, the response hooks after it.
    pub(super) struct RawRespond = "respond" {
        /// Its status.
        default status: Integer<200, 599> = 200,
        /// Header fields; a list gives a field several times. Those of the connection and of framing are the gateway's.
        repeated headers: FieldTable,
        /// The body, as text. None where there is no `file` either.
        optional body: Placed<Text>,
        /// The body, as a file of the API's folder, at most 1 MiB.
        optional file: Placed<Text>,
        /// The media type of the body; required with `file`, and with `body` `text/plain; charset=utf-8` when absent.
        optional content_type: Placed<FieldValue>,
    }
}

impl RawRespond {
    pub(super) fn resolve(self, tree: &Tree, faults: &mut Faults) -> Option<Respond> {
        if let (Some(_), Some(file)) = (&self.body, &self.file) {
            faults.push(file.place.fault("is a second body", "keep `body` or `file`"));
        }
        let is_bodiless = matches!(self.status, 204 | 205 | 304);
        if let Some(place) = self.body.as_ref().or(self.file.as_ref()).map(|body| &body.place)
            && is_bodiless
        {
            faults.push(place.fault(format!("goes with the status {}, which has no body", self.status), "remove it"));
        }
        let (has_body, has_file) = (self.body.is_some(), self.file.is_some());
        let is_faulty = |key| complained_below(faults, &self.place.below(key));
        let (may_have_body, may_have_type) = (is_faulty("body") || is_faulty("file"), is_faulty("content_type"));
        match &self.content_type {
            Some(given) if !has_body && !has_file && !may_have_body => {
                faults.push(given.place.fault("has no meaning without a body", "remove it"));
            }
            None if has_file && !may_have_type => {
                let place = self.place.below("content_type");
                faults
                    .push(place.fault("is missing", "write the media type of the file, \"text/html; charset=utf-8\""));
            }
            _ => {}
        }
        let (body, file) = match (self.body, self.file) {
            (Some(text), _) => (Bytes::from(text.value), None),
            (None, Some(file)) => {
                let file = find_body(&file, tree, faults)?;
                (file.content.bytes(), Some(file.path))
            }
            (None, None) => (Bytes::new(), None),
        };
        let mut headers = HeaderMap::with_capacity(self.headers.len() + 1);
        let content_type = self.content_type.map(|given| given.value).or(has_body.then_some(PLAIN));
        headers.extend(content_type.map(|value| (CONTENT_TYPE, value)));
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        let status = u16::try_from(self.status).ok().and_then(|status| StatusCode::from_u16(status).ok())?;
        Some(Respond { status, headers, body, file })
    }
}

/// A file of the folder the route stands in: an API shows nothing of others.
fn find_body(At { value, place }: &At<String>, tree: &Tree, faults: &mut Faults) -> Option<TreeFile> {
    let folder = place.file.parent().unwrap_or(Path::new(""));
    let Some(file) = tree.file(folder, value).filter(|file| file.path.starts_with(folder)) else {
        let reason = format!("names {}, which is no file of the API's folder", quoted(value));
        faults.push(place.fault(reason, "write the path of one, relative to the folder of this file"));
        return None;
    };
    if file.content.len() > LARGEST_BODY {
        let reason = format!("is larger than {}", show_size(LARGEST_BODY as u64));
        faults.push(place.fault(reason, "make it smaller, or let a server give it"));
        return None;
    }
    Some(file)
}

/// Header fields by name, each with a value or several.
pub(super) struct FieldTable;

impl Kind for FieldTable {
    type Out = Vec<(HeaderName, HeaderValue)>;

    fn describe() -> String {
        "a table of header fields, `{ retry-after = \"120\", link = [\"</a>\", \"</b>\"] }`".to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self::Out> {
        let Some(table) = node.as_table() else {
            node.mistaken(&Self::describe(), faults);
            return None;
        };
        let mut fields: Self::Out = Vec::new();
        for (name, node) in table.entries() {
            let Some(name) = field_name(name, &node.place, faults) else { continue };
            if fields.iter().any(|(other, _)| *other == name) {
                faults.push(node.place.fault("is there twice, in other letters", "keep one of them"));
                continue;
            }
            match node.as_items() {
                Some(items) => fields.extend(items.iter().filter_map(|item| {
                    let value = FieldValue::read(item, faults)?;
                    Some((name.clone(), value))
                })),
                None => fields.extend(FieldValue::read(&node, faults).map(|value| (name, value))),
            }
        }
        if fields.len() > MOST_FIELDS {
            faults.push(node.place.fault(format!("has more than {MOST_FIELDS} fields"), "remove some"));
        }
        Some(fields)
    }
}

fn field_name(text: &str, place: &Place, faults: &mut Faults) -> Option<HeaderName> {
    let (reason, advice) = match text.parse::<HeaderName>() {
        Err(_) => ("is no name of a header field", "use letters, digits and `-`"),
        Ok(name) if name == CONTENT_TYPE => ("has a key of its own", "write it as `content_type` beside `headers`"),
        Ok(name) if is_forbidden_edit(name.as_str()) => {
            ("belongs to the connection or to framing, which are the gateway's", "remove it")
        }
        Ok(name) => return Some(name),
    };
    faults.push(place.fault(reason, advice));
    None
}

/// The value of a header field.
pub(super) struct FieldValue;

impl Kind for FieldValue {
    type Out = HeaderValue;

    fn describe() -> String {
        "a string fit for a header field".to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<HeaderValue> {
        read_text(node, &Self::describe(), faults, |text| text.parse().ok())
    }
}
