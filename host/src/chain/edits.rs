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

    /// Apply a verdict's edits: found allowed as a whole before anything is changed. Returns the state to carry, if it is new.
    pub(crate) fn apply(
        &self,
        edits: Edits,
        exchange: &mut Exchange,
        head: Head<'_>,
    ) -> Result<Option<Vec<u8>>, PluginFault> {
        let changes = self.changes(&edits)?;
        self.check_attributes(&edits, MAX_ENTRIES - changes.len())?;
        edits.state.as_deref().map_or(Ok(()), check_state)?;
        let status = self.status(&edits, &head)?;
        let target = self.target(&edits, &head)?;
        if !exchange.set_attributes(fields::entries(&edits.attributes).flatten()) {
            return Err(PluginFault::Answer("too many attributes on one exchange".into()));
        }
        let headers = match head {
            Head::Request(headers) => headers,
            Head::Response(headers, current) => {
                *current = status.unwrap_or(*current);
                headers
            }
        };
        for change in changes {
            match change {
                Change::Remove(name) => drop(headers.remove(name)),
                Change::Set(name, value) => drop(headers.insert(name, value)),
                Change::Append(name, value) => drop(headers.append(name, value)),
            }
        }
        if let Some(target) = target {
            exchange.target = target;
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

    /// The changes of fields, in the order they are made.
    fn changes(&self, edits: &Edits) -> Result<Vec<Change>, PluginFault> {
        let mut changes = Vec::new();
        self.each(&mut changes, &edits.remove, |_, name, value| match value {
            b"" => Ok(Change::Remove(name)),
            _ => Err(PluginFault::Answer("a field to remove has a value".into())),
        })?;
        self.each(&mut changes, &edits.set, |before, name, value| {
            let value = field_value(&name, value)?;
            // Of several entries with one name, the first replaces what was there and the others join it.
            let known = before.iter().any(|change| matches!(change, Change::Set(known, _) if *known == name));
            Ok(if known { Change::Append(name, value) } else { Change::Set(name, value) })
        })?;
        self.each(&mut changes, &edits.append, |_, name, value| {
            let value = field_value(&name, value)?;
            Ok(Change::Append(name, value))
        })?;
        Ok(changes)
    }

    fn each(
        &self,
        changes: &mut Vec<Change>,
        list: &[u8],
        make: impl Fn(&[Change], HeaderName, &[u8]) -> Result<Change, PluginFault>,
    ) -> Result<(), PluginFault> {
        for entry in fields::entries(list) {
            let (name, value) = entry.map_err(malformed)?;
            if changes.len() >= MAX_ENTRIES {
                return Err(too_many());
            }
            let permitted = self.fields.permit(name);
            let name = permitted.ok_or_else(|| not_its(format_args!("field `{}`", shown(name))))?;
            let change = make(changes, name, value)?;
            changes.push(change);
        }
        Ok(())
    }

    fn check_attributes(&self, edits: &Edits, room: usize) -> Result<(), PluginFault> {
        for (at, entry) in fields::entries(&edits.attributes).enumerate() {
            let (name, value) = entry.map_err(malformed)?;
            if at >= room {
                return Err(too_many());
            }
            let known = self.attributes.iter().any(|declared| covers(declared, name));
            if !known || !is_attribute_name(name) || value.len() > MAX_ATTRIBUTE_VALUE {
                return Err(not_its(format_args!("attribute `{}`", shown(name))));
            }
        }
        Ok(())
    }

    fn status(&self, edits: &Edits, head: &Head<'_>) -> Result<Option<StatusCode>, PluginFault> {
        let Some(code) = edits.status else { return Ok(None) };
        let status = StatusCode::from_u16(code).ok().filter(|status| is_final(*status));
        match (status, head) {
            (Some(status), Head::Response(..)) if self.status => Ok(Some(status)),
            _ => Err(not_its(format_args!("status to {code}"))),
        }
    }

    fn target(&self, edits: &Edits, head: &Head<'_>) -> Result<Option<Target>, PluginFault> {
        let Some(target) = &edits.target else { return Ok(None) };
        if !self.target || !matches!(head, Head::Request(_)) {
            return Err(not_its(format_args!("target")));
        }
        let parsed = Target::parse(target);
        parsed.map(Some).map_err(|error| PluginFault::Answer(format!("it set a target that is not one: {error}")))
    }
}

/// One change of a head, found allowed.
enum Change {
    Remove(HeaderName),
    Set(HeaderName, HeaderValue),
    Append(HeaderName, HeaderValue),
}

/// Build a response from a guest's: of a policy with `respond`, or of a responder.
pub(crate) fn answer(response: sandbox::Response) -> Result<http::Response<Body>, PluginFault> {
    let status = StatusCode::from_u16(response.status)
        .ok()
        .filter(|status| is_final(*status))
        .ok_or_else(|| PluginFault::Answer(format!("status {} is not one", response.status)))?;
    let mut answer = http::Response::new(Body::of(response.body));
    *answer.status_mut() = status;
    for (at, entry) in fields::entries(&response.fields).enumerate() {
        let (name, value) = entry.map_err(malformed)?;
        if at >= MAX_ENTRIES {
            return Err(too_many());
        }
        let text = std::str::from_utf8(name).unwrap_or_default();
        let known = HeaderName::from_bytes(name).ok().filter(|_| !crate::exchange::hygiene::is_forbidden_edit(text));
        let known = known.ok_or_else(|| not_its(format_args!("field `{}` of its response", shown(name))))?;
        let value = field_value(&known, value)?;
        answer.headers_mut().append(known, value);
    }
    Ok(answer)
}

/// Whether a policy may carry this from one hook to the next.
pub(super) fn check_state(state: &[u8]) -> Result<(), PluginFault> {
    if state.len() <= MAX_STATE {
        return Ok(());
    }
    Err(PluginFault::Answer(format!("state longer than {MAX_STATE} bytes")))
}

/// Whether a status can end an exchange; 1xx are not a policy's to send.
fn is_final(status: StatusCode) -> bool {
    (200..=599).contains(&status.as_u16())
}

fn field_value(name: &HeaderName, value: &[u8]) -> Result<HeaderValue, PluginFault> {
    HeaderValue::from_bytes(value)
        .map_err(|_| PluginFault::Answer(format!("the value of `{}` is not a field value", shown(name.as_ref()))))
}

fn malformed(error: fields::Malformed) -> PluginFault {
    PluginFault::Answer(error.to_string())
}

fn too_many() -> PluginFault {
    PluginFault::Answer(format!("more than {MAX_ENTRIES} entries at once"))
}

fn not_its(what: std::fmt::Arguments<'_>) -> PluginFault {
    PluginFault::Answer(format!("it set or changed {what}, which it may not"))
}

/// A name a guest made up, fit for a log line.
fn shown(name: &[u8]) -> String {
    const MAX: usize = 64;
    let cut = name.get(..MAX).unwrap_or(name);
    format!("{}{}", cut.escape_ascii(), if cut.len() < name.len() { "..." } else { "" })
}

fn attributes(interest: &Interest) -> Vec<Box<str>> {
    interest.attributes_write.iter().map(|name| name.as_str().into()).collect()
}

/// `auth.sub`: lower case letters, digits, `.`, `_` and `-`.
pub(super) fn is_attribute_name(name: &[u8]) -> bool {
    let fine = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(byte);
    !name.is_empty() && name.len() <= MAX_ATTRIBUTE_NAME && name.iter().all(fine)
}
