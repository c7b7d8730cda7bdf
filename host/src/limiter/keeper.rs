//! The keeper of a shared store: one task that has the connection, asks what is to be asked, and comes back when it breaks.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisError};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use super::hold::Member;
use super::redis::Time;
use super::shared::Common;
use super::{Demand, Outcome, redis as server};
use crate::config::RedisAddress;
use crate::exchange::Chain;
use crate::upstream::{connect_first, lookup};

/// Demands that wait for an answer.
const UNDER_WAY: usize = 1024;
/// Units given back together.
const GIVEN_AT_ONCE: usize = 256;
/// For a connection to be made, and to be greeted; and for what nobody waits for.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between attempts, at least and at most.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Demands for the store, and who waits for what comes of them.
pub(super) struct Take {
    pub(super) space: Arc<str>,
    pub(super) demands: Arc<[Demand]>,
    /// What the time is for who asks, in milliseconds since 1970.
    pub(super) now: u64,
    /// By which what is held of them is known.
    pub(super) id: String,
    pub(super) until: Instant,
    pub(super) outcome: oneshot::Sender<Outcome>,
}

pub(super) struct Keeper {
    common: Arc<Common>,
    takes: mpsc::Receiver<Take>,
    given: mpsc::UnboundedReceiver<Vec<Member>>,
    /// What was given back and the store does not know of yet. To say it twice does no harm.
    owed: VecDeque<Member>,
    /// Attempts since all was well.
    failed: u32,
    /// Whether it was said that the store refuses something, since all was well.
    complained: bool,
    /// Whether the last connection was given up because the store refused something: that it can be had again says
    /// nothing then.
    is_refused: bool,
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

/// What came of something that was under way.
enum Done {
    /// The reason is why the store would not take.
    Took(Result<(), RedisError>),
    /// Likewise; what it does not take back lapses.
    GaveBack(Result<(), RedisError>),
}

impl Keeper {
    pub(super) fn new(
        common: Arc<Common>,
        takes: mpsc::Receiver<Take>,
        given: mpsc::UnboundedReceiver<Vec<Member>>,
    ) -> Self {
        Self { common, takes, given, owed: VecDeque::new(), failed: 0, complained: false, is_refused: false }
    }

    /// Go on until nobody counts in the store any more.
    pub(super) async fn keep(mut self) {
        loop {
            let trouble = match self.serve().await {
                Ok(()) => return,
                Err(trouble) => trouble,
            };
            self.common.answers.store(false, Relaxed);
            self.common.metrics.answers(false);
            if self.failed == 0 {
                let limiter = &*self.common.settings.name;
                tracing::warn!(limiter, reason = %Chain(&trouble), "the store of a limiter does not answer");
            }
            self.is_refused = matches!(trouble, Trouble::Refused(_));
            // Who waits hears of it at once.
            while self.takes.try_recv().is_ok() {}
            if self.takes.is_closed() {
                // Nobody counts there any more, and what is owed lapses.
                return;
            }
            sleep(PAUSE.saturating_mul(2_u32.saturating_pow(self.failed)).min(LONGEST_PAUSE)).await;
            self.failed = self.failed.saturating_add(1);
        }
    }

    /// Connect, and ask until something goes wrong, or nobody is left to ask for.
    async fn serve(&mut self) -> Result<(), Trouble> {
        let stream = timeout(PATIENCE, self.connect()).await.map_err(|_| Trouble::Silent)??;
        // How long anybody waits is kept to here.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let greeting = self.greeting();
        let made = MultiplexedConnection::new_with_config(&greeting, stream, config);
        let (mut connection, driver) = timeout(PATIENCE, made).await.map_err(|_| Trouble::Silent)??;
        let mut driver = std::pin::pin!(driver);
        let prepared = tokio::select! {
            () = &mut driver => return Err(Trouble::Ended),
            prepared = timeout(PATIENCE, server::prepare(&mut connection)) => prepared,
        };
        prepared.map_err(|_| Trouble::Silent)??;
        self.answers();
        let mut under_way = JoinSet::new();
        // Of what is owed, what is being given back; and whether there will be no more of either.
        let (mut giving, mut takes_over, mut given_over) = (0, false, false);
        while !(takes_over && given_over && under_way.is_empty() && self.owed.is_empty()) {
            if giving == 0 && !self.owed.is_empty() {
                giving = self.owed.len().min(GIVEN_AT_ONCE);
                let members = self.owed.iter().take(giving).cloned().collect();
                under_way.spawn_local(give_back(members, connection.clone()));
            }
            tokio::select! {
                () = &mut driver => return Err(Trouble::Ended),
                Some(ended) = under_way.join_next() => match ended.unwrap_or(Err(Trouble::Ended))? {
                    Done::Took(taken) => self.heard(taken),
                    Done::GaveBack(given) => {
                        self.heard(given);
                        self.owed.drain(..std::mem::take(&mut giving));
                    }
                },
                take = self.takes.recv(), if !takes_over && under_way.len() < UNDER_WAY => match take {
                    Some(take) => drop(under_way.spawn_local(take.perform(connection.clone()))),
                    None => takes_over = true,
                },
                members = self.given.recv(), if !given_over => match members {
                    Some(members) => self.owed.extend(members),
                    None => given_over = true,
                },
            }
        }
        Ok(())
    }

    /// There is a connection.
    fn answers(&mut self) {
        self.common.answers.store(true, Relaxed);
        self.common.metrics.answers(true);
        if !self.is_refused {
            self.is_well();
        }
    }

    fn is_well(&mut self) {
        if self.failed > 0 {
            tracing::info!(limiter = self.common.settings.name, "the store of a limiter answers again");
        }
        (self.failed, self.complained, self.is_refused) = (0, false, false);
    }

    /// What the store would not do is the trouble of who asked for it, and told once.
    fn heard(&mut self, said: Result<(), RedisError>) {
        match said {
            Ok(()) if self.is_refused => self.is_well(),
            Ok(()) => {}
            Err(error) => {
                if !std::mem::replace(&mut self.complained, true) {
                    let limiter = &*self.common.settings.name;
                    tracing::warn!(limiter, reason = %Chain(&error), "the store of a limiter refuses to count");
                }
            }
        }
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, Trouble> {
        let settings = &self.common.settings;
        let (host, port) = match &settings.address {
            RedisAddress::Unix(path) => return connect_unix(path).await.map_err(Trouble::Connect),
            RedisAddress::Tcp { host, port, .. } => (host, *port),
        };
        let addresses = lookup(host, port).await.map_err(Trouble::Connect)?;
        let stream = connect_first(&addresses, PATIENCE).await.map_err(Trouble::Connect)?;
        stream.set_nodelay(true).map_err(Trouble::Connect)?;
        let Some(client) = &settings.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from(host.clone())?;
        let encrypted = TlsConnector::from(client.config().clone()).connect(name, stream).await;
        Ok(Box::new(encrypted.map_err(Trouble::Connect)?))
    }

    fn greeting(&self) -> RedisConnectionInfo {
        let settings = &self.common.settings;
        let mut info = RedisConnectionInfo::default().set_lib_name("lockgate", env!("CARGO_PKG_VERSION"));
        if let RedisAddress::Tcp { database, .. } = &settings.address {
            info = info.set_db((*database).into());
        }
        if let Some(user) = &settings.user {
            info = info.set_username(user);
        }
        if let Some(password) = &settings.password {
            info = info.set_password(String::from_utf8_lossy(password));
        }
        info
    }
}

async fn connect_unix(path: &Path) -> io::Result<Box<dyn Stream>> {
    Ok(Box::new(UnixStream::connect(path).await?))
}

/// What a connection runs over.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Take {
    /// An error says that the connection is of no more use.
    async fn perform(self, mut connection: MultiplexedConnection) -> Result<Done, Trouble> {
        let Self { space, demands, now, id, until, outcome } = self;
        if outcome.is_closed() || until <= Instant::now() {
            // Nobody waits, and the store was never asked.
            return Ok(Done::Took(Ok(())));
        }
        let taken = server::take(&mut connection, &space, &demands, &id, Time::OfServer { here: now });
        let taken = match timeout_at(until, taken).await.map_err(|_| Trouble::Late)? {
            Ok(taken) => taken,
            Err(error) => return refused(error).map(|error| Done::Took(Err(error))),
        };
        // Who waited may be gone: what was taken is taken, but nobody holds anything.
        if let Err(taken) = outcome.send(taken)
            && taken.admits()
        {
            let members = server::members(&space, &demands, &id);
            return give_back(members, connection).await.map(|given| match given {
                Done::Took(given) | Done::GaveBack(given) => Done::Took(given),
            });
        }
        Ok(Done::Took(Ok(())))
    }
}

async fn give_back(members: Vec<Member>, mut connection: MultiplexedConnection) -> Result<Done, Trouble> {
    let given = server::give_back(&mut connection, &members);
    match timeout(PATIENCE, given).await.map_err(|_| Trouble::Late)? {
        Ok(()) => Ok(Done::GaveBack(Ok(()))),
        Err(error) => refused(error).map(|error| Done::GaveBack(Err(error))),
    }
}

/// What a server refuses; trouble where the connection is of no more use after it.
fn refused(error: RedisError) -> Result<RedisError, Trouble> {
    if error.is_unrecoverable_error() || error.is_io_error() { Err(error.into()) } else { Ok(error) }
}
