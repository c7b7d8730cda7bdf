//! Services that answer as the test says, and what is remembered of that by the clock double.

use super::clock;
use crate::{Head, Response};
use std::cell::RefCell;
use std::collections::HashMap;

type Service = Box<dyn Fn(&Asked<'_>) -> Result<Response, Error>>;

thread_local! {
    static SERVICE: RefCell<Option<Service>> = const { RefCell::new(None) };
    static REMEMBERED: RefCell<HashMap<Question, (Reply, u64)>> = RefCell::default();
}

/// Service, method, target, fields and body.
type Question = (String, String, String, Vec<u8>, Vec<u8>);

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
    /// The answer is on its way, and the hook is called again; of `ask` only, and only where a closure says so.
    Pending,
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

#[derive(Clone)]
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

pub(crate) struct Answer {
    pub(crate) reply: Reply,
    pub(crate) age_ms: u64,
}

pub(crate) fn ask(egress: &str, call: Call<'_>, max_age_ms: u64) -> Result<Answer, Error> {
    let (method, target) = (call.method.to_owned(), call.target.to_owned());
    let question = (egress.to_owned(), method, target, call.fields.to_vec(), call.body.to_vec());
    let now = clock::now();
    if max_age_ms > 0
        && let Some((reply, came)) = REMEMBERED.with_borrow(|known| known.get(&question).cloned())
    {
        let age_ms = now.saturating_sub(came);
        if age_ms <= max_age_ms {
            super::refuse_while_configuring("egress");
            return Ok(Answer { reply, age_ms });
        }
    }
    let reply = send(egress, call)?;
    if max_age_ms > 0 {
        REMEMBERED.with_borrow_mut(|known| known.insert(question, (reply.clone(), now)));
    }
    Ok(Answer { reply, age_ms: 0 })
}

pub(super) fn reset() {
    SERVICE.set(None);
    REMEMBERED.with_borrow_mut(HashMap::clear);
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
    fn an_answer_is_remembered_for_as_long_as_whoever_asks_wants_it_fresh() {
        let asked = std::rc::Rc::new(std::cell::Cell::new(0));
        let count = asked.clone();
        answer_with(move |_| {
            count.set(count.get() + 1);
            if count.get() == 3 { Err(Error::Timeout) } else { Ok(Response::json(200, &count.get())) }
        });
        let ask = |target, max_age| egress::ask("idp", &Call::get(target), max_age);
        let said =
            |target, max_age| ask(target, max_age).map(|answer| (answer.reply().body().to_vec(), answer.age_ms()));
        assert_eq!(said("/a", 10), Ok((b"1".to_vec(), 0)));
        clock::advance(10);
        assert_eq!(said("/a", 10), Ok((b"1".to_vec(), 10)));
        assert_eq!(said("/b", 10), Ok((b"2".to_vec(), 0)));
        assert_eq!(said("/a", 9), Err(Error::Timeout));
        assert_eq!(said("/a", 9), Ok((b"4".to_vec(), 0)));
        assert_eq!(asked.get(), 4);
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
