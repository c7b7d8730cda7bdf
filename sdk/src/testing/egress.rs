//! Services that answer as the test says.

use crate::{Head, Response};
use std::cell::RefCell;

type Service = Box<dyn Fn(&Asked<'_>) -> Result<Response, Error>>;

thread_local! {
    static SERVICE: RefCell<Option<Service>> = const { RefCell::new(None) };
}

/// Why there is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Not granted for this use, or not within it.
    Denied,
    /// No whole reply in time; a `dependency` failure, as are the ones after it.
    Timeout,
    /// No connection could be made.
    Connect,
    /// The reply is longer than the operator lets it be.
    TooLarge,
    /// What came is no reply.
    Protocol,
    /// As many calls are under way as there may be.
    Busy,
}

/// What a policy asked a service.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The name of the service.
    pub egress: &'a str,
    /// In capitals.
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// The body.
    pub body: &'a [u8],
    fields: &'a [u8],
}

impl<'a> Asked<'a> {
    /// The first value of a header field.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        Head::new(self.fields).get(name)
    }

    /// The first value of a header field, if it is UTF-8.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        Head::new(self.fields).text(name)
    }
}

/// Answer each call by a closure. Without one every answer is `Denied`.
pub fn answer_with(service: impl Fn(&Asked<'_>) -> Result<Response, Error> + 'static) {
    SERVICE.set(Some(Box::new(service)));
}

pub(crate) struct Call<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) fields: &'a [u8],
    pub(crate) body: &'a [u8],
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) fields: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn send(egress: &str, call: Call<'_>) -> Result<Reply, Error> {
    super::refuse_while_configuring("egress");
    let Call { method, target, fields, body } = call;
    SERVICE.with_borrow(|service| {
        let service = service.as_ref().ok_or(Error::Denied)?;
        let Response { status, fields, body } = service(&Asked { egress, method, target, body, fields })?;
        Ok(Reply { status, fields, body })
    })
}

pub(super) fn reset() {
    SERVICE.set(None);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::{self, Call};

    #[test]
    fn a_service_sees_what_was_asked_and_the_policy_what_it_answered() {
        answer_with(|asked| {
            assert_eq!((asked.egress, asked.method, asked.target), ("idp", "POST", "/introspect?a=b"));
            assert_eq!(
                (asked.text("Content-Type"), asked.get("absent"), asked.body),
                (Some("text/plain"), None, &b"x"[..])
            );
            Ok(Response::json(201, &[1, 2]).field("x-a", "1"))
        });
        let call = Call::post("/introspect?a=b").field("Content-Type", "text/plain").body("x");
        assert_eq!(
            format!("{call:?}"),
            r#"Call { method: "POST", path: "/introspect", fields: ["content-type"], body_bytes: 1 }"#
        );
        let reply = egress::send("idp", &call).unwrap();
        assert_eq!((reply.status(), reply.body(), reply.text("X-A")), (201, &b"[1,2]"[..], Some("1")));
        assert_eq!(reply.json::<Vec<u8>>().unwrap(), [1, 2]);
        assert!(reply.json::<String>().is_err());
    }

    #[test]
    fn a_service_may_fail_and_one_nobody_plays_is_denied() {
        assert_eq!(egress::send("idp", &Call::get("/")), Err(Error::Denied));
        answer_with(|_| Err(Error::Timeout));
        assert_eq!(egress::send("idp", &Call::get("/")), Err(Error::Timeout));
        super::super::reset();
        assert_eq!(egress::send("idp", &Call::get("/")), Err(Error::Denied));
    }
}
