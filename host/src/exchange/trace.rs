//! The trace a request belongs to (W3C Trace Context, level 1), continued or begun.

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::telemetry::{SpanContext, TRACEPARENT};

const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// What the recommendation knows of the flags: whether the trace is recorded, and whether its id is random (level 2).
/// All others are to be cleared.
const FLAGS: u8 = 0b11;

/// Most members of tracestate (section 3.3.1.1), and the length from which on some are left out (section 3.3.1.5).
const MAX_MEMBERS: usize = 32;
const MAX_STATE: usize = 512;
/// The length of a member from which on it is left out first.
const LONG_MEMBER: usize = 128;

/// Where the gateway stands in the trace of a request: one that came with the request, or a new one, for which
/// `samples` decides by its id whether it is recorded. None where there is no chance to be had.
pub(crate) fn join(headers: &HeaderMap, samples: impl FnOnce(u128) -> bool) -> Option<SpanContext> {
    let mut chance = [0; 24];
    getrandom::fill(&mut chance).ok()?;
    Some(next(given(headers), chance, samples))
}

/// Tell the upstream: its parent is this gateway. Where that stands nowhere, nothing is passed on.
pub(crate) fn pass_on(headers: &mut HeaderMap, here: Option<SpanContext>) {
    let Some((here, value)) = here.and_then(|here| Some((here, here.traceparent()?))) else {
        headers.remove(TRACEPARENT);
        headers.remove(TRACESTATE);
        return;
    };
    // State belongs to a trace.
    match state(headers).filter(|_| here.parent.is_some()) {
        Some(state) => drop(headers.insert(TRACESTATE, state)),
        None => drop(headers.remove(TRACESTATE)),
    }
    headers.insert(TRACEPARENT, value);
}

/// What a request came with: one field that is valid.
fn given(headers: &HeaderMap) -> Option<SpanContext> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    parse(value.as_bytes())
}

/// traceparent (section 3.2). None where the recommendation says that it is invalid. Of versions to come, the part that
/// is known now.
fn parse(text: &[u8]) -> Option<SpanContext> {
    let (known, more) = text.split_at_checked(55)?;
    let mut parts = known.split(|&byte| byte == b'-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let version = hex(version, 2)?;
    if version == 0xff || (version == 0 && !more.is_empty()) || !(more.is_empty() || more.starts_with(b"-")) {
        return None;
    }
    let trace = hex(trace, 32).filter(|trace| *trace != 0)?;
    let span = u64::try_from(hex(span, 16)?).ok().filter(|span| *span != 0)?;
    let flags = u8::try_from(hex(flags, 2)?).ok()?;
    // What a later version means by its other flags is not known.
    let flags = flags & if version == 0 { FLAGS } else { SpanContext::SAMPLED };
    Some(SpanContext { trace, span, parent: None, flags })
}

/// What continues the step that was given, or begins.
fn next(given: Option<SpanContext>, chance: [u8; 24], samples: impl FnOnce(u128) -> bool) -> SpanContext {
    let (trace, span) = chance.split_at(16);
    // No id is all zeros.
    let span = u64::from_ne_bytes(span.try_into().unwrap_or_default()).max(1);
    match given {
        Some(given) => SpanContext { span, parent: Some(given.span), ..given },
        None => {
            let trace = u128::from_ne_bytes(trace.try_into().unwrap_or_default()).max(1);
            SpanContext { trace, span, parent: None, flags: if samples(trace) { SpanContext::SAMPLED } else { 0 } }
        }
    }
}

/// A number of so many digits, small letters only.
fn hex(text: &[u8], digits: usize) -> Option<u128> {
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    let text = Some(text).filter(|text| text.len() == digits && text.iter().all(is_digit))?;
    u128::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()
}

/// tracestate as it may be passed on; none where it is invalid or has nothing in it.
fn state(headers: &HeaderMap) -> Option<HeaderValue> {
    let values = headers.get_all(TRACESTATE).iter();
    let members = values.flat_map(|value| value.as_bytes().split(|&byte| byte == b',')).map(<[u8]>::trim_ascii);
    let mut list: Vec<(&[u8], &[u8])> = Vec::new();
    for member in members.filter(|member| !member.is_empty()) {
        let key = member.split(|&byte| byte == b'=').next().filter(|key| is_key(key))?;
        let value = member.get(key.len() + 1..).filter(|value| is_value(value))?;
        if list.len() == MAX_MEMBERS || list.iter().any(|(known, _)| *known == key) {
            return None;
        }
        list.push((key, value));
    }
    let length = |list: &[(&[u8], &[u8])]| list.iter().map(|(key, value)| key.len() + value.len() + 2).sum::<usize>();
    if length(&list) > MAX_STATE + 1 {
        list.retain(|(key, value)| key.len() + value.len() < LONG_MEMBER);
    }
    // The oldest stand last.
    while length(&list) > MAX_STATE + 1 {
        list.pop();
    }
    let members: Vec<_> = list.iter().map(|(key, value)| [*key, value].join(&b'=')).collect();
    HeaderValue::from_bytes(&members.join(&b',')).ok().filter(|state| !state.is_empty())
}

/// `key`, or `tenant@system` (section 3.3.1.3.1).
fn is_key(key: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/".contains(byte);
    let begins = |name: &[u8], digit: bool| {
        name.first().is_some_and(|byte| byte.is_ascii_lowercase() || (digit && byte.is_ascii_digit()))
    };
    let is_name = |name: &[u8], most: usize, digit| name.len() <= most && begins(name, digit) && name.iter().all(fits);
    match key.iter().position(|&byte| byte == b'@').and_then(|at| key.split_at_checked(at)) {
        None => is_name(key, 256, false),
        Some((tenant, system)) => {
            is_name(tenant, 241, true) && system.get(1..).is_some_and(|system| is_name(system, 14, false))
        }
    }
}

/// Printable but for `,` and `=`, no space at the end (section 3.3.1.3.2).
fn is_value(value: &[u8]) -> bool {
    let fits = |byte: &u8| matches!(byte, b' '..=b'~') && !b",=".contains(byte);
    (1..=256).contains(&value.len()) && value.iter().all(fits) && !value.ends_with(b" ")
}

#[cfg(test)]
mod tests;
