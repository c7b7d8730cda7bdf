//! Plays the exchanges of one file, one after the other, against one gateway in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{client, server};
use hyper_util::rt::TokioIo;
use tokio::io::duplex;
use tokio::runtime::LocalOptions;

use super::log::Overheard;
use super::outcome::Outcome;
use super::script::Scene;
use super::servers::{Heard, PIPE, Servers};
use super::stage::Stage;
use crate::config::{Config, ConfigFault, Isolation, Listener, Tree};
use crate::exchange::Patience;
use crate::generation::{Builder, Generation};
use crate::sandbox::{Image, Sandbox, Told, WASMTIME_VERSION, World};
use crate::serve::{self, Common, Connection, Worker};
use crate::telemetry::account::{Account, Call};
use crate::telemetry::load::Load;
use crate::telemetry::metrics::Metrics;

/// Longer than any exchange can take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A gateway for the exchanges of one file. What a policy keeps in stores is there for those that follow; all else
/// begins anew with each.
pub(crate) struct Player {
    runtime: tokio::runtime::LocalRuntime,
    generation: Arc<Generation>,
    listener: Listener,
    servers: Servers,
    world: Arc<Told>,
    metrics: Arc<Metrics>,
    overheard: Overheard,
}

/// What came of an exchange.
pub(crate) struct Played {
    /// The same each time.
    pub(crate) outcome: String,
    pub(crate) calls: Vec<Call>,
    /// Calls that were made but are not among those.
    pub(crate) left_out: usize,
}

impl Player {
    /// Build what the stage says, or say what is wrong with that.
    pub(crate) fn new(stage: &Stage, overheard: Overheard) -> anyhow::Result<Result<Self, Vec<ConfigFault>>> {
        let config = Tree::read(&stage.folder()).and_then(|tree| Config::parse(&tree));
        let config = match config {
            Ok(config) => config,
            Err(faults) => return Ok(Err(faults)),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
        let (servers, world) = (Servers::default(), Arc::<Told>::default());
        let sandbox = Sandbox::new(Some(stage.code()))?.within(World::Told(world.clone())).hurried();
        let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION"), WASMTIME_VERSION));
        let mut builder = Builder::new(sandbox, None, 1, metrics.clone()).through(servers.network());
        let generation = match runtime.block_on(builder.build_whole(&config)) {
            Ok(generation) => Arc::new(generation),
            Err(faults) => return Ok(Err(faults)),
        };
        let listener = config.listeners.into_iter().next().context("there is no listener")?;
        Ok(Ok(Self { runtime, generation, listener, servers, world, metrics, overheard }))
    }

    /// How instances of the policy come to be, in words.
    pub(crate) fn instances(&self) -> &'static str {
        let policy = self.generation.policies().next();
        match policy.map(|(policy, _)| (policy.isolation(), policy.image())) {
            Some((Isolation::Request, Image::Taken(_))) => "fresh, from an image",
            Some((Isolation::Request, _)) => "fresh, configured each time",
            Some((Isolation::Pooled, _)) => "warm",
            None => "none",
        }
    }

    pub(crate) fn play(&self, scene: &Scene) -> Played {
        self.world.begin(scene.told.unix_ms);
        self.servers.begin(scene);
        self.overheard.take();
        let before = self.counted();
        let account = Rc::new(Account::detailed());
        let answered = self.runtime.block_on(async {
            let exchange = self.exchange(scene, account.clone());
            tokio::time::timeout(PATIENCE, exchange).await.unwrap_or_else(|_| Err("it does not end".to_owned()))
        });
        let counted = self.counted().into_iter().filter_map(|(name, count)| {
            let grown = count.wrapping_sub(before.get(&name).copied().unwrap_or_default());
            (grown > 0).then_some((name, grown))
        });
        let (calls, asked) = (account.calls(), self.servers.asked());
        let outcome = Outcome {
            calls: &calls,
            ended: account.ended(),
            asked: &asked,
            answered: &answered,
            said: &self.overheard.take(),
            counted: &counted.collect::<Vec<_>>(),
        };
        Played { outcome: outcome.text(), calls, left_out: account.left_out() }
    }

    /// Ask, and read the answer to its end.
    async fn exchange(&self, scene: &Scene, account: Rc<Account>) -> Result<Response<Heard>, String> {
        let (near, far) = duplex(PIPE);
        // New ones: what a policy did in an exchange before does not lead it into the slow lane, or to a pause.
        let common = Common { access_log: None, debug_key: None, load: Load::new(1) };
        let worker = Rc::new(Worker::new(self.generation.clone(), common).numbered_from(1));
        let (connection, facts) = (self.connection(scene), scene.told.facts.clone());
        let serve = tokio::task::spawn_local(async move {
            let answer = service_fn(|request| {
                let told = serve::rehearse(&worker, &connection, &facts, account.clone(), request);
                async { Ok::<_, Infallible>(told.await) }
            });
            let mut http = server::conn::http1::Builder::new();
            let connection = http.auto_date_header(false).keep_alive(false).serve_connection(TokioIo::new(far), answer);
            // Who asks sees where it breaks off.
            drop(connection.await);
        });
        let heard = ask(TokioIo::new(near), scene).await.map_err(|error| error.to_string());
        // What ends with the exchange has ended before anybody looks at its account.
        drop(serve.await);
        heard
    }

    fn connection(&self, scene: &Scene) -> Connection {
        let client = scene.told.client;
        Connection {
            entrance: Rc::default(),
            client: Some(client),
            client_field: HeaderValue::try_from(client.to_string()).ok(),
            tls: None,
            max_target: usize::try_from(self.listener.max_target_bytes).unwrap_or(usize::MAX),
            max_body: self.listener.max_body_bytes,
            max_headers: self.listener.max_headers as usize,
            patience: Patience { timeout: self.listener.body_timeout, rate: self.listener.min_rate },
            tunnel: RefCell::default(),
        }
    }

    /// What policies have counted, by name and labels.
    fn counted(&self) -> BTreeMap<String, u64> {
        let policies = self.generation.policies();
        policies.flat_map(|(policy, _)| self.metrics.policy_counters(policy.api(), policy.name()).totals()).collect()
    }
}

async fn ask(stream: TokioIo<tokio::io::DuplexStream>, scene: &Scene) -> hyper::Result<Response<Heard>> {
    let (mut sender, connection) = client::conn::http1::Builder::new().handshake(stream).await?;
    let connection = tokio::task::spawn_local(connection);
    let mut request = Request::new(Full::new(scene.asked.body.clone()));
    (*request.method_mut(), *request.uri_mut()) = (scene.asked.method.clone(), scene.asked.target.clone());
    *request.headers_mut() = scene.asked.fields.clone();
    let (mut head, mut body) = sender.send_request(request).await?.into_parts();
    // Of this connection, which is for one exchange.
    head.headers.remove(http::header::CONNECTION);
    let (mut whole, mut cut) = (BytesMut::new(), false);
    while let Some(frame) = body.frame().await {
        match frame.map(|frame| frame.into_data()) {
            Ok(Ok(data)) => whole.extend_from_slice(&data),
            Ok(Err(_trailers)) => {}
            Err(_) => {
                cut = true;
                break;
            }
        }
    }
    drop((sender, body));
    connection.abort();
    Ok(Response::from_parts(head, Heard { service: None, body: Bytes::from(whole), cut }))
}
