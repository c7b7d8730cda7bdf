//! From what a policy asks to a request that may be sent, or why none may.

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request, Uri};
use http_body_util::Full;

use super::{Call, Denial, Egress};
use crate::exchange::hygiene::{are_twins, is_always_removed};
use crate::exchange::path::Target;

/// Header fields of a call, and bytes of their names and values.
const MAX_FIELDS: usize = 64;
const MAX_FIELD_BYTES: usize = 16 * 1024;
const AGENT: HeaderValue = HeaderValue::from_static(concat!("lockgate/", env!("CARGO_PKG_VERSION")));
const GZIP: HeaderValue = HeaderValue::from_static("gzip");
/// Fields by which frameworks let a request be of another method, or to another path, than its first line says.
const OVERRIDES: [&str; 5] =
    ["x-http-method", "x-http-method-override", "x-method-override", "x-original-url", "x-rewrite-url"];

impl Egress {
    /// In origin form, with a Host field. All of the caller is checked before anything of ours joins it.
    pub(super) fn admit(&self, call: Call) -> Result<Request<Full<Bytes>>, Denial> {
        let terms = &self.settings.terms;
        let method: Method = call.method.parse().map_err(|_| Denial::Method)?;
        if !terms.methods.contains(&method) {
            return Err(Denial::Method);
        }
        let uri = self.uri(&call.target)?;
        let mut fields = self.fields(call.fields)?;
        if call.body.len() as u64 > terms.max_request {
            return Err(Denial::Body);
        }
        fields.extend(self.host.clone().map(|host| (HOST, host)));
        fields.insert(ACCEPT_ENCODING, GZIP);
        fields.entry(USER_AGENT).or_insert(AGENT);
        if !call.body.is_empty() || !method.is_safe() {
            fields.insert(CONTENT_LENGTH, call.body.len().into());
        }
        fields.extend(self.settings.credentials.clone());
        let mut request = Request::new(Full::new(call.body));
        (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, uri, fields);
        Ok(request)
    }

    /// The path is what the rule of paths makes of it, below that of the service; the query is as the caller wrote it.
    fn uri(&self, target: &str) -> Result<Uri, Denial> {
        let path = target.split('?').next().unwrap_or_default();
        // One `/` would come of it, but who writes two may mean a host.
        if path.contains("//") {
            return Err(Denial::Authority);
        }
        let terms = &self.settings.terms;
        let target = Target::parse(target)?;
        if !terms.cover(target.path()) {
            return Err(Denial::Path);
        }
        if terms.endpoint.path.is_empty() {
            return Ok(target.into_path_and_query().into());
        }
        let whole = Target::parse(format!("{}{target}", terms.endpoint.path))?;
        Ok(whole.into_path_and_query().into())
    }

    fn fields(&self, said: Vec<(String, Bytes)>) -> Result<HeaderMap, Denial> {
        let bytes: usize = said.iter().map(|(name, value)| name.len() + value.len()).sum();
        if said.len() > MAX_FIELDS || bytes > MAX_FIELD_BYTES {
            return Err(Denial::Fields);
        }
        let mut fields = HeaderMap::with_capacity(said.len() + 8);
        for (name, value) in said {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Denial::Field)?;
            let value = HeaderValue::from_maybe_shared(value).map_err(|_| Denial::Field)?;
            if self.is_own(&name) {
                return Err(Denial::Owned);
            }
            fields.append(name, value);
        }
        Ok(fields)
    }

    /// Whether a field is the host's: of the connection, of framing, where it goes, what of the answer can be decoded,
    /// who asks and from where, which a service may believe since it comes from here; and what some servers take for
    /// the method or the path, which were granted. Some read
    /// `_` as `-`.
    fn is_own(&self, name: &HeaderName) -> bool {
        let credentials = self.settings.credentials.keys();
        let mut own = credentials.chain(&[HOST, ACCEPT_ENCODING, EXPECT]).map(HeaderName::as_str).chain(OVERRIDES);
        is_always_removed(name.as_str()) || own.any(|own| are_twins(own, name.as_str()))
    }
}
