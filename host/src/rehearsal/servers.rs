//! The upstream and the services of an exchange, in memory: each answers what the file says, and remembers what it was asked.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::USER_AGENT;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{DuplexStream, duplex};

use super::head::Answer;
use super::script::Scene;
use crate::upstream::{Called, Network};

/// Bytes on their way in a connection in memory.
pub(super) const PIPE: usize = 64 << 10;

/// All servers there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Servers(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    upstream: Answer,
    services: HashMap<String, VecDeque<Answer>>,
    asked: Vec<Request<Heard>>,
}

/// What came of a body, and whether that was all of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    /// None for the upstream.
    pub(super) service: Option<String>,
    pub(super) body: Bytes,
    pub(super) cut: bool,
}

impl Servers {
    /// The network in which there is nobody else.
    pub(super) fn network(&self) -> Network {
        let servers = self.clone();
        Network::offline(move |called| servers.connect(called))
    }

    /// Another exchange begins.
    pub(super) fn begin(&self, scene: &Scene) {
        let mut services: HashMap<String, VecDeque<Answer>> = HashMap::new();
        for (name, answer) in &scene.services {
            services.entry(name.clone()).or_default().push_back(answer.clone());
        }
        *self.lock() = State { upstream: scene.upstream.clone(), services, asked: Vec::new() };
    }

    /// What was asked, in the order in which it had been understood.
    pub(super) fn asked(&self) -> Vec<Request<Heard>> {
        std::mem::take(&mut self.lock().asked)
    }

    /// Each connection is for one question.
    fn connect(&self, called: Called<'_>) -> io::Result<DuplexStream> {
        let mut state = self.lock();
        let (service, answer) = match called {
            Called::Upstream => (None, Some(state.upstream.clone())),
            Called::Service(name) => {
                (Some(name.to_owned()), state.services.get_mut(name).and_then(VecDeque::pop_front))
            }
        };
        drop(state);
        let Some(Answer::Said { status, fields, body }) = answer else {
            return Err(io::Error::new(io::ErrorKind::ConnectionRefused, "the exchange names no answer"));
        };
        let mut response = Response::new(Full::new(body));
        (*response.status_mut(), *response.headers_mut()) = (status, fields);
        let (near, far) = duplex(PIPE);
        tokio::spawn(self.clone().answer(far, service, response));
        Ok(near)
    }

    async fn answer(self, stream: DuplexStream, service: Option<String>, response: Response<Full<Bytes>>) {
        let serve = |request: Request<Incoming>| async {
            let (head, body) = request.into_parts();
            self.hear(head, body, service.clone()).await;
            Ok::<_, Infallible>(response.clone())
        };
        let mut http = http1::Builder::new();
        let connection = http.auto_date_header(false).keep_alive(false);
        // Who asks sees where it breaks off.
        drop(connection.serve_connection(TokioIo::new(stream), service_fn(serve)).await);
    }

    async fn hear(&self, mut head: Parts, mut body: Incoming, service: Option<String>) {
        let (mut whole, mut cut) = (Vec::new(), false);
        while let Some(frame) = body.frame().await {
            match frame.map(|frame| frame.into_data()) {
                Ok(Ok(data)) => whole.extend_from_slice(&data),
                Ok(Err(_trailers)) => {}
                Err(_) => cut = true,
            }
            if cut {
                break;
            }
        }
        // Whose version is no doing of the policy's.
        if head.headers.get(USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(b"lockgate/")) {
            head.headers.remove(USER_AGENT);
        }
        self.lock().asked.push(Request::from_parts(head, Heard { service, body: whole.into(), cut }));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
