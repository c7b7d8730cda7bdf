//! A store that several gateways share: asked by one task, with a bound on how long anybody waits for it.
//!
//! While it does not answer, nobody asks it: of all who wait when it falls silent none waits longer than the timeout, and
//! who comes then does not wait at all.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisError};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use super::hold::{Hold, Member};
use super::{Demand, Outcome, redis as server};
use crate::config::RedisAddress;
use crate::exchange::Chain;
use crate::telemetry::metrics::{LimiterMetrics, TakeOutcome};
use crate::tls;
use crate::upstream::{connect_first, lookup};

/// Demands that wait to be sent, and that wait for an answer.
const QUEUE: usize = 4096;
const UNDER_WAY: usize = 1024;
/// For a connection to be made, and to be greeted.
const CONNECT: Duration = Duration::from_secs(1);
/// Between attempts, at least and at most.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A store as it is declared.
#[derive(PartialEq)]
pub(crate) struct Settings {
    /// Of `[limiter.NAME]`.
    pub(crate) name: String,
    pub(crate) address: RedisAddress,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Vec<u8>>,
    pub(crate) tls: Option<Arc<tls::Client>>,
    /// Longest time anybody waits for an answer.
    pub(crate) timeout: Duration,
}

/// A shared store; one for the process.
pub(crate) struct Shared {
    settings: Settings,
    to_ask: mpsc::Sender<Job>,
    asked: Mutex<mpsc::Receiver<Job>>,
    /// As far as is known; before the first attempt it is hoped.
    answers: AtomicBool,
    /// What tells holds of this process from those of others, and from each other.
    process: u64,
    holds: AtomicU64,
    metrics: LimiterMetrics,
}

/// Something to be done at the store.
enum Job {
    Take(Take),
    GiveBack(Vec<Member>),
}

/// Demands for the store, and who waits for what comes of them.
struct Take {
    space: Arc<str>,
    demands: Vec<Demand>,
    /// By which what is held of them is known.
    id: String,
    until: Instant,
    outcome: oneshot::Sender<Outcome>,
}

/// A place among those that wait for the store.
#[derive(Debug)]
pub(crate) struct Asked {
    store: Arc<Shared>,
    space: Arc<str>,
    demands: Vec<Demand>,
    id: String,
    until: Instant,
    outcome: oneshot::Receiver<Outcome>,
}

/// What came of demands: nothing that is known, where the store did not answer in time.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) demands: Vec<Demand>,
    pub(crate) outcome: Option<Outcome>,
}

/// Why the store does not answer.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("no connection")]
    Connect(#[source] io::Error),
    #[error("no connection in time")]
    Silent,
    #[error("the name of the server cannot be in a certificate")]
    Name(#[from] rustls::pki_types::InvalidDnsNameError),
    #[error("the server refuses")]
    Refused(#[from] RedisError),
    #[error("no answer in time")]
    Late,
    #[error("the connection ended")]
    Ended,
}

impl Shared {
    pub(crate) fn new(settings: Settings, metrics: LimiterMetrics) -> Self {
        let (to_ask, asked) = mpsc::channel(QUEUE);
        Self {
            settings,
            to_ask,
            asked: Mutex::new(asked),
            answers: AtomicBool::new(true),
            process: getrandom::u64().unwrap_or_default(),
            holds: AtomicU64::new(0),
            metrics,
        }
    }

    pub(crate) fn is_of(&self, settings: &Settings) -> bool {
        self.settings == *settings
    }

    /// Have demands taken; none where the store does not answer, or too many wait already.
    pub(super) fn ask(self: &Arc<Self>, space: &Arc<str>, demands: &[Demand]) -> Option<Asked> {
        let (tell, outcome) = oneshot::channel();
        let (until, id) = (Instant::now() + self.settings.timeout, self.id(demands));
        let take = Take { space: space.clone(), demands: demands.to_vec(), id: id.clone(), until, outcome: tell };
        if !self.answers.load(Relaxed) || self.to_ask.try_send(Job::Take(take)).is_err() {
            self.metrics.took(TakeOutcome::Unanswered);
            return None;
        }
        Some(Asked { store: self.clone(), space: space.clone(), demands: demands.to_vec(), id, until, outcome })
    }

    /// By what name what is held of these demands is known; none where nothing is.
    fn id(&self, demands: &[Demand]) -> String {
        match demands.iter().any(|demand| demand.rule.is_held()) {
            true => format!("{:x}.{:x}", self.process, self.holds.fetch_add(1, Relaxed)),
            false => String::new(),
        }
    }

    /// Give back what is held. Where the store does not answer it lapses there.
    pub(super) fn give_back(&self, members: Vec<Member>) {
        let _ = self.to_ask.try_send(Job::GiveBack(members));
    }

    /// Keep a connection to the store and ask it what is to be asked, for as long as this is polled.
    pub(crate) async fn keep(self: Arc<Self>) {
        let mut jobs = self.asked.lock().await;
        let mut failed = 0_u32;
        loop {
            let Err(trouble) = self.serve(&mut jobs, &mut failed).await;
            self.answers.store(false, Relaxed);
            self.metrics.answers(false);
            if failed == 0 {
                tracing::warn!(limiter = self.settings.name, reason = %Chain(&trouble), "the store of a limiter does not answer");
            }
            // Who waits hears of it at once.
            while jobs.try_recv().is_ok() {}
            if failed > 0 {
                sleep(PAUSE.saturating_mul(2_u32.saturating_pow(failed - 1)).min(LONGEST_PAUSE)).await;
            }
            failed = failed.saturating_add(1);
        }
    }

    /// Connect, and ask until something goes wrong.
    async fn serve(
        &self,
        jobs: &mut mpsc::Receiver<Job>,
        failed: &mut u32,
    ) -> Result<std::convert::Infallible, Trouble> {
        let stream = timeout(CONNECT, self.connect()).await.map_err(|_| Trouble::Silent)??;
        let info = self.greeting();
        let made = MultiplexedConnection::new_with_config(&info, stream, AsyncConnectionConfig::new());
        let (mut connection, driver) = timeout(CONNECT, made).await.map_err(|_| Trouble::Silent)??;
        let mut driver = std::pin::pin!(driver);
        let loaded = tokio::select! {
            () = &mut driver => return Err(Trouble::Ended),
            loaded = timeout(CONNECT, server::prepare(&mut connection)) => loaded,
        };
        loaded.map_err(|_| Trouble::Silent)??;
        if *failed > 0 {
            tracing::info!(limiter = self.settings.name, "the store of a limiter answers again");
        }
        *failed = 0;
        self.answers.store(true, Relaxed);
        self.metrics.answers(true);
        let mut under_way = JoinSet::new();
        loop {
            tokio::select! {
                () = &mut driver => return Err(Trouble::Ended),
                Some(ended) = under_way.join_next() => ended.unwrap_or(Err(Trouble::Ended))?,
                Some(job) = jobs.recv(), if under_way.len() < UNDER_WAY => {
                    under_way.spawn_local(job.perform(connection.clone()));
                }
            }
        }
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, Trouble> {
        let (host, port) = match &self.settings.address {
            RedisAddress::Unix(path) => return connect_unix(path).await.map_err(Trouble::Connect),
            RedisAddress::Tcp { host, port, .. } => (host, *port),
        };
        let addresses = lookup(host, port).await.map_err(Trouble::Connect)?;
        let stream = connect_first(&addresses, CONNECT).await.map_err(Trouble::Connect)?;
        stream.set_nodelay(true).map_err(Trouble::Connect)?;
        let Some(client) = &self.settings.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from(host.clone())?;
        let encrypted = TlsConnector::from(client.config().clone()).connect(name, stream).await;
        Ok(Box::new(encrypted.map_err(Trouble::Connect)?))
    }

    fn greeting(&self) -> RedisConnectionInfo {
        let mut info = RedisConnectionInfo::default().set_lib_name("lockgate", env!("CARGO_PKG_VERSION"));
        if let RedisAddress::Tcp { database, .. } = &self.settings.address {
            info = info.set_db((*database).into());
        }
        if let Some(user) = &self.settings.user {
            info = info.set_username(user);
        }
        if let Some(password) = &self.settings.password {
            info = info.set_password(String::from_utf8_lossy(password));
        }
        info
    }
}

async fn connect_unix(path: &PathBuf) -> io::Result<Box<dyn Stream>> {
    Ok(Box::new(UnixStream::connect(path).await?))
}

/// What a connection runs over.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Job {
    /// An error says that the connection is of no more use.
    async fn perform(self, mut connection: MultiplexedConnection) -> Result<(), Trouble> {
        let Take { space, demands, id, until, outcome } = match self {
            Self::Take(take) if take.outcome.is_closed() => return Ok(()),
            Self::Take(take) => take,
            Self::GiveBack(members) => {
                let given = server::give_back(&mut connection, &members);
                return timeout(CONNECT, given).await.map_err(|_| Trouble::Late)?.map_err(Trouble::from);
            }
        };
        let taken = server::take(&mut connection, &space, &demands, &id, None);
        let taken = timeout_at(until, taken).await.map_err(|_| Trouble::Late)??;
        // Who waited may be gone: what was taken is taken, but nobody holds anything.
        if let Err(taken) = outcome.send(taken)
            && taken.admits()
        {
            server::give_back(&mut connection, &server::members(&space, &demands, &id)).await?;
        }
        Ok(())
    }
}

impl Asked {
    /// Until there is an answer, or no more time for one.
    pub(crate) async fn over(self) -> Taken {
        let outcome = timeout_at(self.until, self.outcome).await.ok().and_then(Result::ok);
        let outcome = outcome.map(|outcome| {
            let members =
                if outcome.admits() { server::members(&self.space, &self.demands, &self.id) } else { Vec::new() };
            outcome.holding((!members.is_empty()).then(|| Hold::shared(self.store.clone(), members)))
        });
        self.store.metrics.took(match &outcome {
            Some(outcome) if outcome.admits() => TakeOutcome::Admitted,
            Some(_) => TakeOutcome::Refused,
            None => TakeOutcome::Unanswered,
        });
        Taken { demands: self.demands, outcome }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without what opens it.
        out.debug_struct("Shared").field("name", &self.settings.name).finish_non_exhaustive()
    }
}
