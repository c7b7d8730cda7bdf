//! Owns how requests are spread over the targets of an upstream, and what happens when one fails.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use http::{HeaderName, StatusCode};

use super::fault::{At, Faults};
use super::kinds::{Integer, Kind, List, Spelled, Spelling, Time};
use super::reader::Node;
use super::section::{Section, section};
use super::target::Target;
use crate::exchange::hygiene::is_always_removed;

/// A target and how much of the traffic it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Weighted {
    pub target: Target,
    /// Beside those of the others.
    pub weight: u32,
}

/// Which target a request goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Balance {
    /// In turns.
    RoundRobin,
    /// The less busy one of two taken at random.
    LeastRequests,
    /// Always the same for the same value.
    Hash(HashKey),
}

/// What is hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HashKey {
    /// The client's address.
    Client,
    /// The path, without the query.
    Path,
    Header(HeaderName),
    Cookie(String),
}

/// When a request is sent once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Retry {
    /// How often a request is sent at most, kept connections that turn out to be closed aside.
    pub attempts: u32,
    /// Answers that are not taken for one.
    pub status: Vec<u32>,
    /// How long one try may take to answer; none for the time of the upstream.
    pub timeout: Option<Duration>,
    /// Of a hundred requests, how many may be sent once more.
    pub budget: u32,
}

/// When a target that fails is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Eject {
    /// In a row; 0 for never.
    pub failures: u32,
    /// Answers that are failures.
    pub status: Vec<u32>,
    pub first: Duration,
    pub longest: Duration,
    /// Of a hundred targets, how many may be left out at once.
    pub share: u32,
}

/// How a target is asked whether it is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Health {
    pub path: HealthPath,
    pub interval: Duration,
    pub timeout: Duration,
    /// Good answers in a row after which it is well, and bad ones after which it is not.
    pub healthy: u32,
    pub unhealthy: u32,
    /// Good answers.
    pub status: Vec<StatusRange>,
}

/// Statuses from one to another, both included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StatusRange(RangeInclusive<u16>);

impl StatusRange {
    pub(crate) fn has(&self, status: StatusCode) -> bool {
        self.0.contains(&status.as_u16())
    }
}

/// An absolute path, with or without a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HealthPath(pub http::uri::PathAndQuery);

section! {
    /// A target that takes more or less of the traffic than others.
    pub(super) struct RawTarget = "target" {
        /// `http://host:port` or `https://host:port`.
        required url: Spelling<Target>,
        /// How much it takes beside the others; 0 for nothing.
        default weight: Integer<0, 1_000> = 1,
    }
}

/// A target, written as a URL or a table.
pub(super) struct TargetEntry;

impl Kind for TargetEntry {
    type Out = At<Weighted>;
    const SECTION: Option<&'static Section> = Some(&RawTarget::SECTION);

    fn describe() -> String {
        format!("{} or a table", Target::SPELLING)
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<At<Weighted>> {
        let place = node.place.clone();
        let value = match node.as_table() {
            Some(table) => {
                let raw = RawTarget::from_table(table, faults);
                Weighted { target: raw.url?, weight: raw.weight }
            }
            None => Weighted { target: Spelling::<Target>::read(node, faults)?, weight: 1 },
        };
        Some(At { value, place })
    }
}

section! {
    /// When a request is sent once more. Where nothing of a request was sent, another target is asked in any case.
    /// Otherwise it must be safe: the method is idempotent (RFC 9110 section 9.2.2), the body empty or in memory, and
    /// no byte of an answer was there.
    pub(super) struct RawRetry = "retry" {
        /// How often a request is sent at most. A kept connection that turns out to be closed does not count, once.
        default attempts: Integer<1, 10> = 2,
        /// Answers after which it is sent once more.
        repeated status: List<Integer<500, 599>>,
        /// How long each try may take to begin its answer, as long as another may follow; when absent,
        /// `timeouts.first_byte`.
        optional timeout: Time<1, 600_000>,
        /// Of a hundred requests, how many may be sent once more; a few always may. Per worker.
        default budget: Integer<0, 100> = 20,
    }
}

section! {
    /// When a target that fails is left out for a while. A target that cannot be connected to, does not answer in time
    /// or breaks off has failed.
    pub(super) struct RawEject = "eject" {
        /// Failures in a row; 0 for never.
        default failures: Integer<0, 1_000> = 5,
        /// Answers that are failures.
        default status: List<Integer<500, 599>> = vec![502, 503, 504],
        /// For how long at first; twice as long each time it fails again at once.
        default first: Time<10, 3_600_000> = Duration::from_secs(10),
        /// For how long at most.
        default longest: Time<10, 86_400_000> = Duration::from_secs(300),
        /// Of a hundred targets, how many may be left out for failures at once; one may always, if there are several.
        default share: Integer<0, 100> = 50,
    }
}

section! {
    /// How targets are asked whether they are well: GET, by the protocol and TLS of the upstream, once for the process.
    pub(super) struct RawHealth = "health" {
        /// Path, with or without a query.
        required path: Spelling<HealthPath>,
        /// Time from one question to the next.
        default interval: Time<10, 3_600_000> = Duration::from_secs(5),
        /// Time for the answer.
        default timeout: Time<10, 600_000> = Duration::from_secs(1),
        /// Good answers in a row after which a target is asked again.
        default healthy: Integer<1, 100> = 2,
        /// Bad answers in a row after which it is left out.
        default unhealthy: Integer<1, 100> = 3,
        /// Statuses of good answers.
        default status: List<Spelling<StatusRange>> = vec![StatusRange(200..=399)],
    }
}

section! {
    /// How much at once. Beyond, requests get 503 without delay.
    pub(super) struct RawLimits = "limits" {
        /// Requests on their way, in the whole process; when absent, any number.
        optional max_requests: Integer<1, 1_000_000>,
        /// Connections to each target, per worker; when absent, any number.
        optional max_connections: Integer<1, 100_000>,
        /// Requests that may wait for one of those connections, per worker and target, for as long as it may take to
        /// connect.
        default max_pending: Integer<0, 100_000> = 100,
    }
}

impl RawRetry {
    pub(super) fn resolve(self) -> Retry {
        Retry { attempts: self.attempts, status: self.status, timeout: self.timeout, budget: self.budget }
    }
}

impl RawEject {
    pub(super) fn resolve(self) -> Eject {
        let Self { failures, status, first, longest, share, .. } = self;
        Eject { failures, status, first, longest: longest.max(first), share }
    }
}

impl RawHealth {
    pub(super) fn resolve(self) -> Option<Health> {
        let Self { path, interval, timeout, healthy, unhealthy, status, .. } = self;
        Some(Health { path: path?, interval, timeout, healthy, unhealthy, status })
    }
}

impl FromStr for HealthPath {
    type Err = http::uri::InvalidUri;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // What does not begin with a slash would be read as something else.
        let text = if text.starts_with('/') { text } else { "" };
        text.parse().map(Self)
    }
}

impl Spelled for HealthPath {
    const SPELLING: &'static str = "a path like \"/healthz\"";
}

/// No statuses.
#[derive(Debug, thiserror::Error)]
#[error("statuses are numbers from 200 to 599, the lower first")]
pub(crate) struct BadStatus;

impl FromStr for StatusRange {
    type Err = BadStatus;

    fn from_str(text: &str) -> Result<Self, BadStatus> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let status = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|status| digits && (200..=599).contains(status)).ok_or(BadStatus)
        };
        let (first, last) = (status(first)?, status(last)?);
        if first <= last { Ok(Self(first..=last)) } else { Err(BadStatus) }
    }
}

impl fmt::Display for StatusRange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.start(), self.0.end()) {
            (first, last) if first == last => write!(out, "{first}"),
            (first, last) => write!(out, "{first}-{last}"),
        }
    }
}

impl Spelled for StatusRange {
    const SPELLING: &'static str = "a status or some like \"200-299\"";
}

/// No way to choose a target.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadBalance {
    #[error("it is no way to choose a target")]
    Unknown,
    #[error(transparent)]
    Key(#[from] BadHashKey),
}

impl FromStr for Balance {
    type Err = BadBalance;

    fn from_str(text: &str) -> Result<Self, BadBalance> {
        Ok(match text {
            "round-robin" => Self::RoundRobin,
            "least-requests" => Self::LeastRequests,
            _ => {
                let key = text.strip_prefix("hash:").ok_or(BadBalance::Unknown)?;
                Self::Hash(key.parse()?)
            }
        })
    }
}

/// Nothing that can be hashed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadHashKey {
    #[error("it is nothing by which requests are told apart")]
    Unknown,
    #[error("what clients send in that field is removed first, so it tells none apart; `client` is their address")]
    Removed,
}

impl FromStr for HashKey {
    type Err = BadHashKey;

    fn from_str(text: &str) -> Result<Self, BadHashKey> {
        Ok(match text.split_once(':') {
            None if text == "client" => Self::Client,
            None if text == "path" => Self::Path,
            Some(("header", name)) => {
                let name: HeaderName = name.parse().map_err(|_| BadHashKey::Unknown)?;
                if is_always_removed(name.as_str()) {
                    return Err(BadHashKey::Removed);
                }
                Self::Header(name)
            }
            // Names of cookies are tokens, as names of fields are (RFC 6265 section 4.1.1).
            Some(("cookie", name)) if name.parse::<HeaderName>().is_ok() => Self::Cookie(name.to_owned()),
            _ => return Err(BadHashKey::Unknown),
        })
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RoundRobin => out.write_str("round-robin"),
            Self::LeastRequests => out.write_str("least-requests"),
            Self::Hash(key) => write!(out, "hash:{key}"),
        }
    }
}

impl fmt::Display for HashKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client => out.write_str("client"),
            Self::Path => out.write_str("path"),
            Self::Header(name) => write!(out, "header:{name}"),
            Self::Cookie(name) => write!(out, "cookie:{name}"),
        }
    }
}

impl Spelled for Balance {
    const SPELLING: &'static str = "\"round-robin\", \"least-requests\", \"hash:client\", \"hash:path\", \"hash:header:NAME\" or \"hash:cookie:NAME\"";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_one_or_a_range() {
        for (text, good, bad) in [("204", 204, 200), ("200-299", 299, 300), ("200-404", 404, 405)] {
            let range: StatusRange = text.parse().unwrap();
            assert_eq!(range.to_string(), text);
            assert!(range.has(StatusCode::from_u16(good).unwrap()) && !range.has(StatusCode::from_u16(bad).unwrap()));
        }
        for text in ["", "2xx", "299-200", "100", "600", "+200", "200-", "-200", "200-299-300"] {
            assert!(text.parse::<StatusRange>().is_err(), "{text}");
        }
    }

    #[test]
    fn ways_to_choose_are_shown_as_they_are_written() {
        for text in ["round-robin", "least-requests", "hash:client", "hash:path", "hash:header:x-a", "hash:cookie:id"] {
            assert_eq!(text.parse::<Balance>().unwrap().to_string(), text);
        }
        for text in ["", "random", "hash", "hash:", "hash:query", "hash:header:", "hash:header:a b", "hash:cookie:a;b"]
        {
            assert!(text.parse::<Balance>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_removed_from_every_request_tells_none_apart() {
        for field in
            ["X-Forwarded-For", "forwarded", "x-real-ip", "x_real_ip", "connection", "te", "proxy-authorization"]
        {
            let text = format!("hash:header:{field}");
            assert!(matches!(text.parse::<Balance>(), Err(BadBalance::Key(BadHashKey::Removed))), "{text}");
        }
        for field in ["host", "cookie", "authorization"] {
            assert!(format!("header:{field}").parse::<HashKey>().is_ok(), "{field}");
        }
    }
}
