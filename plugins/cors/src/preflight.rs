//! Preflights: recognising them and answering which methods and fields a page may use (Fetch standard, section 3.3.5).

use crate::{
    config::{Config, FieldName, Method, any_field},
    only,
    response::{allow_origin, join},
};
use lockgate_sdk::{Head, Response};

const ORIGIN: &str = "Origin";
const METHOD: &str = "Access-Control-Request-Method";
const HEADERS: &str = "Access-Control-Request-Headers";
const PRIVATE_NETWORK: &str = "Access-Control-Request-Private-Network";

/// Whether a request is a preflight and not just any OPTIONS.
pub(crate) fn is_preflight(head: &Head<'_>) -> bool {
    head.method() == Some("OPTIONS") && head.get(ORIGIN).is_some() && head.get(METHOD).is_some()
}

/// What preflights are answered, whatever they ask.
pub(crate) struct Preflight {
    any_origin: bool,
    credentials: bool,
    private_network: bool,
    any_method: bool,
    methods: Vec<Method>,
    any_header: bool,
    headers: Vec<FieldName>,
    allow_methods: String,
    /// Empty where no field is allowed.
    allow_headers: String,
    max_age: String,
    vary: String,
}

impl Preflight {
    pub(crate) fn new(config: &Config) -> Self {
        let methods = config.methods.clone();
        let headers = config.headers.clone();
        Self {
            any_origin: config.origins.is_any(),
            credentials: config.credentials,
            private_network: config.private_network,
            any_method: methods.iter().any(|method| method.as_str() == "*"),
            any_header: any_field(&headers),
            allow_methods: join(methods.iter().map(Method::as_str)),
            allow_headers: join(headers.iter().map(FieldName::as_str)),
            max_age: config.max_age.to_string(),
            vary: join(asked(config.private_network)),
            methods,
            headers,
        }
    }

    /// The request fields read, beside the method of the request itself.
    pub(crate) fn reads(&self) -> impl Iterator<Item = &'static str> {
        asked(self.private_network)
    }

    /// The answer; `origin` is that of the request if it is allowed.
    ///
    /// A preflight fails by saying nothing: what is not allowed gets the same 204, without permissions.
    pub(crate) fn answer(&self, head: &Head<'_>, origin: Option<&[u8]>) -> Response {
        let response = Response::new(204).field("vary", &self.vary);
        let Some(origin) = origin.filter(|_| self.permits(head)) else {
            return response;
        };
        let mut response = response
            .field("access-control-allow-origin", allow_origin(self.any_origin, origin))
            .field("access-control-allow-methods", &self.allow_methods)
            .field("access-control-max-age", &self.max_age);
        if !self.allow_headers.is_empty() {
            response = response.field("access-control-allow-headers", &self.allow_headers);
        }
        if self.credentials {
            response = response.field("access-control-allow-credentials", "true");
        }
        if self.private_network && only(head, PRIVATE_NETWORK) == Some(b"true") {
            response = response.field("access-control-allow-private-network", "true");
        }
        response
    }

    fn permits(&self, head: &Head<'_>) -> bool {
        let method = only(head, METHOD).is_some_and(|method| self.permits_method(method));
        let mut lists = head.all(HEADERS);
        method && lists.all(|list| names(list).all(|name| self.permits_header(name)))
    }

    fn permits_method(&self, asked: &[u8]) -> bool {
        let mut methods = self.methods.iter();
        self.any_method || methods.any(|method| method.as_str().as_bytes() == asked)
    }

    /// `*` does not stand for `authorization` (section 4.8).
    fn permits_header(&self, asked: &[u8]) -> bool {
        let named = |name: &FieldName| name.as_str().as_bytes().eq_ignore_ascii_case(asked);
        let by_wildcard = self.any_header && !asked.eq_ignore_ascii_case(b"authorization");
        by_wildcard || self.headers.iter().any(named)
    }
}

/// Fields that decide the answer, and by which caches must tell them apart.
fn asked(private_network: bool) -> impl Iterator<Item = &'static str> {
    let always = [ORIGIN, METHOD, HEADERS].into_iter();
    always.chain(private_network.then_some(PRIVATE_NETWORK))
}

/// The names of a comma-separated list; empty elements mean nothing (RFC 9110 section 5.6.1).
fn names(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let names = list.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    names.filter(|name| !name.is_empty())
}
