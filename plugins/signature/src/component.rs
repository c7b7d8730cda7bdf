//! Component identifiers (RFC 9421 section 2): parts of a message, as an operator and a signature name them.

use lockgate_sdk::names::FieldName;
use serde::Deserialize;
use sfv::{BareItem, FieldType, Item, Parameters, Parser};
use std::fmt;

/// The field whose value the policy computes or compares itself (RFC 9530).
pub(crate) const CONTENT_DIGEST: &str = "content-digest";

/// A part of a message that a signature covers. Written `@query-param;name="Pet"`: as in the RFC, but for the quotes around the
/// name.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Component {
    source: Source,
    of_request: bool,
    item: Item,
    identifier: String,
}

/// What the value of a component is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Method,
    TargetUri,
    Authority,
    Scheme,
    RequestTarget,
    Path,
    Query,
    /// A parameter of the query, by its encoded name.
    QueryParam(String),
    Status,
    Field {
        name: FieldName,
        form: Form,
    },
}

/// In which form the lines of a field are covered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Joined by commas.
    Combined,
    /// `sf`: as the structured field it is, in its one form.
    Strict,
    /// `key`: one member of a dictionary.
    Member(String),
    /// `bs`: each line as bytes.
    Wrapped,
}

impl Component {
    /// What its value is made from.
    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// Whether it is a part of the request that a response answers (`req`, section 2.4).
    pub(crate) fn is_of_request(&self) -> bool {
        self.of_request
    }

    /// Whether a signature over a request, or else over a response, can cover it.
    pub(crate) fn fits(&self, is_request: bool) -> bool {
        match self.source {
            Source::Field { .. } => !(is_request && self.of_request),
            Source::Status => !is_request,
            _ => is_request != self.of_request,
        }
    }

    /// Whether it is the digest of the body of this very message.
    pub(crate) fn is_digest(&self) -> bool {
        !self.of_request && matches!(&self.source, Source::Field { name, .. } if name.as_str() == CONTENT_DIGEST)
    }

    /// Whether a signature means this one; the order of parameters does not matter.
    pub(crate) fn is_named_by(&self, item: &Item) -> bool {
        self.item == *item
    }

    /// The identifier as an item of the covered components.
    pub(crate) fn item(&self) -> &Item {
        &self.item
    }

    /// The identifier as it stands in a signature base.
    pub(crate) fn identifier(&self) -> &str {
        &self.identifier
    }

    /// The facts and fields of a head that its value is made from; the scheme and the authority are told from elsewhere where
    /// the operator says what they are.
    pub(crate) fn reads(&self, knows_origin: bool) -> Vec<&str> {
        let origin: &[&str] = if knows_origin { &[] } else { &[":scheme", ":authority"] };
        match &self.source {
            Source::Method => vec![":method"],
            Source::TargetUri => [origin, &[":path", ":query"]].concat(),
            // Which port is the usual one follows from the scheme.
            Source::Authority | Source::Scheme => origin.to_vec(),
            Source::RequestTarget => vec![":path", ":query"],
            Source::Path => vec![":path"],
            Source::Query | Source::QueryParam(_) => vec![":query"],
            Source::Status => vec![":status"],
            Source::Field { name, .. } => vec![name.as_str()],
        }
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.identifier())
    }
}

impl TryFrom<String> for Component {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (name, parameters) = text.split_at(text.find(';').unwrap_or(text.len()));
        let quoted = format!("\"{name}\"{parameters}");
        let item: Item = Parser::new(&quoted).parse().map_err(|_| {
            "must be a field, or a derived component, with its parameters: `date`, `@path`, `@query-param;name=\"a\"`"
                .to_owned()
        })?;
        let parameters = Known::read(&item.params)?;
        let source = if name.starts_with('@') { derived(name, &parameters)? } else { field(name, &parameters)? };
        Ok(Self { source, of_request: parameters.req, identifier: item.serialize(), item })
    }
}

/// The parameters of a component identifier that there are (RFC 9421 section 6.5.2).
#[derive(Default)]
struct Known {
    sf: bool,
    bs: bool,
    req: bool,
    key: Option<String>,
    name: Option<String>,
}

impl Known {
    fn read(parameters: &Parameters) -> Result<Self, String> {
        let mut known = Self::default();
        for (key, value) in parameters {
            match (key.as_str(), value) {
                ("sf", BareItem::Boolean(true)) => known.sf = true,
                ("bs", BareItem::Boolean(true)) => known.bs = true,
                ("req", BareItem::Boolean(true)) => known.req = true,
                ("key", BareItem::String(text)) => known.key = Some(text.as_str().to_owned()),
                ("name", BareItem::String(text)) => known.name = Some(text.as_str().to_owned()),
                ("tr", _) => return Err("trailers are not seen by policies; leave out `tr`".to_owned()),
                ("sf" | "bs" | "req", _) => return Err(format!("`{key}` is a flag; write `;{key}`")),
                ("key" | "name", _) => return Err(format!("`{key}` is a string; write `;{key}=\"...\"`")),
                _ => return Err(format!("`{key}` is no parameter; there are `sf`, `key`, `bs`, `req` and `name`")),
            }
        }
        Ok(known)
    }
}

fn derived(name: &str, parameters: &Known) -> Result<Source, String> {
    if parameters.sf || parameters.bs || parameters.key.is_some() {
        return Err("`sf`, `bs` and `key` are for fields".to_owned());
    }
    match (name, &parameters.name) {
        ("@query-param", Some(name)) => Ok(Source::QueryParam(name.clone())),
        ("@query-param", None) => Err("must say which, as `@query-param;name=\"...\"`".to_owned()),
        (_, Some(_)) => Err("`name` is for `@query-param`".to_owned()),
        ("@method", _) => Ok(Source::Method),
        ("@target-uri", _) => Ok(Source::TargetUri),
        ("@authority", _) => Ok(Source::Authority),
        ("@scheme", _) => Ok(Source::Scheme),
        ("@request-target", _) => Ok(Source::RequestTarget),
        ("@path", _) => Ok(Source::Path),
        ("@query", _) => Ok(Source::Query),
        ("@status", _) if parameters.req => Err("a request has no status; leave out `req`".to_owned()),
        ("@status", _) => Ok(Source::Status),
        ("@signature-params", _) => Err("is covered by every signature, and never named".to_owned()),
        _ => Err(format!("`{name}` is no derived component")),
    }
}

fn field(name: &str, parameters: &Known) -> Result<Source, String> {
    if parameters.name.is_some() {
        return Err("`name` is for `@query-param`".to_owned());
    }
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("must be in lower case".to_owned());
    }
    if matches!(name, "signature" | "signature-input") {
        return Err("a signature over signatures says nothing of what these cover; name that".to_owned());
    }
    let form = match (parameters.sf, parameters.bs, &parameters.key) {
        (false, false, None) => Form::Combined,
        (true, false, None) => Form::Strict,
        (false, false, Some(key)) => Form::Member(key.clone()),
        (false, true, None) => Form::Wrapped,
        _ => return Err("only one of `sf`, `bs` and `key` can be said of a field".to_owned()),
    };
    if name == CONTENT_DIGEST && form != Form::Combined {
        return Err("is covered as a whole; leave out `sf`, `bs` and `key`".to_owned());
    }
    let name = FieldName::try_from(name.to_owned())?;
    Ok(Source::Field { name, form })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Component, String> {
        Component::try_from(text.to_owned())
    }

    #[test]
    fn identifiers_are_read_and_written() {
        for (text, identifier) in [
            ("date", r#""date""#),
            ("@query-param;name=\"Pet\"", r#""@query-param";name="Pet""#),
            ("x;key=\"a\";req", r#""x";key="a";req"#),
            ("x;  sf", r#""x";sf"#),
            ("@method;req", r#""@method";req"#),
        ] {
            assert_eq!(parse(text).unwrap().identifier(), identifier);
        }
    }

    #[test]
    fn what_no_signature_may_cover_is_refused() {
        for text in [
            "",
            ";sf",
            "Date",
            "a b",
            "a\"",
            "x-*",
            "x;sf=?0",
            "x;sf=1",
            "x;bs;sf",
            "x;key=\"a\";bs",
            "x;key=a",
            "x;tr",
            "x;unknown",
            "x;name=\"a\"",
            "@path;sf",
            "@path;name=\"a\"",
            "@query-param",
            "@query-param;name=a",
            "@status;req",
            "@signature-params",
            "@speciality-param",
            "@",
            "signature",
            "signature-input;key=\"a\"",
            "content-digest;sf",
            "x;sf;",
            "x;;sf",
            "x;sf, y",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_component_is_named_whatever_the_order_of_its_parameters() {
        let item = |text: &str| -> Item { Parser::new(text).parse().unwrap() };
        let component = parse("x;key=\"a\";req").unwrap();
        assert!(component.is_named_by(&item(r#""x";req;key="a""#)));
        for other in
            [r#""x";key="a""#, r#""x";key="b";req"#, r#""x";req;key="a";sf"#, r#""y";key="a";req"#, "x;key=\"a\";req"]
        {
            assert!(!component.is_named_by(&item(other)), "{other}");
        }
    }

    #[test]
    fn requests_have_no_status_and_responses_nothing_else_that_is_derived() {
        for (text, of_request, of_response) in [
            ("@path", true, false),
            ("@path;req", false, true),
            ("@status", false, true),
            ("date", true, true),
            ("date;req", false, true),
        ] {
            let component = parse(text).unwrap();
            assert_eq!((component.fits(true), component.fits(false)), (of_request, of_response), "{text}");
        }
    }
}
