//! What the documentation says of edits, for one after the other, with no thought of speed.

use crate::exchange::path::Target;
use crate::sandbox::{Edits, Interest, fields};

/// Fields that are nobody's but the gateway's; `_` stands for `-` too.
const GATEWAYS: [&str; 12] = [
    "connection",
    "content-length",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Fields that are a policy's if it names them, and by no pattern.
const ONLY_BY_NAME: [&str; 4] = ["authorization", "cookie", "host", "set-cookie"];

/// Everything edits can change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// In the order of their names, those of one name in their own.
    pub(super) fields: Vec<(String, Vec<u8>)>,
    pub(super) attributes: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) target: String,
    /// None of a request.
    pub(super) status: Option<u16>,
}

impl Message {
    /// The message after all of the edits, unless one of them is not allowed.
    pub(super) fn edited(&self, interest: &Interest, edits: &Edits) -> Option<Self> {
        let is_response = self.status.is_some();
        let mut new = self.clone();
        let entries: Vec<_> = fields::entries(&edits.changes).collect::<Result<_, _>>().ok()?;
        if entries.len() > 256 || edits.state.as_ref().is_some_and(|state| state.len() > 4096) {
            return None;
        }
        for (marked, value) in entries {
            let (mark, name) = marked.split_first()?;
            let is_text = value.iter().all(|byte| *byte == b'\t' || *byte >= b' ' && *byte != 0x7F);
            match mark {
                b'@' if may_attribute(interest, name) && value.len() <= 4096 => new.set_attribute(name, value),
                b'=' | b'+' | b'-' => {
                    let declared = if is_response { &interest.response_write } else { &interest.request_write };
                    let name = std::str::from_utf8(name).ok().filter(|name| may_write(declared, name))?;
                    if *mark != b'+' {
                        new.fields.retain(|(other, _)| other != name);
                    }
                    match mark {
                        b'-' if !value.is_empty() => return None,
                        b'-' => {}
                        _ if !is_text => return None,
                        _ => new.fields.push((name.to_owned(), value.to_vec())),
                    }
                }
                _ => return None,
            }
        }
        if let Some(status) = edits.status {
            let is_allowed = is_response && interest.may_set_status && (200..600).contains(&status);
            new.status = Some(status).filter(|_| is_allowed);
            new.status?;
        }
        if let Some(target) = &edits.target {
            let is_allowed = !is_response && interest.may_set_target;
            new.target = Target::parse(target).ok().filter(|_| is_allowed)?.to_string();
        }
        new.fields.sort_by(|(one, _), (other, _)| one.cmp(other));
        Some(new).filter(|new| new.attributes.len() <= 64)
    }

    fn set_attribute(&mut self, name: &[u8], value: &[u8]) {
        match self.attributes.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value.to_vec(),
            None => self.attributes.push((name.to_vec(), value.to_vec())),
        }
    }
}

/// Whether a policy that declared this may write a field.
pub(super) fn may_write(declared: &[String], name: &str) -> bool {
    let fine = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9') || b"!#$%&'+-.^_`|~".contains(&byte);
    let is_token = !name.is_empty() && name.bytes().all(fine);
    let by_name = declared.iter().any(|declared| declared == name);
    let mut patterns = declared.iter().filter_map(|declared| declared.strip_suffix('*'));
    let by_pattern = !ONLY_BY_NAME.contains(&name) && patterns.any(|begin| name.starts_with(begin));
    is_token && !GATEWAYS.contains(&&*name.replace('_', "-")) && (by_name || by_pattern)
}

fn may_attribute(interest: &Interest, name: &[u8]) -> bool {
    let is_name = (1..=128).contains(&name.len())
        && name.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'));
    let covers = |declared: &String| match declared.strip_suffix('*') {
        Some(begin) => name.starts_with(begin.as_bytes()),
        None => name == declared.as_bytes(),
    };
    is_name && interest.attributes_write.iter().any(covers)
}
