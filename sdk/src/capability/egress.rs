//! Requests to services of the operator's choice. Needs the grant `egress:NAME`.
//!
//! A policy names a service and a path below its URL. Where that is, what may be asked for and with what credentials is
//! the operator's to say; credentials are in no call and in no reply, and redirects are not followed.
//!
//! ```
//! use lockgate_sdk::egress::{self, Call};
//! # use lockgate_sdk::{Response, testing};
//! # testing::egress::answer_with(|_| Ok(Response::json(200, &serde_json::json!({ "active": true }))));
//!
//! let call = Call::post("/introspect").field("content-type", "application/x-www-form-urlencoded").body(b"token=abc");
//! let reply = egress::send("idp", &call)?;
//! assert_eq!(reply.status(), 200);
//! # Ok::<_, egress::Error>(())
//! ```

use super::host::egress as host;
use crate::Head;
use crate::packed::{self, Names};
use serde::Deserialize;
use std::fmt;

pub use host::Error;

/// A request, as far as it is the policy's to say.
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct Call<'a> {
    method: &'a str,
    target: &'a str,
    fields: Vec<u8>,
    body: &'a [u8],
}

impl<'a> Call<'a> {
    /// `method` in capitals; `target` is path and query below the URL of the service, `/keys?x=1`.
    pub fn new(method: &'a str, target: &'a str) -> Self {
        Self { method, target, fields: Vec::new(), body: &[] }
    }

    /// `GET`.
    pub fn get(target: &'a str) -> Self {
        Self::new("GET", target)
    }

    /// `POST`.
    pub fn post(target: &'a str) -> Self {
        Self::new("POST", target)
    }

    /// Add a header field; earlier values of the name stay. Those of the connection, of framing and the operator's own
    /// are refused.
    pub fn field(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        packed::push(&mut self.fields, name.as_ref(), value.as_ref());
        self
    }

    /// The body; its media type is the caller's to name.
    pub fn body(mut self, body: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.body = body.as_ref();
        self
    }

    fn raw(&self) -> host::Call<'_> {
        host::Call { method: self.method, target: self.target, fields: &self.fields, body: self.body }
    }
}

/// Shows neither values, nor body, nor query.
impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.method)
            .field("path", &self.target.split('?').next().unwrap_or_default())
            .field("fields", &Names(&self.fields))
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// What a service answered.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    status: u16,
    fields: Vec<u8>,
    body: Vec<u8>,
}

impl Reply {
    /// 200 to 599; a redirect is a reply like any other.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The first value of a header field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        Head::new(&self.fields).get(name)
    }

    /// The first value of a header field, if it is UTF-8.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        Head::new(&self.fields).text(name)
    }

    /// The body, decoded.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as JSON, which may borrow from it.
    ///
    /// # Errors
    /// It is no JSON of this shape.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }
}

/// Shows neither values nor body.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("fields", &Names(&self.fields))
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// What a service said, perhaps to somebody before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    reply: Reply,
    age_ms: u64,
}

impl Answer {
    /// The reply.
    #[must_use]
    pub fn reply(&self) -> &Reply {
        &self.reply
    }

    /// How long ago it came.
    #[must_use]
    pub fn age_ms(&self) -> u64 {
        self.age_ms
    }
}

/// Ask the service `egress`, a name of the interest, and wait for its reply.
///
/// # Errors
/// `Denied` is a fault of policy or grant; the others should become
/// [`Failure::Dependency`](crate::Failure::Dependency).
pub fn send(egress: &str, call: &Call<'_>) -> Result<Reply, Error> {
    host::send(egress, call.raw()).map(Reply::from)
}

/// What the service said to this very call at most `max_age_ms` ago, to whoever asked; otherwise it is asked, once for all
/// who want to know. With 0 it is asked anew, and its answer is kept for nobody else.
///
/// # Errors
/// As [`send`]; and `Pending` where the answer is on its way: then the hook is called again, whatever it returns now.
/// Return [`Failure::Dependency`](crate::Failure::Dependency) at once.
pub fn ask(egress: &str, call: &Call<'_>, max_age_ms: u64) -> Result<Answer, Error> {
    let host::Answer { reply, age_ms } = host::ask(egress, call.raw(), max_age_ms)?;
    Ok(Answer { reply: reply.into(), age_ms })
}

impl From<host::Reply> for Reply {
    fn from(host::Reply { status, fields, body }: host::Reply) -> Self {
        Self { status, fields, body }
    }
}
