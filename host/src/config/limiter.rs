//! Owns limiters as the operator declares them: where what they count is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::fault::{At, Faults, Place, quoted};
use super::kinds::{Integer, Placed, Spelled, Spelling, Text, Time};
use super::material::{SecretName, declared};
use super::reader::Table;
use super::section::section;
use crate::near::advice;

/// A limiter policies may be granted by name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Limiter {
    /// Shared under this name; without one, each API and policy counts apart.
    pub namespace: Option<String>,
    /// In this process.
    pub max_keys: u32,
    /// None where it counts in this process.
    pub shared: Option<SharedLimiter>,
    pub place: Place,
}

/// A store that counts for several gateways.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SharedLimiter {
    pub address: RedisAddress,
    /// Of the server.
    pub user: Option<String>,
    /// Name of a secret.
    pub password: Option<String>,
    /// Name of a `[tls.NAME]`.
    pub tls: Option<String>,
    pub timeout: Duration,
}

/// Where a server is that speaks the protocol of Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RedisAddress {
    Tcp { host: String, port: u16, database: u16, tls: bool },
    Unix(PathBuf),
}

section! {
    /// A limiter that policies may be granted with `limiter:NAME`: it counts how often something happens. A granted
    /// limiter that is not declared has the defaults. What is counted in this process is kept across reloads, and lost
    /// with it.
    pub(super) struct RawLimiter = "[limiter.NAME]" {
        /// Count together for all policies that use this namespace, and in a shared store for those of all gateways; when
        /// absent, each API and policy counts apart.
        optional namespace: Placed<Text>,
        /// Most keys that are counted apart in this process. Beyond them a new one takes the place of one that would
        /// matter for the shortest time.
        default max_keys: Integer<16, 10_000_000> = 100_000,
        /// A Redis or Valkey server that counts for all gateways which name it: `redis://HOST:PORT/DATABASE`, with
        /// `rediss://` inside TLS, or `unix:PATH`. When absent, this process counts by itself. Keys are stored as
        /// digests.
        optional redis: Placed<Spelling<RedisAddress>>,
        /// User at that server.
        optional user: Placed<Text>,
        /// Password at that server.
        optional password: SecretName,
        /// Name of the `[tls.NAME]` by which the server is known; when absent, by the authorities the operating system
        /// trusts.
        optional tls: Placed<Text>,
        /// How long a request waits for the server. What happens then is the policy's to say; as long as the server does
        /// not answer, later requests do not wait. When absent, 50 milliseconds.
        optional timeout: Placed<Time<1, 10_000>>,
    }
}

impl RawLimiter {
    pub(super) fn resolve(
        self,
        tls: &BTreeSet<String>,
        is_secret: impl Fn(&str) -> bool,
        faults: &mut Faults,
    ) -> Limiter {
        let Self { namespace, max_keys, redis, user, password, tls: by, timeout, place } = self;
        if let Some(At { value, place }) = &namespace
            && value.contains(['/', '{', '}'])
        {
            // Those of APIs and policies have slashes, and what stands in braces tells a cluster where keys belong.
            faults.push(place.fault("has a letter that no such name has", "leave out `/`, `{` and `}`"));
        }
        let shared = match redis {
            Some(At { value: address, .. }) => {
                if let Some(At { value, place }) = &by {
                    if !tls.contains(value) {
                        let known = advice(value, tls.iter().map(String::as_str), "declare it as [tls.NAME]");
                        faults.push(place.fault("names no TLS that is declared", known));
                    } else if !matches!(address, RedisAddress::Tcp { tls: true, .. }) {
                        faults.push(
                            place.fault("has no meaning without TLS", "remove it, or write rediss:// in `redis`"),
                        );
                    }
                }
                Some(SharedLimiter {
                    address,
                    user: user.map(|user| user.value),
                    password: password.and_then(|secret| declared(secret, is_secret, faults)),
                    tls: by.map(|tls| tls.value),
                    timeout: timeout.map_or(Duration::from_millis(50), |timeout| timeout.value),
                })
            }
            None => {
                let places = [
                    user.map(|it| it.place),
                    password.map(|it| it.place),
                    by.map(|it| it.place),
                    timeout.map(|it| it.place),
                ];
                for place in places.into_iter().flatten() {
                    faults.push(place.fault("has no meaning here", "remove it; it belongs to `redis`"));
                }
                None
            }
        };
        let namespace = namespace.map(|namespace| namespace.value);
        Limiter { namespace, max_keys, shared, place }
    }
}

impl Limiter {
    /// The limiter that a grant at `place` means when nobody declared it.
    pub(super) fn with_defaults(place: Place) -> Self {
        let mut faults = Faults::new();
        RawLimiter::from_table(Table::absent(place), &mut faults).resolve(&BTreeSet::new(), |_| false, &mut faults)
    }
}

/// What is counted under one namespace is counted in one place: complain about limiters that say another than the first.
pub(super) fn check_shared(limiters: &BTreeMap<String, Limiter>, faults: &mut Faults) {
    for limiter in limiters.values() {
        let Some(namespace) = &limiter.namespace else { continue };
        let mut same = limiters.iter().filter(|(_, other)| other.namespace.as_ref() == Some(namespace));
        if let Some((first, other)) = same.next()
            && (&other.shared, other.max_keys) != (&limiter.shared, limiter.max_keys)
        {
            faults.push(limiter.place.fault(
                format!("counts elsewhere than `{first}`, with which it shares the namespace {}", quoted(namespace)),
                "give both the same `redis` and `max_keys`, or one of them another namespace",
            ));
        }
    }
}

impl FromStr for RedisAddress {
    type Err = RedisAddressError;

    fn from_str(text: &str) -> Result<Self, RedisAddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return path.is_absolute().then_some(Self::Unix(path)).ok_or(RedisAddressError::Path);
        }
        let (tls, rest) = match text.split_once("://") {
            Some(("redis", rest)) => (false, rest),
            Some(("rediss", rest)) => (true, rest),
            _ => return Err(RedisAddressError::Scheme),
        };
        if rest.contains('@') {
            return Err(RedisAddressError::User);
        }
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let database = if database.is_empty() { Ok(0) } else { database.parse() };
        let database = database.map_err(|_| RedisAddressError::Database)?;
        let authority: http::uri::Authority = authority.parse().map_err(|_| RedisAddressError::Host)?;
        let port = if authority.as_str().ends_with(':') { None } else { authority.port().map(|port| port.as_u16()) };
        if port.is_none() && authority.as_str() != authority.host() || port == Some(0) {
            return Err(RedisAddressError::Host);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self::Tcp { host, port: port.unwrap_or(6379), database, tls })
    }
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(out, "unix:{}", path.display()),
            Self::Tcp { host, port, database, tls } => {
                let (scheme, open, close) = (
                    if *tls { "rediss" } else { "redis" },
                    if host.contains(':') { "[" } else { "" },
                    if host.contains(':') { "]" } else { "" },
                );
                write!(out, "{scheme}://{open}{host}{close}:{port}/{database}")
            }
        }
    }
}

impl Spelled for RedisAddress {
    const SPELLING: &'static str = "where a server is, \"redis://127.0.0.1:6379/0\", \"rediss://\" or \"unix:/PATH\"";
}

/// Why a text is no address of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RedisAddressError {
    #[error("it begins with `redis://`, `rediss://` or `unix:`")]
    Scheme,
    #[error("user and password stand in `user` and `password`")]
    User,
    #[error("there is no such host and port")]
    Host,
    #[error("the database is a number")]
    Database,
    #[error("the path of a socket is absolute")]
    Path,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_with_all_they_mean() {
        for (text, shown) in [
            ("redis://localhost", Ok("redis://localhost:6379/0")),
            ("redis://127.0.0.1:1/3", Ok("redis://127.0.0.1:1/3")),
            ("rediss://[::1]:6380/", Ok("rediss://[::1]:6380/0")),
            ("unix:/run/redis.sock", Ok("unix:/run/redis.sock")),
            ("unix:redis.sock", Err(RedisAddressError::Path)),
            ("http://a", Err(RedisAddressError::Scheme)),
            ("localhost:6379", Err(RedisAddressError::Scheme)),
            ("redis://u:p@h", Err(RedisAddressError::User)),
            ("redis://", Err(RedisAddressError::Host)),
            ("redis://h:0", Err(RedisAddressError::Host)),
            ("redis://h:99999", Err(RedisAddressError::Host)),
            ("redis://h:1:2", Err(RedisAddressError::Host)),
            ("redis://h/x", Err(RedisAddressError::Database)),
            ("redis://h/1/2", Err(RedisAddressError::Database)),
        ] {
            let address: Result<RedisAddress, _> = text.parse();
            assert_eq!(address.map(|it| it.to_string()), shown.map(str::to_owned), "{text}");
        }
    }
}
