//! What a policy may change, decided once at load, and changing it: all of a verdict's edits or none.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::facts::covers;
use super::names::{BadWrite, Names};
use crate::exchange::path::Target;
use crate::exchange::{Body, Exchange};
use crate::sandbox::{self, Edits, Interest, PluginFault, Verdict, fields};

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
            attributes: declared(&interest.attributes_write),
            target: interest.may_set_target,
            status: false,
            respond: interest.may_respond,
        })
    }

    pub(crate) fn response(interest: &Interest) -> Result<Self, BadWrite> {
        Ok(Self {
            fields: Names::writable(interest.response_write.iter())?,
            attributes: declared(&interest.attributes_write),
            target: false,
            status: interest.may_set_status,
            respond: interest.may_respond,
        })
    }

    /// Apply a verdict's edits: found allowed as a whole before anything is changed. Returns the state to carry, if it
    /// is new.
    pub(crate) fn apply(
        &self,
        edits: Edits,
        exchange: &mut Exchange,
        head: Head<'_>,
    ) -> Result<Option<Vec<u8>>, PluginFault> {
        let Meant { changes, status, target } = self.read(&edits)?;
        if changes.attributes && !exchange.set_attributes(attributes(&edits.changes)) {
            return Err(PluginFault::Answer("too many attributes on one exchange".into()));
        }
        let headers = match head {
            Head::Request(headers) => headers,
            Head::Response(headers, current) => {
                *current = status.unwrap_or(*current);
                headers
            }
        };
        changes.make(headers);
        if let Some(target) = target {
            exchange.target = target;
        }
        Ok(edits.state)
    }

    /// Whether all of a verdict is allowed, apart from how many attributes there are already.
    pub(crate) fn allows(&self, verdict: &Verdict) -> Result<(), PluginFault> {
        match verdict {
            Verdict::Pass | Verdict::Fail(_) => Ok(()),
            Verdict::Respond(response) => self.answer(response.clone()).map(drop),
            Verdict::Edit(edits) => self.read(edits).map(drop),
        }
    }

    /// Build the response a policy answered with.
    pub(crate) fn answer(&self, response: sandbox::Response) -> Result<http::Response<Body>, PluginFault> {
        if !self.respond {
            return Err(PluginFault::Answer("it responded, which it did not declare".into()));
        }
        answer(response)
    }

    /// Read a verdict's edits, and find them allowed.
    fn read(&self, edits: &Edits) -> Result<Meant, PluginFault> {
        let changes = self.changes(&edits.changes)?;
        edits.state.as_deref().map_or(Ok(()), check_state)?;
        Ok(Meant { changes, status: self.status(edits)?, target: self.target(edits)? })
    }

    /// Read what is to be changed, and find it allowed. Values stay where they are in the list.
    fn changes(&self, list: &Bytes) -> Result<Changes, PluginFault> {
        let mut changes = Changes { fields: Vec::new(), attributes: false };
        for (at, entry) in fields::entries(list).enumerate() {
            let (marked, value) = entry.map_err(malformed)?;
            if at >= MAX_ENTRIES {
                return Err(too_many());
            }
            match marked.split_first() {
                Some((b'=', name)) => {
                    let name = self.permit(name)?;
                    let value = field_value(&name, list.slice_ref(value))?;
                    changes.fields.push(Change::Set(name, value));
                }
                Some((b'+', name)) => {
                    let name = self.permit(name)?;
                    let value = field_value(&name, list.slice_ref(value))?;
                    changes.fields.push(Change::Append(name, value));
                }
                Some((b'-', name)) if value.is_empty() => changes.fields.push(Change::Remove(self.permit(name)?)),
                Some((b'-', _)) => return Err(PluginFault::Answer("a field to remove has a value".into())),
                Some((b'@', name)) => {
                    self.permit_attribute(name, value)?;
                    changes.attributes = true;
                }
                _ => return Err(PluginFault::Answer(format!("`{}` says no change", shown(marked)))),
            }
        }
        Ok(changes)
    }

    fn permit(&self, name: &[u8]) -> Result<HeaderName, PluginFault> {
        self.fields.permit(name).ok_or_else(|| not_its(format_args!("field `{}`", shown(name))))
    }

    fn permit_attribute(&self, name: &[u8], value: &[u8]) -> Result<(), PluginFault> {
        let known = self.attributes.iter().any(|declared| covers(declared, name));
        if known && is_attribute_name(name) && value.len() <= MAX_ATTRIBUTE_VALUE {
            return Ok(());
        }
        Err(not_its(format_args!("attribute `{}`", shown(name))))
    }

    fn status(&self, edits: &Edits) -> Result<Option<StatusCode>, PluginFault> {
        let Some(code) = edits.status else { return Ok(None) };
        let status = StatusCode::from_u16(code).ok().filter(|status| self.status && is_final(*status));
        status.map(Some).ok_or_else(|| not_its(format_args!("status to {code}")))
    }

    fn target(&self, edits: &Edits) -> Result<Option<Target>, PluginFault> {
        let Some(target) = &edits.target else { return Ok(None) };
        if !self.target {
            return Err(not_its(format_args!("target")));
        }
        let parsed = Target::parse(target);
        parsed.map(Some).map_err(|error| PluginFault::Answer(format!("it set a target that is not one: {error}")))
    }
}

/// What a verdict's edits mean, found allowed as a whole.
struct Meant {
    changes: Changes,
    status: Option<StatusCode>,
    target: Option<Target>,
}

/// What a policy wants changed, found allowed.
struct Changes {
    /// In the order they are made.
    fields: Vec<Change>,
    /// Whether there are attributes to write; they stay in the list they came in.
    attributes: bool,
}

impl Changes {
    fn make(self, headers: &mut HeaderMap) {
        for change in self.fields {
            match change {
                Change::Remove(name) => drop(headers.remove(name)),
                Change::Set(name, value) => drop(headers.insert(name, value)),
                Change::Append(name, value) => drop(headers.append(name, value)),
            }
        }
    }
}

/// One change of a field.
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
        let value = field_value(&known, response.fields.slice_ref(value))?;
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

fn field_value(name: &HeaderName, value: Bytes) -> Result<HeaderValue, PluginFault> {
    HeaderValue::from_maybe_shared(value)
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

/// The attributes among changes.
fn attributes(list: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
    fields::entries(list).flatten().filter_map(|(name, value)| Some((name.strip_prefix(b"@")?, value)))
}

fn declared(attributes: &[String]) -> Vec<Box<str>> {
    attributes.iter().map(|name| name.as_str().into()).collect()
}

/// `auth.sub`: lower case letters, digits, `.`, `_` and `-`.
pub(super) fn is_attribute_name(name: &[u8]) -> bool {
    let fine = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(byte);
    !name.is_empty() && name.len() <= MAX_ATTRIBUTE_NAME && name.iter().all(fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(entries: &[(&str, &str)]) -> Result<Changes, String> {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let interest =
            Interest { request_write: list(&["x-*"]), attributes_write: list(&["auth.*"]), ..Interest::default() };
        let mut packed = Vec::new();
        entries.iter().for_each(|(name, value)| fields::push(&mut packed, name.as_bytes(), value.as_bytes()));
        Writes::request(&interest).unwrap().changes(&packed.into()).map_err(|fault| fault.to_string())
    }

    #[test]
    fn what_would_not_be_made_is_not_allowed_either() {
        let interest = Interest { may_set_status: true, may_set_target: true, ..Interest::default() };
        let (request, response) = (Writes::request(&interest).unwrap(), Writes::response(&interest).unwrap());
        let edit = |edits| Verdict::Edit(edits);
        let (status, target) = (
            |code| edit(Edits { status: Some(code), ..Edits::default() }),
            |to: &str| edit(Edits { target: Some(to.into()), ..Edits::default() }),
        );
        assert!(response.allows(&status(404)).is_ok() && request.allows(&target("/a")).is_ok());
        for refused in [response.allows(&status(700)), response.allows(&status(103)), request.allows(&status(404))] {
            assert!(refused.unwrap_err().to_string().contains("status"));
        }
        for refused in [request.allows(&target("::")), response.allows(&target("/a"))] {
            assert!(refused.unwrap_err().to_string().contains("target"));
        }
    }

    fn made(entries: &[(&str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        headers.insert("x-a", HeaderValue::from_static("0"));
        changes(entries).unwrap().make(&mut headers);
        headers.iter().map(|(name, value)| format!("{name}={} ", value.to_str().unwrap())).collect()
    }

    #[test]
    fn changes_are_made_in_their_order() {
        assert_eq!(made(&[("+x-a", "1"), ("+x-b", "2")]), "x-a=0 x-a=1 x-b=2 ");
        assert_eq!(made(&[("=x-a", "1"), ("+x-a", "2")]), "x-a=1 x-a=2 ");
        assert_eq!(made(&[("+x-a", "1"), ("=x-a", "2")]), "x-a=2 ");
        assert_eq!(made(&[("-x-a", ""), ("+x-a", "1")]), "x-a=1 ");
        assert_eq!(made(&[("=x-a", "1"), ("-x-a", ""), ("@auth.sub", "ann")]), "");
    }

    #[test]
    fn what_is_no_change_or_not_the_policys_is_refused() {
        let long = "v".repeat(MAX_ATTRIBUTE_VALUE + 1);
        let cases = [
            (("x-a", "1"), "`x-a` says no change"),
            (("", "1"), "says no change"),
            ((":path", "/"), "says no change"),
            (("-x-a", "1"), "a field to remove has a value"),
            (("=server", "1"), "field `server`, which it may not"),
            (("=X-A", "1"), "field `X-A`, which it may not"),
            (("+:path", "1"), "field `:path`, which it may not"),
            (("-host", ""), "field `host`, which it may not"),
            (("=x-a", "1\r\nx-b: 2"), "the value of `x-a` is not a field value"),
            (("@user", "1"), "attribute `user`, which it may not"),
            (("@auth.Sub", "1"), "attribute `auth.Sub`, which it may not"),
            (("@auth.sub", long.as_str()), "attribute `auth.sub`, which it may not"),
        ];
        for (change, fault) in cases {
            let refused = changes(&[("=x-fine", "1"), change]).err().unwrap_or_default();
            assert!(refused.contains(fault), "{change:?}: {refused}");
        }
        assert!(changes(&[("+x-a", "1"); MAX_ENTRIES]).is_ok());
        assert!(changes(&[("+x-a", "1"); MAX_ENTRIES + 1]).is_err());
    }
}
