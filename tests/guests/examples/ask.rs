//! Asks a service for what a request says, `METHOD TARGET`, and passes on what it hears; then misbehaves, if that is wanted.

use lockgate_guests::asked;
use lockgate_sdk::egress::{self, Call, Error};
use lockgate_sdk::prelude::*;
use std::hint::black_box;

fn name() -> String {
    "idp".into()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    /// The one it declares.
    #[serde(default = "name")]
    declare: String,
    /// The one it asks.
    #[serde(default = "name")]
    ask: String,
    /// Ask when the response comes, too.
    #[serde(default)]
    response: bool,
}

impl Policy for Ask {
    fn interest(&self) -> Interest {
        Interest::new()
            .request_read("x-test-ask")
            .request_read("x-test-break")
            .request_read("x-test-field")
            .request_write("x-test-heard")
            .response_write("x-test-heard")
            .egress(self.declare.as_str())
    }
}

impl Ask {
    fn hear(&self, wish: &str, field: Option<&str>) -> String {
        let (method, target) = wish.split_once(' ').unwrap_or(("GET", wish));
        let mut call = Call::new(method, target);
        if let Some((name, value)) = field.and_then(|field| field.split_once('=')) {
            call = call.field(name, value);
        }
        match egress::send(&self.ask, &call) {
            Ok(reply) => format!(
                "{} {} {}",
                reply.status(),
                reply.text("location").unwrap_or("-"),
                String::from_utf8_lossy(&reply.body()[..reply.body().len().min(2000)]).replace(['\r', '\n'], " ")
            ),
            Err(Error::Denied) => "Denied".into(),
            Err(Error::Timeout) => "Timeout".into(),
            Err(Error::Connect) => "Connect".into(),
            Err(Error::TooLarge) => "TooLarge".into(),
            Err(Error::Protocol) => "Protocol".into(),
            Err(Error::Busy) => "Busy".into(),
            Err(Error::Pending) => "Pending".into(),
        }
    }
}

impl RequestPhase for Ask {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        let Some(wish) = head.text("x-test-ask") else { return Verdict::Pass };
        let heard = self.hear(wish, head.text("x-test-field"));
        match asked(head) {
            Some("spin") => loop {
                black_box(());
            },
            Some("trap") => std::process::abort(),
            Some("again") => {
                for _ in 0..1000 {
                    self.hear(wish, None);
                }
            }
            _ => {}
        }
        Edits::new().set("x-test-heard", heard).state(wish).into()
    }
}

impl ResponsePhase for Ask {
    fn on_response(&self, _head: &Head<'_>, state: &[u8]) -> Verdict {
        match std::str::from_utf8(state) {
            Ok(wish) if self.response && !wish.is_empty() => {
                Edits::new().set("x-test-heard", self.hear(wish, None)).into()
            }
            _ => Verdict::Pass,
        }
    }
}

lockgate_sdk::export!(Ask: RequestPhase + ResponsePhase);
