//! Requests and answers as a file writes them: nearly as on the wire.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

use super::body;
use super::lines::{Faults, Line};

/// What a client asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) target: Uri,
    pub(crate) fields: HeaderMap,
    pub(crate) body: Bytes,
}

/// How a server answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Not at all: nobody can connect to it.
    Unreachable,
    Said {
        status: StatusCode,
        fields: HeaderMap,
        body: Bytes,
    },
}

/// 200, and nothing else.
impl Default for Answer {
    fn default() -> Self {
        Self::Said { status: StatusCode::OK, fields: HeaderMap::new(), body: Bytes::new() }
    }
}

const REQUEST: &str = "request";
const UNREACHABLE: &str = "unreachable";

impl Asked {
    /// `title` is where a request would stand that is missing.
    pub(super) fn read(title: Line<'_>, lines: &[Line<'_>], faults: &mut Faults) -> Self {
        let begin = lines.iter().position(|line| !line.is_blank() && !line.is_remark());
        let Some((first, rest)) = begin.and_then(|begin| lines.get(begin..)?.split_first()) else {
            faults.add(title.number, REQUEST, "is missing", "write one as on the wire, `GET /pets` at least");
            return Self::default();
        };
        let words: Vec<_> = first.text.split_whitespace().collect();
        let (method, target) = match words.as_slice() {
            [method, target] | [method, target, "HTTP/1.1"] => (*method, *target),
            _ => {
                faults.add(first.number, REQUEST, "does not begin with a method and a target", "write `GET /pets`");
                return Self::default();
            }
        };
        let method = method.parse().ok().filter(|method| *method != Method::CONNECT).unwrap_or_else(|| {
            faults.add(first.number, REQUEST, "has no method that can be played", "write GET, POST or another");
            Method::GET
        });
        let target =
            target.parse().ok().filter(|target: &Uri| target.path().starts_with('/') && target.host().is_none());
        let target = target.unwrap_or_else(|| {
            let advice = "write path and query, percent-encoded where needed, `/pets?limit=2`";
            faults.add(first.number, REQUEST, "has no target that can be played", advice);
            Uri::default()
        });
        let (mut fields, body) = fields_and_body(rest, REQUEST, faults);
        fields.entry(HOST).or_insert(HeaderValue::from_static("localhost"));
        Self { method, target, fields, body }
    }
}

impl Answer {
    /// `title` is where an answer would stand that is missing.
    pub(super) fn read(title: Line<'_>, lines: &[Line<'_>], key: &str, faults: &mut Faults) -> Self {
        let begin = lines.iter().position(|line| !line.is_blank());
        let Some((first, rest)) = begin.and_then(|begin| lines.get(begin..)?.split_first()) else {
            faults.add(
                title.number,
                key,
                "is empty",
                "write an answer as on the wire, `200` at least, or `unreachable`",
            );
            return Self::default();
        };
        if first.text.trim() == UNREACHABLE {
            if let Some(more) = rest.iter().find(|line| !line.is_blank()) {
                faults.add(more.number, key, "follows `unreachable`", "remove one of both");
            }
            return Self::Unreachable;
        }
        let status = first.text.strip_prefix("HTTP/1.1 ").unwrap_or(first.text).split_whitespace().next();
        let status = status.and_then(|status| status.parse().ok()).and_then(|status| StatusCode::from_u16(status).ok());
        let status = status.filter(|status| (200..600).contains(&status.as_u16())).unwrap_or_else(|| {
            faults.add(
                first.number,
                key,
                "does not begin with a status from 200 to 599",
                "write `200 OK`, or `unreachable`",
            );
            StatusCode::OK
        });
        let (fields, body) = fields_and_body(rest, key, faults);
        Self::Said { status, fields, body }
    }
}

/// Fields up to an empty line, then the body.
fn fields_and_body(lines: &[Line<'_>], key: &str, faults: &mut Faults) -> (HeaderMap, Bytes) {
    let end = lines.iter().position(|line| line.is_blank()).unwrap_or(lines.len());
    let (head, rest) = lines.split_at(end);
    let mut fields = HeaderMap::new();
    for line in head {
        match field(line.text) {
            Ok((name, value)) => drop(fields.append(name, value)),
            Err((reason, advice)) => faults.add(line.number, key, reason, advice),
        }
    }
    (fields, body::read(rest.get(1..).unwrap_or_default(), key, faults))
}

fn field(text: &str) -> Result<(HeaderName, HeaderValue), (&'static str, &'static str)> {
    const FRAMING: [HeaderName; 5] = [CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, EXPECT, UPGRADE];
    let no_field = ("is no header field", "write `name: value`; an empty line ends the fields");
    let (name, value) = text.split_once(':').ok_or(no_field)?;
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| no_field)?;
    let value = HeaderValue::from_bytes(value.trim().as_bytes()).map_err(|_| no_field)?;
    match FRAMING.contains(&name) {
        true => Err(("is of the connection or of framing, which are made to fit", "remove it")),
        false => Ok((name, value)),
    }
}
