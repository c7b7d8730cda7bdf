//! An upstream that answers with any bytes at all, and what a client gets of that.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use lockgate_tests::{Flaw, Gateway, Message, Upstream};

/// A gateway of one worker before such an upstream, so that what one answer leaves behind would meet the next.
pub(crate) struct Answering {
    says: Arc<Mutex<(Vec<u8>, Then)>>,
    gateway: Gateway,
}

/// What the upstream does after it has said its piece.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Stays,
    Closes,
}

/// What a client sees.
#[derive(Debug)]
pub(crate) enum Outcome {
    BadGateway,
    Message(Message),
    /// A message that does not come to its end.
    Cut,
}

impl Answering {
    pub(crate) fn start() -> Self {
        let says = Arc::new(Mutex::new((Vec::new(), Then::Stays)));
        let said = says.clone();
        let upstream = Upstream::with(move |exchange| {
            if exchange.target == "/next" {
                return exchange.reply(200, &[], b"next");
            }
            let (bytes, then) = said.lock().unwrap().clone();
            exchange.stream().write_all(&bytes)?;
            if then == Then::Closes { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
        });
        let gateway = Gateway::folder().gateway_toml("[runtime]\nworkers = 1").proxy(&upstream).start();
        Self { says, gateway }
    }

    /// Let the upstream answer so. Whatever it says, there is one response at most, and who asks next never gets the
    /// rest.
    pub(crate) fn outcome(&self, method: &str, answer: &[u8], then: Then) -> Outcome {
        let shown = String::from_utf8_lossy(answer.get(..300).unwrap_or(answer));
        *self.says.lock().unwrap() = (answer.to_vec(), then);
        let bytes = self.ask(method, "/answer");
        let text = String::from_utf8_lossy(&bytes);
        let outcome = match Message::response(&bytes, method) {
            Ok(response) => {
                assert_eq!(response.size, bytes.len(), "{shown:?} became more than one response: {text:?}");
                let problem = response.values("content-type") == ["application/problem+json"];
                if response.status() == 502 && problem { Outcome::BadGateway } else { Outcome::Message(response) }
            }
            Err(Flaw::Incomplete) => Outcome::Cut,
            Err(Flaw::Malformed(why)) => panic!("{shown:?} became {text:?}: {why}"),
        };
        let next = self.ask("GET", "/next");
        let next = Message::response(&next, "GET").unwrap_or_else(|flaw| panic!("after {shown:?}: {flaw:?}"));
        // The gateway may not know yet that a connection was closed; then it is honest to say so.
        let told =
            then == Then::Closes && next.status() == 502 && next.values("content-type") == ["application/problem+json"];
        assert!(told || (next.status(), &*next.text()) == (200, "next"), "after {shown:?}: {next:?} {}", next.text());
        outcome
    }

    fn ask(&self, method: &str, target: &str) -> Vec<u8> {
        let mut client = self.gateway.connect();
        client.write(format!("{method} {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes());
        client.until_closed()
    }
}
