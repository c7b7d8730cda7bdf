//! Which facts a hook is given, decided once at load, and putting them together for a call.

use http::{HeaderMap, StatusCode};

use super::Place;
use super::names::{Names, UnknownName};
use crate::exchange::Exchange;
use crate::sandbox::fields;

/// What a hook reads, in the order it was declared.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    facts: Vec<Fact>,
    fields: Names,
    /// Exact names or, ending in `*`, prefixes.
    attributes: Vec<Box<str>>,
}

#[derive(Debug)]
enum Fact {
    Method,
    Scheme,
    Authority,
    Path,
    Query,
    Client,
    Certificate,
    CertificateSubject,
    CertificateNames,
    Api,
    Route,
    RequestId,
    Status,
    Param(Box<str>),
    Params,
}

impl Reads {
    /// From the names of an interest; `response` allows the facts only responses have.
    pub(crate) fn new(names: &[String], attributes: &[String], response: bool) -> Result<Self, UnknownName> {
        let (facts, names): (Vec<_>, Vec<_>) = names.iter().partition(|name| name.starts_with(':'));
        Ok(Self {
            facts: facts.into_iter().map(|name| Fact::parse(name, response)).collect::<Result<_, _>>()?,
            fields: Names::readable(names.into_iter())?,
            attributes: attributes.iter().map(|name| name.as_str().into()).collect(),
        })
    }

    /// Append everything declared that exists.
    pub(crate) fn collect(
        &self,
        list: &mut Vec<u8>,
        exchange: &Exchange,
        place: &Place<'_>,
        status: Option<StatusCode>,
        headers: &HeaderMap,
    ) {
        for fact in &self.facts {
            fact.push(list, exchange, place, status);
        }
        self.fields.each(headers, |name, value| fields::push(list, name, value));
        if !self.attributes.is_empty() {
            for (name, value) in exchange.attributes() {
                if self.attributes.iter().any(|known| covers(known, name)) {
                    fields::push_prefixed(list, b"@", name, value);
                }
            }
        }
    }
}

impl Fact {
    fn parse(name: &str, response: bool) -> Result<Self, UnknownName> {
        Ok(match name {
            ":method" => Self::Method,
            ":scheme" => Self::Scheme,
            ":authority" => Self::Authority,
            ":path" => Self::Path,
            ":query" => Self::Query,
            ":client" => Self::Client,
            ":client-certificate" => Self::Certificate,
            ":client-certificate-subject" => Self::CertificateSubject,
            ":client-certificate-name" => Self::CertificateNames,
            ":api" => Self::Api,
            ":route" => Self::Route,
            ":request-id" => Self::RequestId,
            ":status" if response => Self::Status,
            ":param.*" => Self::Params,
            _ => match name.strip_prefix(":param.") {
                Some(param) => Self::Param(param.into()),
                None => return Err(UnknownName(name.to_owned())),
            },
        })
    }

    fn push(&self, list: &mut Vec<u8>, exchange: &Exchange, place: &Place<'_>, status: Option<StatusCode>) {
        match self {
            Self::Method => fields::push(list, b":method", exchange.method.as_str().as_bytes()),
            Self::Scheme => fields::push(list, b":scheme", exchange.peer.scheme().as_bytes()),
            Self::Authority => match exchange.host.unusual_port(exchange.peer.https) {
                None => fields::push(list, b":authority", exchange.host.as_str().as_bytes()),
                Some(port) => fields::push_display(list, b":authority", format_args!("{}:{port}", exchange.host)),
            },
            Self::Path => fields::push(list, b":path", exchange.target.path().as_bytes()),
            Self::Query => {
                if let Some(query) = exchange.target.query() {
                    fields::push(list, b":query", query.as_bytes());
                }
            }
            Self::Client => {
                if let Some(client) = exchange.peer.client {
                    fields::push_display(list, b":client", client);
                }
            }
            Self::Certificate => {
                if let Some(certificate) = &exchange.peer.certificate {
                    fields::push(list, b":client-certificate", certificate.thumbprint.as_bytes());
                }
            }
            Self::CertificateSubject => {
                if let Some(certificate) = &exchange.peer.certificate {
                    fields::push(list, b":client-certificate-subject", certificate.subject.as_bytes());
                }
            }
            Self::CertificateNames => {
                for name in exchange.peer.certificate.iter().flat_map(|certificate| &certificate.names) {
                    fields::push(list, b":client-certificate-name", name.as_bytes());
                }
            }
            Self::Api => fields::push(list, b":api", place.api.as_bytes()),
            Self::Route => fields::push(list, b":route", place.route.as_bytes()),
            Self::RequestId => fields::push_display(list, b":request-id", &exchange.id),
            Self::Status => {
                if let Some(status) = status {
                    fields::push(list, b":status", status.as_str().as_bytes());
                }
            }
            Self::Param(name) => {
                if let Some(value) = place.params.and_then(|params| params.get(name)) {
                    fields::push_prefixed(list, b":param.", name.as_bytes(), value.as_bytes());
                }
            }
            Self::Params => {
                for (name, value) in place.params.into_iter().flat_map(|params| params.iter()) {
                    fields::push_prefixed(list, b":param.", name.as_bytes(), value.as_bytes());
                }
            }
        }
    }
}

/// Whether a declared attribute name, exact or ending in `*`, covers `name`.
pub(super) fn covers(declared: &str, name: &[u8]) -> bool {
    match declared.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix.as_bytes()),
        None => declared.as_bytes() == name,
    }
}
