//! Owns grants: the powers an operator gives a policy, and the name patterns they are spelled with.

use std::fmt;
use std::str::FromStr;

use http::HeaderName;

use super::kinds::Spelled;

/// Header fields no wildcard covers: each must be granted by its own name.
const ONLY_BY_NAME: [&str; 4] = ["authorization", "cookie", "set-cookie", "host"];

/// One power given to a policy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Grant {
    /// Fields and facts it may read.
    Read(Pattern),
    /// Fields it may change.
    Write(Pattern),
    /// Attributes it may read.
    AttributeRead(Pattern),
    /// Attributes it may write.
    AttributeWrite(Pattern),
    /// A column of records it may read.
    RecordRead(String),
    /// A column of records it may write.
    RecordWrite(String),
    /// It may answer instead of the upstream.
    Respond,
    /// Routes may name it in the place of an upstream: it is given their requests whole and makes the responses.
    Responder,
    /// It may change path and query.
    Target,
    /// It may change the status of responses.
    Status,
    /// It may see bodies of one direction.
    Body { direction: Direction, access: BodyAccess },
    /// It may verify with the keys of this name.
    Key(String),
    /// It may sign with the key of this name.
    Sign(String),
    /// It may seal with the key of this name, and open what was sealed.
    Seal(String),
    /// It may ask the service of this name.
    Egress(String),
    /// It may count in the limiter of this name.
    Limiter(String),
    /// It may ask whose key something is.
    Consumers,
    /// It may use the store of this name; writing includes reading.
    Store { name: String, write: bool },
}

/// Which message of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    Request,
    Response,
}

/// What may be done with a body; editing includes inspecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum BodyAccess {
    Inspect,
    Edit,
}

/// Names of header fields, facts (`:client`) or attributes: one, all that begin alike, or all.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Pattern {
    /// `x-tenant`
    Exact(String),
    /// `x-*`, without the star. `:*` is the prefix of all facts.
    Prefix(String),
    /// `*`: every name that is no fact.
    All,
}

impl Grant {
    /// Whether it gives all that another does.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Read(own), Self::Read(other))
            | (Self::Write(own), Self::Write(other))
            | (Self::AttributeRead(own), Self::AttributeRead(other))
            | (Self::AttributeWrite(own), Self::AttributeWrite(other)) => own.covers(&other.to_string()),
            (Self::Body { direction, access }, Self::Body { direction: to, access: wanted }) => {
                direction == to && (access == wanted || *access == BodyAccess::Edit)
            }
            (Self::Store { name, write }, Self::Store { name: other, write: wanted }) => {
                name == other && (*write || !wanted)
            }
            _ => self == other,
        }
    }
}

impl Pattern {
    /// Whether everything `other` stands for, a name or itself a pattern, is covered. `authorization`, `cookie`,
    /// `set-cookie` and
    /// `host` are covered by their exact names only, facts never by `*`.
    pub(crate) fn covers(&self, other: &str) -> bool {
        let wildcard = other.strip_suffix('*');
        match self {
            Self::Exact(name) => name == other,
            Self::Prefix(prefix) => match wildcard {
                Some(begin) => begin.starts_with(prefix.as_str()),
                None => other.starts_with(prefix.as_str()) && !ONLY_BY_NAME.contains(&other),
            },
            Self::All => !other.starts_with(':') && !ONLY_BY_NAME.contains(&other),
        }
    }

    fn is_fact(&self) -> bool {
        matches!(self, Self::Exact(text) | Self::Prefix(text) if text.starts_with(':'))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => out.write_str(name),
            Self::Prefix(prefix) => write!(out, "{prefix}*"),
            Self::All => out.write_str("*"),
        }
    }
}

impl FromStr for Pattern {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let (name, pattern): (&str, fn(String) -> Self) = match text.strip_suffix('*') {
            Some("") => return Ok(Self::All),
            Some(prefix) => (prefix, Self::Prefix),
            None => (text, Self::Exact),
        };
        let token = name.strip_prefix(':').unwrap_or(name);
        let all_facts = name == ":" && text == ":*";
        // Not `from_lowercase`, which takes quotes too.
        let is_name = HeaderName::from_bytes(token.as_bytes()).is_ok_and(|name| name.as_str() == token);
        let is_token = !token.contains('*') && is_name;
        if !all_facts && !is_token {
            return Err(GrantError::Name);
        }
        Ok(pattern(name.to_owned()))
    }
}

impl FromStr for Grant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let (verb, rest) = text.split_once(':').map_or((text, None), |(verb, rest)| (verb, Some(rest)));
        match (verb, rest) {
            ("respond", None) => Ok(Self::Respond),
            ("responder", None) => Ok(Self::Responder),
            ("target", None) => Ok(Self::Target),
            ("status", None) => Ok(Self::Status),
            ("consumers", None) => Ok(Self::Consumers),
            ("read", Some(names)) => names.parse().map(Self::Read),
            ("write", Some(names)) => no_fact(names, GrantError::FactWrite).map(Self::Write),
            ("attribute-read", Some(names)) => no_fact(names, GrantError::Attribute).map(Self::AttributeRead),
            ("attribute-write", Some(names)) => no_fact(names, GrantError::Attribute).map(Self::AttributeWrite),
            ("record-read", Some(name)) if is_declarable(name) => Ok(Self::RecordRead(name.to_owned())),
            ("record-write", Some(name)) if is_declarable(name) => Ok(Self::RecordWrite(name.to_owned())),
            ("body", Some(rest)) => body(rest),
            ("key", Some(name)) if is_declarable(name) => Ok(Self::Key(name.to_owned())),
            ("sign", Some(name)) if is_declarable(name) => Ok(Self::Sign(name.to_owned())),
            ("seal", Some(name)) if is_declarable(name) => Ok(Self::Seal(name.to_owned())),
            ("egress", Some(name)) if is_declarable(name) => Ok(Self::Egress(name.to_owned())),
            ("limiter", Some(name)) if is_declarable(name) => Ok(Self::Limiter(name.to_owned())),
            ("store", Some(rest)) => store(rest),
            _ => Err(GrantError::Unknown),
        }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(pattern) => write!(out, "read:{pattern}"),
            Self::Write(pattern) => write!(out, "write:{pattern}"),
            Self::AttributeRead(pattern) => write!(out, "attribute-read:{pattern}"),
            Self::AttributeWrite(pattern) => write!(out, "attribute-write:{pattern}"),
            Self::RecordRead(name) => write!(out, "record-read:{name}"),
            Self::RecordWrite(name) => write!(out, "record-write:{name}"),
            Self::Respond => out.write_str("respond"),
            Self::Responder => out.write_str("responder"),
            Self::Target => out.write_str("target"),
            Self::Status => out.write_str("status"),
            Self::Consumers => out.write_str("consumers"),
            Self::Body { direction, access } => {
                let direction = if *direction == Direction::Request { "request" } else { "response" };
                let access = if *access == BodyAccess::Inspect { "inspect" } else { "edit" };
                write!(out, "body:{direction}:{access}")
            }
            Self::Key(name) => write!(out, "key:{name}"),
            Self::Sign(name) => write!(out, "sign:{name}"),
            Self::Seal(name) => write!(out, "seal:{name}"),
            Self::Egress(name) => write!(out, "egress:{name}"),
            Self::Limiter(name) => write!(out, "limiter:{name}"),
            Self::Store { name, write } => write!(out, "store:{name}:{}", if *write { "write" } else { "read" }),
        }
    }
}

impl Spelled for Grant {
    const SPELLING: &'static str = "`read:NAMES`, `write:NAMES`, `attribute-read:NAMES`, `attribute-write:NAMES`, `record-read:NAME`, `record-write:NAME`, `respond`, `responder`, \
        `target`, `status`, `body:request|response:inspect|edit`, `key:NAME`, `sign:NAME`, `seal:NAME`, `egress:NAME`, `limiter:NAME`, `consumers` or `store:NAME:read|write`";
}

/// Why a text is no grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GrantError {
    #[error("there is no such power")]
    Unknown,
    #[error("names are lower-case tokens, facts begin with `:`, and `*` stands only at the end")]
    Name,
    #[error("facts cannot be written")]
    FactWrite,
    #[error("attributes are named without `:` and `@`")]
    Attribute,
}

fn no_fact(names: &str, otherwise: GrantError) -> Result<Pattern, GrantError> {
    if names.starts_with('@') {
        return Err(otherwise);
    }
    let pattern: Pattern = names.parse()?;
    if pattern.is_fact() { Err(otherwise) } else { Ok(pattern) }
}

fn body(text: &str) -> Result<Grant, GrantError> {
    let (direction, access) = text.split_once(':').ok_or(GrantError::Unknown)?;
    let direction = match direction {
        "request" => Direction::Request,
        "response" => Direction::Response,
        _ => return Err(GrantError::Unknown),
    };
    let access = match access {
        "inspect" => BodyAccess::Inspect,
        "edit" => BodyAccess::Edit,
        _ => return Err(GrantError::Unknown),
    };
    Ok(Grant::Body { direction, access })
}

fn store(text: &str) -> Result<Grant, GrantError> {
    match text.rsplit_once(':') {
        Some((name, "read")) if is_declarable(name) => Ok(Grant::Store { name: name.to_owned(), write: false }),
        Some((name, "write")) if is_declarable(name) => Ok(Grant::Store { name: name.to_owned(), write: true }),
        _ => Err(GrantError::Unknown),
    }
}

fn is_declarable(name: &str) -> bool {
    super::kinds::is_name(name, b"_-")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_grant_is_shown_as_it_is_written() {
        for text in [
            "read:authorization",
            "read::client",
            "read::*",
            "read::param.*",
            "read:*",
            "read:x-*",
            "write:x-tenant",
            "write:*",
            "attribute-read:auth.*",
            "attribute-write:auth.subject",
            "respond",
            "responder",
            "target",
            "status",
            "body:request:inspect",
            "body:response:edit",
            "key:idp",
            "sign:own",
            "seal:session",
            "egress:idp",
            "limiter:calls",
            "store:counts:read",
            "store:counts:write",
        ] {
            assert_eq!(text.parse::<Grant>().map(|grant| grant.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_is_no_grant_is_refused() {
        let cases = [
            ("", GrantError::Unknown),
            ("reed:x", GrantError::Unknown),
            ("respond:x", GrantError::Unknown),
            ("read", GrantError::Unknown),
            ("read:", GrantError::Name),
            ("read:X-Tenant", GrantError::Name),
            ("read:a*b", GrantError::Name),
            ("read::", GrantError::Name),
            ("read:a b", GrantError::Name),
            ("write:x-\"a\"", GrantError::Name),
            ("write::client", GrantError::FactWrite),
            ("write::*", GrantError::FactWrite),
            ("attribute-write:@auth", GrantError::Attribute),
            ("attribute-read::client", GrantError::Attribute),
            ("body:request", GrantError::Unknown),
            ("body:both:edit", GrantError::Unknown),
            ("body:request:delete", GrantError::Unknown),
            ("key:", GrantError::Unknown),
            ("key:a b", GrantError::Unknown),
            ("sign:", GrantError::Unknown),
            ("seal", GrantError::Unknown),
            ("store:x", GrantError::Unknown),
            ("store:x:all", GrantError::Unknown),
            ("egress:", GrantError::Unknown),
            ("limiter:", GrantError::Unknown),
            ("egress:https://idp", GrantError::Unknown),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Grant>(), Err(error), "{text}");
        }
    }

    #[test]
    fn patterns_cover_what_they_stand_for() {
        let cases = [
            ("x-a", "x-a", true),
            ("x-a", "x-b", false),
            ("x-a", "x-*", false),
            ("x-*", "x-a", true),
            ("x-*", "x-ab*", true),
            ("x-*", "x-*", true),
            ("x-*", "y", false),
            ("x-*", "*", false),
            ("x-*", ":x-", false),
            ("*", "accept", true),
            ("*", "*", true),
            ("*", "x-*", true),
            ("*", "authorization", false),
            ("*", "cookie", false),
            ("*", "set-cookie", false),
            ("*", "host", false),
            ("*", ":client", false),
            ("*", ":*", false),
            (":*", ":client", true),
            (":*", ":param.*", true),
            (":*", ":*", true),
            (":*", "accept", false),
            (":*", "*", false),
            (":param.*", ":param.id", true),
            (":param.*", ":*", false),
            ("cookie", "cookie", true),
            ("cook*", "cookie", false),
            ("a*", "authorization", false),
            ("a*", "accept", true),
        ];
        for (pattern, other, covered) in cases {
            assert_eq!(pattern.parse::<Pattern>().unwrap().covers(other), covered, "{pattern} covers {other}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_grant_or_an_error(text in ".*") {
            if let Ok(grant) = text.parse::<Grant>() {
                prop_assert_eq!(grant.to_string(), text);
            }
        }
    }
}
