//! The values of components (RFC 9421 sections 2.1 to 2.4), taken from the head of a message.

use crate::component::{Component, Form, Source};
use crate::origin::{Origin, without_usual_port};
use crate::structured::{self, Kind};
use base64::{Engine, engine::general_purpose::STANDARD};
use lockgate_sdk::{Head, names::FieldName};
use sfv::{Dictionary, Parser};
use std::collections::BTreeMap;

/// The types of structured fields, which the operator knows.
pub(crate) type Kinds = BTreeMap<FieldName, Kind>;

/// Values of components of a request, by identifier, for the signature over its response.
pub(crate) type RequestValues = BTreeMap<String, String>;

/// A message as a signature sees it.
pub(crate) struct Message<'a> {
    pub(crate) head: &'a Head<'a>,
    /// Where it goes, if the head does not say so.
    pub(crate) origin: Option<&'a Origin>,
    pub(crate) kinds: &'a Kinds,
    /// Of the request that it answers.
    pub(crate) request: &'a RequestValues,
}

/// A component that the message does not have, or has in a form that cannot be covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAvailable;

impl Message<'_> {
    /// Append the value of a component.
    pub(crate) fn write(&self, component: &Component, out: &mut String) -> Result<(), NotAvailable> {
        if component.is_of_request() {
            out.push_str(self.request.get(component.identifier()).ok_or(NotAvailable)?);
            return Ok(());
        }
        self.write_own(component.source(), out).ok_or(NotAvailable)
    }

    /// The values of those components that are of the request, where this is the request.
    pub(crate) fn request_values<'c>(&self, components: impl Iterator<Item = &'c Component>) -> RequestValues {
        let components = components.filter(|component| component.is_of_request());
        let values = components.filter_map(|component| {
            let mut value = String::new();
            self.write_own(component.source(), &mut value)?;
            Some((component.identifier().to_owned(), value))
        });
        values.collect()
    }

    fn write_own(&self, source: &Source, out: &mut String) -> Option<()> {
        match source {
            Source::Method => self.write_fact(":method", out)?,
            Source::Scheme => out.push_str(self.scheme()?),
            Source::Authority => out.push_str(&self.authority()?),
            Source::TargetUri => {
                out.push_str(self.scheme()?);
                out.push_str("://");
                out.push_str(&self.authority()?);
                self.write_target(out)?;
            }
            Source::RequestTarget => self.write_target(out)?,
            Source::Path => self.write_fact(":path", out)?,
            Source::Query => {
                out.push('?');
                if self.head.get(":query").is_some() {
                    self.write_fact(":query", out)?;
                }
            }
            Source::QueryParam(name) => out.push_str(&query_parameter(self.head.query()?, name)?),
            Source::Status => self.write_fact(":status", out)?,
            Source::Field { name, form } => self.write_field(name, form, out)?,
        }
        Some(())
    }

    fn write_fact(&self, name: &str, out: &mut String) -> Option<()> {
        push_printable(self.head.get(name)?, out)
    }

    fn scheme(&self) -> Option<&str> {
        match self.origin {
            Some(origin) => Some(&origin.scheme),
            None => self.head.text(":scheme"),
        }
    }

    fn authority(&self) -> Option<String> {
        if let Some(origin) = self.origin {
            return Some(origin.authority.clone());
        }
        let authority = self.head.text(":authority")?.to_ascii_lowercase();
        Some(without_usual_port(self.scheme()?, &authority).to_owned())
    }

    fn write_target(&self, out: &mut String) -> Option<()> {
        self.write_fact(":path", out)?;
        if self.head.get(":query").is_some() {
            out.push('?');
            self.write_fact(":query", out)?;
        }
        Some(())
    }

    fn write_field(&self, name: &FieldName, form: &Form, out: &mut String) -> Option<()> {
        if *form == Form::Wrapped {
            return self.write_wrapped(name.as_str(), out);
        }
        let value = unfolded(structured::combined(self.head, name.as_str())?);
        match form {
            Form::Combined => push_printable(&value, out)?,
            Form::Strict => out.push_str(&self.kinds.get(name)?.canonical(&value)?),
            Form::Member(key) => {
                let dictionary: Dictionary = Parser::new(&value).parse().ok()?;
                out.push_str(&structured::member(dictionary.get(key.as_str())?)?);
            }
            Form::Wrapped => {}
        }
        Some(())
    }

    fn write_wrapped(&self, name: &str, out: &mut String) -> Option<()> {
        let mut lines = self.head.all(name).peekable();
        lines.peek()?;
        for (at, line) in lines.enumerate() {
            out.push_str(if at == 0 { ":" } else { ", :" });
            STANDARD.encode_string(unfolded(line.trim_ascii().to_vec()), out);
            out.push(':');
        }
        Some(())
    }
}

/// Obsolete line folding (RFC 9112 section 5.2) becomes a single space.
fn unfolded(value: Vec<u8>) -> Vec<u8> {
    if !value.contains(&b'\n') {
        return value;
    }
    let mut lines = value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut out = lines.next().unwrap_or_default().to_vec();
    for line in lines {
        out.push(b' ');
        out.extend_from_slice(line);
    }
    out
}

/// A signature base is printable ASCII, and its lines are its own (section 2.5).
fn push_printable(value: &[u8], out: &mut String) -> Option<()> {
    let is_printable = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
    let text = std::str::from_utf8(value).ok().filter(|_| value.iter().all(is_printable))?;
    out.push_str(text);
    Some(())
}

/// The encoded value of the one parameter with this encoded name (section 2.2.8); none if there are more.
fn query_parameter(query: &str, name: &str) -> Option<String> {
    let mut found = form_urlencoded::parse(query.as_bytes()).filter(|(found, _)| encoded(found) == name);
    let (_, value) = found.next()?;
    // What is not UTF-8 has been replaced, and could be something else as well.
    let is_exact = !value.contains(char::REPLACEMENT_CHARACTER);
    (is_exact && found.next().is_none()).then(|| encoded(&value))
}

/// "Percent-encode after encoding" of the URL standard, which has no `+` for spaces.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests;
