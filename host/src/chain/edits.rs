//! What a policy may change, decided once at load, and changing it: all of a verdict's edits or none.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::facts::covers;
use super::names::{BadWrite, Names};
use crate::exchange::path::Target;
use crate::exchange::{Body, Exchange};
use crate::sandbox::{self, Edits, Interest, PluginFault, fields};

/// Bytes a policy can carry from one hook to the next.
const MAX_STATE: usize = 4 * 1024;
/// Entries of one verdict's edits.
const MAX_ENTRIES: usize = 256;
const MAX_ATTRIBUTE_NAME: usize = 128;
const MAX_ATTRIBUTE_VALUE: usize = 4 * 1024;

/// What the hooks of one direction may change.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    fields: Names,
    attributes: Vec<Box<str>>,
    target: bool,
    status: bool,
    respond: bool,
}

/// The part of a message edits apply to.
pub(crate) enum Head<'a> {
    Request(&'a mut HeaderMap),
    Response(&'a mut HeaderMap, &'a mut StatusCode),
}

impl Writes {
    pub(crate) fn request(interest: &Interest) -> Result<Self, BadWrite> {
        Ok(Self {
            fields: Names::writable(interest.request_write.iter())?,
            attributes: attributes(interest),
            target: interest.may_set_target,
            status: false,
            respond: interest.may_respond,
        })
    }

    pub(crate) fn response(interest: &Interest) -> Result<Self, BadWrite> {
        Ok(Self {
            fields: Names::writable(interest.response_write.iter())?,
            attributes: attributes(interest),
            target: false,
            status: interest.may_set_status,
            respond: interest.may_respond,
        })
    }

    /// Whether a hook with these can change nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.attributes.is_empty() && !self.target && !self.status && !self.respond
    }

    /// Apply a verdict's edits: checked whole before anything is changed. Returns the state to carry, if it is new.
    pub(crate) fn apply(
        &self,
        edits: Edits,
        exchange: &mut Exchange,
        head: Head<'_>,
    ) -> Result<Option<Vec<u8>>, PluginFault> {
        let target = self.check(&edits, &head)?;
        if !exchange.set_attributes(fields::entries(&edits.attributes).flatten()) {
            return Err(PluginFault::Answer("too many attributes on one exchange".into()));
        }
        let (headers, status) = match head {
            Head::Request(headers) => (headers, None),
            Head::Response(headers, status) => (headers, Some(status)),
        };
        for (name, _) in self.permitted(&edits.remove) {
            headers.remove(name);
        }
        for (at, (name, value)) in self.permitted(&edits.set).enumerate() {
            // Of several entries with one name, the first replaces what was there and the others join it.
            if fields::entries(&edits.set).flatten().take(at).any(|(known, _)| known == name.as_str().as_bytes()) {
                headers.append(name, value);
            } else {
                headers.insert(name, value);
            }
        }
        for (name, value) in self.permitted(&edits.append) {
            headers.append(name, value);
        }
        if let Some(target) = target {
            exchange.target = target;
        }
        if let (Some(status), Some(new)) = (status, edits.status.and_then(|code| StatusCode::from_u16(code).ok())) {
            *status = new;
        }
        Ok(edits.state)
    }

    /// Build the response a policy answered with.
    pub(crate) fn answer(&self, response: sandbox::Response) -> Result<http::Response<Body>, PluginFault> {
        if !self.respond {
            return Err(PluginFault::Answer("it responded, which it did not declare".into()));
        }
        answer(response)
    }

    fn check(&self, edits: &Edits, head: &Head<'_>) -> Result<Option<Target>, PluginFault> {
        let mut entries = 0;
        for list in [&edits.remove, &edits.set, &edits.append] {
            for entry in fields::entries(list) {
                let (name, value) = entry.map_err(|error| PluginFault::Answer(error.to_string()))?;
                entries += 1;
                if self.fields.permit(name).is_none() {
                    return Err(PluginFault::Answer(format!("it changed `{}`, which it may not", name.escape_ascii())));
                }
                if !is_field_value(value) {
                    return Err(not_a_value(name));
                }
            }
        }
        for entry in fields::entries(&edits.attributes) {
            let (name, value) = entry.map_err(|error| PluginFault::Answer(error.to_string()))?;
            entries += 1;
            let known = self.attributes.iter().any(|declared| covers(declared, name));
            if !known || !attribute_name(name) || value.len() > MAX_ATTRIBUTE_VALUE {
                return Err(PluginFault::Answer(format!(
                    "it wrote attribute `{}`, which it may not",
                    name.escape_ascii()
                )));
            }
        }
        if entries > MAX_ENTRIES {
            return Err(PluginFault::Answer(format!("more than {MAX_ENTRIES} edits at once")));
        }
        if edits.state.as_ref().is_some_and(|state| state.len() > MAX_STATE) {
            return Err(PluginFault::Answer(format!("state longer than {MAX_STATE} bytes")));
        }
        match (edits.status, head) {
            (None, _) => {}
            (Some(status), Head::Response(..)) if self.status && (200..=599).contains(&status) => {}
            (Some(_), _) => return Err(PluginFault::Answer("it set the status, which it may not".into())),
        }
        match (&edits.target, head) {
            (None, _) => Ok(None),
            (Some(target), Head::Request(_)) if self.target => Target::parse(target)
                .map(Some)
                .map_err(|error| PluginFault::Answer(format!("it set a target that is not one: {error}"))),
            (Some(_), _) => Err(PluginFault::Answer("it set the target, which it may not".into())),
        }
    }

    /// Entries of a checked list, as header types.
    fn permitted(&self, list: &[u8]) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        fields::entries(list)
            .flatten()
            .filter_map(|(name, value)| Some((self.fields.permit(name)?, HeaderValue::from_bytes(value).ok()?)))
    }
}

/// Build a response from a guest's: of a policy with `respond`, or of a responder.
pub(crate) fn answer(response: sandbox::Response) -> Result<http::Response<Body>, PluginFault> {
    let status = StatusCode::from_u16(response.status)
        .ok()
        .filter(|status| (200..=599).contains(&status.as_u16()))
        .ok_or_else(|| PluginFault::Answer(format!("status {} is not one", response.status)))?;
    let mut answer = http::Response::new(Body::of(response.body));
    *answer.status_mut() = status;
    for (at, entry) in fields::entries(&response.fields).enumerate() {
        let (name, value) = entry.map_err(|error| PluginFault::Answer(error.to_string()))?;
        let text = std::str::from_utf8(name).unwrap_or_default();
        let known = HeaderName::from_bytes(name).ok().filter(|_| !crate::exchange::hygiene::is_forbidden_edit(text));
        let Some(known) = known.filter(|_| at < MAX_ENTRIES) else {
            return Err(PluginFault::Answer(format!("its response holds `{}`, which it may not", name.escape_ascii())));
        };
        answer.headers_mut().append(known, HeaderValue::from_bytes(value).map_err(|_| not_a_value(name))?);
    }
    Ok(answer)
}

/// Whether bytes can be a field value (RFC 9110 section 5.5): what `HeaderValue` takes, found out without making one.
fn is_field_value(value: &[u8]) -> bool {
    value.iter().all(|&byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))
}

fn not_a_value(name: &[u8]) -> PluginFault {
    PluginFault::Answer(format!("the value of `{}` is not a field value", name.escape_ascii()))
}

fn attributes(interest: &Interest) -> Vec<Box<str>> {
    interest.attributes_write.iter().map(|name| name.as_str().into()).collect()
}

fn attribute_name(name: &[u8]) -> bool {
    let fine = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(byte);
    !name.is_empty() && name.len() <= MAX_ATTRIBUTE_NAME && name.iter().all(fine)
}
