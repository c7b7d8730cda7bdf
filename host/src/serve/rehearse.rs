//! A request that is played rather than asked: with facts no connection stands for, and an account of all that happens.

use std::rc::Rc;

use http::{Request, Response};
use hyper::body::Incoming;

use super::finish::Finish;
use super::{Begun, Connection, Outgoing, Worker};
use crate::telemetry::account::Account;
use crate::tls::ClientCertificate;

/// What is said of a request besides its connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) https: bool,
    pub(crate) certificate: Option<Rc<ClientCertificate>>,
    /// What policies before those that are played would have written.
    pub(crate) attributes: Vec<(String, String)>,
}

/// Answer one request as [`super::serve`] does. How it ended is in the account once the response has been read.
pub(crate) async fn rehearse(
    worker: &Rc<Worker>,
    connection: &Connection,
    facts: &Facts,
    account: Rc<Account>,
    request: Request<Incoming>,
) -> Response<Outgoing> {
    let (mut parts, body) = request.into_parts();
    let mut begun = Begun::new(worker, connection, &parts);
    begun.asker.https = facts.https;
    let mut finish = Finish::new(&begun, &parts);
    finish.watched(account);
    match begun.open(&mut parts, body, &mut finish) {
        Ok((mut exchange, body)) => {
            exchange.peer.certificate.clone_from(&facts.certificate);
            let attributes = facts.attributes.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
            // Whoever reads the facts has seen that they are few enough.
            let _ = exchange.set_attributes(attributes);
            begun.answer(exchange, parts, body, finish).await
        }
        Err(fault) => begun.refuse(&fault, finish),
    }
}
