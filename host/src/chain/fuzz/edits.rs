//! Edits change a message as a plain model does, and nothing where they are not allowed.

use std::str::from_utf8;

use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};

use super::model::{Message, may_write};
use crate::chain::edits::{Head, Writes};
use crate::config::{Grant, Pattern};
use crate::exchange::path::Target;
use crate::exchange::{Exchange, Peer, authority};
use crate::sandbox::{Edits, Interest, Verdict, fields};
use crate::telemetry::RequestId;

/// Makes a message, a policy and its edits of words between NULs, then edits the message.
pub fn edits(data: &[u8]) {
    let said = Said::of(data);
    let Some(mut exchange) = exchange() else { return };
    let attributes: Vec<_> = (0..said.attributes).map(|number| number.to_string().into_bytes()).collect();
    let all = attributes.iter().map(|name| (name.as_slice(), &b"before"[..]));
    let fit = exchange.set_attributes(all);
    let writes = if said.is_response { Writes::response(&said.interest) } else { Writes::request(&said.interest) };
    let (Ok(writes), true) = (writes, fit) else { return };

    let mut headers = said.headers;
    let mut status = StatusCode::OK;
    let seen = |exchange: &Exchange, headers: &HeaderMap, status: StatusCode| Message {
        fields: sorted(headers),
        attributes: exchange.attributes().map(|(name, value)| (name.to_vec(), value.to_vec())).collect(),
        target: exchange.target.to_string(),
        status: said.is_response.then_some(status.as_u16()),
    };
    let before = seen(&exchange, &headers, status);
    let expected = before.edited(&said.interest, &said.edits);
    let allowed = writes.allows(&Verdict::Edit(said.edits.clone())).is_ok();
    let head = if said.is_response { Head::Response(&mut headers, &mut status) } else { Head::Request(&mut headers) };
    let applied = writes.apply(said.edits.clone(), &mut exchange, head);
    let after = seen(&exchange, &headers, status);

    assert_eq!(applied.is_ok(), expected.is_some(), "{:?}", applied.err());
    assert_eq!(after, expected.unwrap_or(before.clone()));
    assert!(allowed || applied.is_err(), "what is not allowed was done");
    if let Ok(state) = applied {
        assert_eq!(state, said.edits.state);
    }
    assert_eq!(Target::parse(&after.target).map(|target| target.to_string()), Ok(after.target.clone()));
    check_fields(&said.interest, &said.grants, &before, &after);
}

/// What changed was declared, and was granted where a policy like this is let in.
fn check_fields(interest: &Interest, grants: &[Grant], before: &Message, after: &Message) {
    let of = |message: &Message, name: &str| -> Vec<Vec<u8>> {
        let values = message.fields.iter().filter(|(found, _)| found == name);
        values.map(|(_, value)| value.clone()).collect()
    };
    let declared = if after.status.is_some() { &interest.response_write } else { &interest.request_write };
    let is_admitted = interest.missing(grants).is_empty();
    for (name, _) in before.fields.iter().chain(&after.fields).filter(|(name, _)| of(before, name) != of(after, name)) {
        assert!(may_write(declared, name), "{name} was changed");
        let covers = |pattern: &Pattern| pattern.covers(name);
        let is_granted = grants.iter().any(|grant| matches!(grant, Grant::Write(pattern) if covers(pattern)));
        assert!(is_granted || !is_admitted, "{name} was changed and not granted");
    }
}

/// What the input says, a word for each thing.
#[derive(Default)]
struct Said {
    is_response: bool,
    interest: Interest,
    grants: Vec<Grant>,
    headers: HeaderMap,
    /// How many there are before.
    attributes: u8,
    edits: Edits,
}

impl Said {
    fn of(data: &[u8]) -> Self {
        let (mut said, mut changes) = (Self::default(), Vec::new());
        for word in data.split(|byte| *byte == 0) {
            let Some((kind, rest)) = word.split_first() else { continue };
            let (name, value) = named(rest);
            let text = || String::from_utf8_lossy(rest).into_owned();
            match kind {
                b'R' => said.is_response = true,
                b'S' => said.interest.may_set_status = true,
                b'T' => said.interest.may_set_target = true,
                b'w' => said.interest.request_write.push(text()),
                b'r' => said.interest.response_write.push(text()),
                b'a' => said.interest.attributes_write.push(text()),
                b'g' => said.grants.extend(text().parse()),
                b'h' => drop(field(name, value).map(|(name, value)| said.headers.append(name, value))),
                b'n' => said.attributes = text().parse().unwrap_or_default(),
                b's' => said.edits.status = text().parse().ok(),
                b't' => said.edits.target = Some(text()),
                b'c' => said.edits.state = Some(rest.repeat(64)),
                b'=' | b'+' | b'-' | b'@' => fields::push_prefixed(&mut changes, &[*kind], name, value),
                // As no compiler of policies lays them out.
                _ => changes.extend_from_slice(word),
            }
        }
        said.edits.changes = changes.into();
        said
    }
}

fn field(name: &[u8], value: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    Some((from_utf8(name).ok()?.parse().ok()?, HeaderValue::from_bytes(value).ok()?))
}

/// What stands before the first space, and after it.
fn named(word: &[u8]) -> (&[u8], &[u8]) {
    let end = word.iter().position(|byte| *byte == b' ').unwrap_or(word.len());
    let (name, value) = word.split_at(end);
    (name, value.get(1..).unwrap_or_default())
}

fn exchange() -> Option<Exchange> {
    let (parts, ()) = Request::builder().uri("/before?a=b").header("host", "pets").body(()).ok()?.into_parts();
    let peer = Peer { client: None, https: false, certificate: None };
    let (host, target) = (authority::authority(&parts).ok()?, Target::parse("/before?a=b").ok()?);
    Some(Exchange::new(RequestId::Number(1), peer, parts.method, host, target))
}

/// In the order of their names, those of one name in their own.
fn sorted(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let mut fields: Vec<_> =
        headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    fields.sort_by(|(one, _), (other, _)| one.cmp(other));
    fields
}

#[cfg(test)]
mod tests {
    use crate::fuzz::play::play;

    #[test]
    fn whatever_becomes_of_edits_all_or_nothing_is_done_of_what_is_allowed() {
        play("edits", super::edits, 50_000);
    }
}
