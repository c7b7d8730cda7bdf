//! The life of the process: open what it needs, start the workers, follow the configuration, drain, end.

mod account;
mod ending;
mod following;
mod kept;
mod succession;
mod workers;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::SockRef;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::LocalSet;

use crate::admin::{self, Admin};
use crate::alerts::Alerts;
use crate::config::{Address, Config, ConfigFault, Runtime};
use crate::consumers::{Consumers, Directory};
use crate::dashboard::Place;
use crate::generation::{Builder, Generation};
use crate::jwks::Published;
use crate::limiter::Shared;
use crate::listen::{Listeners, Offer, Shutdown, Stage, Unopened};
use crate::observe::Catalog;
use crate::record::Record;
use crate::reload::{Asked, Reloader};
use crate::sandbox::{Sandbox, Troubles, WASMTIME_VERSION};
use crate::serve::Common;
use crate::service::{self, Watchdog};
use crate::state::StateDir;
use crate::takeover::Handover;
use crate::telemetry::access_log::{AccessLog, AccessLogGuard};
use crate::telemetry::load::Load;
use crate::telemetry::log::LostLines;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::otlp::Exporter;
use crate::token::Token;
use crate::upstream;
use account::Account;
use ending::{Ending, Signals};
use following::{asked_for_health, follow, follow_alerts, follow_otlp};
use kept::Kept;
use succession::Succession;

pub(crate) use crate::listen::given;
pub(crate) use ending::Exit;
pub(crate) use workers::worker_count;

/// How long what a collector has not been sent yet may take after a drain.
const FLUSH: Duration = Duration::from_secs(5);
/// For what comes after that, the last lines of the logs among it.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// Bytes of an answer of the admin listener that wait in the kernel.
const UNSENT: u32 = 64 << 10;

/// What to run.
pub(crate) struct Options {
    pub(crate) folder: PathBuf,
    /// To what was last good, where the folder is faulty.
    pub(crate) falls_back: bool,
    /// In place of the address of the one listener.
    pub(crate) listen: Option<SocketAddr>,
    /// Whether to take the place of the gateway that serves.
    pub(crate) takeover: bool,
    /// Sockets the service manager has opened.
    pub(crate) given: Vec<Offer>,
    /// What the log counts its losses in.
    pub(crate) lost: LostLines,
}

/// What came of starting, for whoever shows it.
pub(crate) struct Started {
    pub(crate) listeners: Vec<(String, Address)>,
    pub(crate) admin: SocketAddr,
    pub(crate) state: Option<PathBuf>,
    pub(crate) generation: Arc<Generation>,
    /// Whether the folder is faulty, and what was last good serves.
    pub(crate) fell_back: bool,
}

/// Why the gateway did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("the configuration has faults")]
    Config(Vec<ConfigFault>),
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

/// Run until SIGTERM or SIGINT, then drain. `started` is told once everything serves.
pub(crate) fn run(options: Options, started: impl FnOnce(&Started)) -> Result<Exit, StartError> {
    raise_file_limit();
    let Options { folder, falls_back, listen, takeover, given, lost } = options;
    let (kept, beginning) = kept::read(folder, falls_back, takeover)?;
    let config = &beginning.config;
    let (limits, has_log) = (config.runtime, config.access_log);
    let load = Load::new(limits.max_requests);
    let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION"), WASMTIME_VERSION).with(lost).with(load.clone()));
    let workers = worker_count(limits.workers);

    // Sockets first: a taken port is found before anything slow is done.
    let (runtime, control) = (control_runtime()?, LocalSet::new());
    let listeners = Arc::new(Listeners::new(workers, listen, metrics.clone()));
    listeners.inherit(given);
    let mut handover = succession::meet(kept.path().filter(|_| takeover), &listeners)?;
    let opened = runtime.block_on(listeners.prepare(&config.listeners)).map_err(first)?;
    let admin_address = config.admin;
    let admin_socket = open_admin(admin_address, handover.as_mut())?;

    let (sandbox, troubles) = sandbox(&kept, takeover)?;
    let (directory, catalog, alerts) = <(Arc<Directory>, Arc<Catalog>, Arc<Alerts>)>::default();
    let builder = Builder::new(sandbox, kept.path(), workers, metrics.clone());
    let builder = builder.knowing(directory.clone()).numbering(catalog.clone());
    // What is tried out leaves nothing behind.
    let lasting = kept.path().filter(|_| falls_back);
    let account = Account::of(config, lasting.as_deref(), workers, catalog, &metrics, &alerts);
    let lock = kept.state.as_ref().map(StateDir::lock);
    let record = Record::new(lasting, lock.clone());
    let history = record.history();
    let begin = Reloader::start(beginning, (builder, troubles), (listeners.clone(), opened), record, metrics.clone());
    let (mut reloader, asked) = control.block_on(&runtime, begin).map_err(StartError::Config)?;

    let log = has_log.then(|| AccessLog::start(std::io::stdout(), metrics.access_log_dropped()));
    let (log, log_guard) = log.transpose().context("the access log cannot be started")?.unzip();
    let (stage, shutdown) = watch::channel(Stage::Serving);
    let (published, status, reload) = (reloader.watch(), reloader.status(), reloader.asker());
    let shown = Started {
        listeners: listeners.addresses(),
        admin: admin_socket.local_addr().context("the admin socket")?,
        state: kept.path(),
        generation: published.borrow().clone(),
        fell_back: status.now().refused.is_some(),
    };
    let ending =
        Ending { runtime: limits, stage, load: load.clone(), listeners: listeners.clone(), metrics: metrics.clone() };
    let common = Common { access_log: log, debug_key: kept.debug_key.clone(), load };
    let mut watchdog = Watchdog::wanted();
    succession::take(handover.as_ref(), &listeners, kept.state.as_ref())?;
    let consumers = Arc::new(Consumers::new(directory, lock.clone().filter(|_| falls_back), history.clone()));
    consumers.open();
    reloader.keep(lock.clone(), handover.is_some());
    let watch = account.as_ref().map(Account::watch);
    let account = account.map(|account| account.begin(&control, published.clone())).transpose()?;
    let (account, tellers) = account.unzip();
    let tellers = workers::tellers(workers, tellers);
    let mut threads = workers::start(tellers, &listeners, limits, &mut reloader, &mut watchdog, &common, &shutdown)?;
    threads.push(start_reloading(reloader, asked, shutdown.clone())?);

    let token = Token::new(kept.token.clone());
    let requests = Place { state: kept.path(), is_kept: watch.is_some() };
    let metrics_copy = metrics.clone();
    let admin =
        Admin { token, status, reload, history, consumers, metrics: metrics_copy, alerts, watch, shutdown, requests };
    let succession = Succession { handover, listeners, admin_address, lock };
    let control_thread = Control { admin, admin_socket, published, metrics, watchdog, threads, ending, succession };
    // What is told is moved in, so that the first generation is gone when nobody needs it any more.
    let ended = control.block_on(&runtime, control_thread.live(move || started(&shown)))?;
    finish(common, log_guard);
    if let Some(account) = account {
        account.close();
    }
    // Threads that did not end do so with the process.
    runtime.shutdown_background();
    Ok(ended)
}

/// What the main thread does while workers serve.
struct Control {
    admin: Admin,
    admin_socket: std::net::TcpListener,
    published: watch::Receiver<Arc<Generation>>,
    metrics: Arc<Metrics>,
    watchdog: Watchdog,
    threads: Vec<JoinHandle<()>>,
    ending: Ending,
    succession: Succession,
}

impl Control {
    /// From when everything serves until everything has ended.
    async fn live(self, started: impl FnOnce()) -> anyhow::Result<Exit> {
        let Self { admin, admin_socket, published, metrics, watchdog, threads, mut ending, succession } = self;
        let exporters = Rc::<RefCell<Vec<Exporter>>>::default();
        tokio::task::spawn_local(follow_otlp(published.clone(), metrics, exporters.clone()));
        let (consumers, alerts) = (admin.consumers.clone(), admin.alerts.clone());
        tokio::task::spawn_local(follow_alerts(published.clone(), alerts.clone()));
        tokio::task::spawn_local(consumers.clone().keep());
        let admin_copy = admin_socket.try_clone()?;
        let admin_socket = tokio::net::TcpListener::from_std(admin_socket)?;
        let asked = tokio::task::spawn_local(admin::serve(Rc::new(admin), admin_socket));
        let key_sets = |generation: &Generation| generation.key_sets().cloned().collect();
        tokio::task::spawn_local(follow(published.clone(), key_sets, Published::keep));
        let limiters = |generation: &Generation| generation.limiters().cloned().collect();
        tokio::task::spawn_local(follow(published.clone(), limiters, Shared::begin));
        tokio::task::spawn_local(follow(published, asked_for_health, upstream::probe));
        tokio::task::spawn_local(watchdog.watch());
        // Before anybody is told that it runs: whoever then asks it to end must be heard.
        let mut signals = Signals::listen()?;
        let succeeded = succession.begin(admin_copy);
        started();
        service::serves();
        tokio::select! {
            () = signals.next() => {
                let Runtime { drain, drain_delay, .. } = ending.runtime;
                service::ends(drain_delay + drain + FLUSH + AFTERWARDS);
            }
            process = succeeded => {
                tracing::info!(process, "another process serves in place of this one");
                service::is_succeeded_by(process);
                asked.abort();
                // Nobody has to notice: whoever connects is served.
                ending.runtime.drain_delay = Duration::ZERO;
            }
        }
        alerts.rest();
        let ended = ending.end(threads, &mut signals).await;
        consumers.note();
        tokio::join!(flush(exporters.take()), alerts.settle());
        Ok(ended)
    }
}

/// Where policies run, and who hears of those that fail. Where nobody is served yet, nobody has to come first.
fn sandbox(kept: &Kept, takeover: bool) -> anyhow::Result<(Sandbox, Troubles)> {
    let mut sandbox = Sandbox::new(kept.path().map(|path| path.join("code")))?;
    let troubles = sandbox.troubles();
    Ok((if takeover { sandbox } else { sandbox.hurried() }, troubles))
}

fn control_runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")
}

/// Of the listeners that cannot be opened, the first is told of.
fn first(unopened: Vec<Unopened>) -> StartError {
    let first = unopened.into_iter().next().map(|unopened| unopened.error.into());
    StartError::Other(first.unwrap_or_else(|| anyhow::anyhow!("there is nowhere to listen")))
}

/// The socket of who served before, or a new one.
fn open_admin(address: SocketAddr, handover: Option<&mut Handover>) -> anyhow::Result<std::net::TcpListener> {
    if let Some(inherited) = handover.and_then(|handover| handover.admin(&address.to_string())) {
        return Ok(inherited);
    }
    let socket = std::net::TcpListener::bind(address)
        .with_context(|| format!("cannot listen on {address} for [admin]; choose another address there"))?;
    socket.set_nonblocking(true).context("the admin socket")?;
    // Connections have it from here: what goes on for long is not to wait in the kernel.
    SockRef::from(&socket).set_tcp_notsent_lowat(UNSENT).context("the admin socket")?;
    Ok(socket)
}

/// Take as many descriptors as the system allows: the usual limit, meant for programs that use `select`, is reached by
/// some five hundred proxied connections.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, current = limit.current, "the limit on open files cannot be raised");
    }
}

/// Where the state of a configuration is.
pub(crate) fn state_path(config: &Config) -> PathBuf {
    config.state_dir.clone().unwrap_or_else(StateDir::default_path)
}

/// A thread that follows the policies folder: to read, hash and load what is large takes time that who asks the admin
/// listener should not have to wait.
fn start_reloading(mut reloader: Reloader, asked: Asked, mut shutdown: Shutdown) -> anyhow::Result<JoinHandle<()>> {
    let runtime = control_runtime()?;
    // What other servers reload by. From here on it does not end the process.
    let hangup = {
        let _inside = runtime.enter();
        signal(SignalKind::hangup())?
    };
    let life = move || {
        runtime.block_on(async {
            tokio::select! {
                () = reloader.follow(asked, hangup) => {}
                _ = shutdown.wait_for(|stage| *stage >= Stage::Draining) => {}
            }
            reloader.end();
        });
    };
    Ok(std::thread::Builder::new().name("reload".into()).spawn(life)?)
}

/// Let exporters send what they have, for a while.
async fn flush(exporters: Vec<Exporter>) {
    exporters.iter().for_each(Exporter::end);
    let flushed = tokio::task::spawn_blocking(move || exporters.into_iter().for_each(Exporter::join));
    if tokio::time::timeout(FLUSH, flushed).await.is_err() {
        tracing::warn!("the last traces and metrics are lost");
    }
}

/// Write what is left of the access log.
fn finish(common: Common, guard: Option<AccessLogGuard>) {
    drop(common);
    if let Some(guard) = guard
        && !guard.close(Duration::from_secs(2))
    {
        tracing::warn!("the last lines of the access log are lost");
    }
}
