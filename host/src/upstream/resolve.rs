//! The addresses of a name, kept for a while, and connecting to the first of them that answers.
//!
//! Names are asked of the system, so that they mean here what they mean to every other program on the machine; it says
//! no life span, and so the configuration does.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::config::{Refusal, UpstreamBounds};

/// More addresses of a name than these are not looked at.
const MOST: usize = 32;
/// How long an address may keep the next one waiting (RFC 8305 section 5).
const STAGGER: Duration = Duration::from_millis(250);
/// After a lookup that failed, old addresses are used for this long before the next.
const PAUSE: Duration = Duration::from_secs(1);

/// What a name was last resolved to. Per process; locked when a connection is opened, not when one is used.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    known: Mutex<Option<Known>>,
    /// Held by the one who asks; others wait for what comes of it.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Known {
    addresses: Arc<[SocketAddr]>,
    until: Instant,
    /// Which is tried first; the next connection begins at the next.
    next: usize,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    #[error("the name has no address")]
    NoAddress,
    /// A name may come to point anywhere after the configuration was checked.
    #[error("the name points to an address that {0}")]
    Forbidden(Refusal),
    #[error("cannot connect")]
    Io(#[from] io::Error),
}

impl Addresses {
    /// Connect to a name: its addresses in turn, each soon after the one before where that does not answer.
    pub(super) async fn connect(
        &self,
        name: &str,
        port: u16,
        bounds: &UpstreamBounds,
        ttl: Duration,
        patience: Duration,
    ) -> Result<TcpStream, ResolveError> {
        let mut refused = ResolveError::NoAddress;
        let mut allowed = self.get(name, port, ttl, patience / 2).await?;
        allowed.retain(|address| match bounds.check_address(*address) {
            Ok(()) => true,
            Err(refusal) => {
                refused = ResolveError::Forbidden(refusal);
                false
            }
        });
        if allowed.is_empty() {
            return Err(refused);
        }
        Ok(connect_first(&allowed, patience).await?)
    }

    /// The addresses, beginning with another each time. Old ones are good while the name cannot be resolved.
    async fn get(&self, name: &str, port: u16, ttl: Duration, patience: Duration) -> io::Result<Vec<SocketAddr>> {
        if let Some(known) = self.fresh(Instant::now()) {
            return Ok(known);
        }
        let _asking = self.asking.lock().await;
        // Whoever asked meanwhile asked for all.
        if let Some(known) = self.fresh(Instant::now()) {
            return Ok(known);
        }
        let asked = timeout(patience, lookup(name, port)).await;
        let found = asked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        self.learn(found, Instant::now(), ttl)
    }

    fn learn(&self, found: io::Result<Vec<SocketAddr>>, now: Instant, ttl: Duration) -> io::Result<Vec<SocketAddr>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match (found, known.as_mut()) {
            (Ok(addresses), _) if !addresses.is_empty() => {
                let next = known.as_ref().map_or(0, |known| known.next);
                let until = now + ttl;
                Ok(known.insert(Known { addresses: addresses.into(), until, next }).turn())
            }
            (Ok(_), None) => Ok(Vec::new()),
            (Err(error), None) => Err(error),
            (_, Some(known)) => {
                tracing::debug!("a name cannot be resolved again; its old addresses are used");
                known.until = now + PAUSE.min(ttl);
                Ok(known.turn())
            }
        }
    }

    fn fresh(&self, now: Instant) -> Option<Vec<SocketAddr>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_mut().filter(|known| now < known.until).map(Known::turn)
    }
}

impl Known {
    fn turn(&mut self) -> Vec<SocketAddr> {
        let count = self.addresses.len().max(1);
        let (head, tail) = self.addresses.split_at(self.next % count);
        self.next = (self.next + 1) % count;
        [tail, head].concat()
    }
}

/// What the system says the addresses of a name are, in the order to try them in.
pub(crate) async fn lookup(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let found = lookup_host((name, port)).await?;
    Ok(interleaved(found.take(MOST).collect()))
}

/// Connect to the first of these addresses that answers, each of which is given its share of `patience`.
pub(crate) async fn connect_first(addresses: &[SocketAddr], patience: Duration) -> io::Result<TcpStream> {
    if let [only] = addresses {
        return TcpStream::connect(only).await;
    }
    let share = patience / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    race(addresses, STAGGER.min(share)).await
}

/// Families in turn, each in the order of the system: a family that leads nowhere costs one attempt, not all of its
/// own.
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (one, other): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    let mut all = Vec::new();
    loop {
        match (one.next(), other.next()) {
            (None, None) => return all,
            (one, other) => all.extend(one.into_iter().chain(other)),
        }
    }
}

/// Begin with the next address when one fails, or after `stagger`; the first that connects wins, and the others are
/// dropped.
async fn race(addresses: &[SocketAddr], stagger: Duration) -> io::Result<TcpStream> {
    let mut waiting = addresses.iter().copied();
    let mut attempts = JoinSet::new();
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        match waiting.next() {
            Some(address) => {
                attempts.spawn(TcpStream::connect(address));
            }
            None if attempts.is_empty() => return Err(last),
            None => {}
        }
        let ended = match waiting.len() {
            0 => attempts.join_next().await,
            _ => timeout(stagger, attempts.join_next()).await.unwrap_or_default(),
        };
        match ended {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(error))) => last = error,
            Some(Err(_)) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(30);
    const PATIENCE: Duration = Duration::from_secs(60);

    fn addresses(list: &[&str]) -> Vec<SocketAddr> {
        list.iter().map(|address| address.parse().unwrap()).collect()
    }

    #[tokio::test]
    async fn a_name_that_leads_to_the_gateway_itself_is_not_connected_to() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let own = UpstreamBounds::new(None, vec![address]);
        let (known, port) = (Addresses::default(), address.port());
        let refused = known.connect("localhost", port, &own, TTL, PATIENCE).await;
        assert!(matches!(refused, Err(ResolveError::Forbidden(Refusal::Own))));
        assert!(known.connect("localhost", port, &UpstreamBounds::default(), TTL, PATIENCE).await.is_ok());
    }

    #[test]
    fn addresses_are_used_in_turn_until_their_time_is_over_and_while_there_are_no_others() {
        let (known, now) = (Addresses::default(), Instant::now());
        let error = || Err(io::ErrorKind::TimedOut.into());
        assert!(known.learn(error(), now, TTL).is_err());
        let list = ["10.0.0.1:1", "10.0.0.2:1"];
        assert_eq!(known.learn(Ok(addresses(&list)), now, TTL).unwrap(), addresses(&list));
        assert_eq!(known.fresh(now).unwrap(), addresses(&["10.0.0.2:1", "10.0.0.1:1"]));
        let later = now + TTL;
        assert_eq!(known.fresh(later), None);
        assert_eq!(known.learn(error(), later, TTL).unwrap(), addresses(&list));
        assert!(known.fresh(later).is_some() && known.fresh(later + PAUSE).is_none());
        assert_eq!(known.learn(Ok(addresses(&["10.0.0.3:1"])), later, TTL).unwrap(), addresses(&["10.0.0.3:1"]));
    }

    #[test]
    fn families_take_turns() {
        let mixed = addresses(&["[::1]:1", "[::2]:1", "10.0.0.1:1"]);
        assert_eq!(interleaved(mixed), addresses(&["[::1]:1", "10.0.0.1:1", "[::2]:1"]));
    }

    #[tokio::test]
    async fn an_address_that_does_not_answer_is_passed_over() {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let here = listener.local_addr().unwrap();
        let stream = race(&[gone, here], PATIENCE).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), here);
        assert!(race(&[gone], PATIENCE).await.is_err());
    }
}
