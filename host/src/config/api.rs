//! Owns api.toml of an API's folder: its upstreams and routes. It names powers but cannot give any.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::near::advice;
use crate::openapi::Document;
use crate::route::HostPattern;

use super::access::{Access, check_named};
use super::backend::Known;
use super::bounds::{Refusal, UpstreamBounds};
use super::chain::{ChainEntry, DeclaredPolicies, Link};
use super::fault::{ConfigFault, Faults, Place, complained_below, quoted};
use super::gateway::RawGateway;
use super::grant::Pattern;
use super::kinds::{Filled, Integer, Kind, List, Named, Placed, Spelling, Text, Time, is_name, read_text};
use super::openapi;
use super::policy::{Policy, RawPolicy};
use super::privacy::{ApiPrivacy, RawApiPrivacy};
use super::protocol::Protocol;
use super::reader::{Node, with_document};
use super::route::{RawRoute, Route, check_unique};
use super::section::{Section, section};
use super::split::DeclaredUpstreams;
use super::target::Host;
use super::traffic::{Balance, Eject, Health, RawEject, RawHealth, RawLimits, RawRetry, Retry, TargetEntry, Weighted};
use super::tree::Tree;

/// Where an API stands, in a folder of its own.
const FILE: &str = "api.toml";

/// One API: a folder with a name and a version.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Api {
    /// Relative to the policies folder.
    pub folder: Arc<str>,
    /// Unique.
    pub name: String,
    pub version: String,
    /// Empty for any.
    pub hosts: Vec<HostPattern>,
    pub upstreams: BTreeMap<String, Upstream>,
    pub chain: Vec<ChainEntry>,
    pub routes: Vec<Route>,
    /// What its OpenAPI document says about personal data, if it names one.
    pub openapi: Option<Arc<Document>>,
    pub privacy: ApiPrivacy,
    /// None where it is as the folder has it.
    pub held: Option<Arc<Held>>,
}

/// What an API that is held passes and runs, as it was when all of the API was good.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Held {
    /// The gateway's chain.
    pub chain: Vec<ChainEntry>,
    /// Of these counts where the code comes from; what they may do is today's.
    pub policies: BTreeMap<String, Policy>,
    /// Names and prefixes of fields clients might not send: what it passes may count on that.
    pub identity_headers: Vec<Pattern>,
}

/// What gateway.toml says that APIs may name.
#[derive(Clone, Copy)]
pub(super) struct Powers<'a> {
    pub(super) bounds: &'a UpstreamBounds,
    pub(super) policies: &'a DeclaredPolicies,
    pub(super) tls: Option<&'a BTreeSet<String>>,
    pub(super) access: Option<&'a BTreeMap<String, Option<Access>>>,
}

/// Servers that answer alike.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Upstream {
    /// At least one, and one of them with a weight.
    pub targets: Vec<Weighted>,
    pub balance: Balance,
    pub retry: Retry,
    pub eject: Eject,
    pub health: Option<Health>,
    pub limits: Limits,
    pub timeouts: Timeouts,
    /// Unused connections kept, per worker.
    pub max_idle: u32,
    /// How long addresses of names are used.
    pub dns_ttl: Duration,
    pub protocol: Protocol,
    /// None where it is reached without TLS.
    pub tls: Option<UpstreamTls>,
    /// Name of an `[access.NAME]` of the gateway that is for all of its targets.
    pub access: Option<String>,
}

/// How an upstream is reached by TLS.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UpstreamTls {
    /// A `[tls.NAME]` of the gateway; none for its defaults.
    pub name: Option<String>,
    /// Whose certificate is expected, where that is not the host of the target.
    pub server_name: Option<Host>,
    pub place: Place,
}

/// How much may be under way at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Per process.
    pub requests: Option<u32>,
    /// Per worker and target.
    pub connections: Option<u32>,
    /// Per worker and target.
    pub pending: u32,
}

/// How long an upstream may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timeouts {
    pub connect: Duration,
    /// From the end of the request to the head of the response.
    pub first_byte: Duration,
    /// Between two pieces of a body.
    pub idle: Duration,
}

section! {
    /// One API: `api.toml` in a folder of its own. Listeners, keys, secrets and grants stand only in gateway.toml.
    pub(super) struct RawApi = "<api>/api.toml" {
        /// Unique among all APIs.
        required name: Placed<ApiName>,
        /// Any text, by custom `1.2.0`; shown by `/status` and `routes --json`.
        required version: Text,
        /// Exact names or `*.suffix`; when absent, any.
        repeated hosts: Filled<List<Spelling<HostPattern>>>,
        /// Servers that routes may name.
        repeated upstream: Named<RawUpstream>,
        /// Policies for all routes of the API, after those of the gateway.
        repeated chain: List<Link>,
        /// The OpenAPI document, version 3.0 to 3.2, as a file of this folder that ends in `.yaml`, `.yml` or `.json`. Read
        /// for what it says about personal data: see PRIVACY.md.
        optional openapi: Placed<Text>,
        /// What the record of processing activities says of this API.
        nested privacy: RawApiPrivacy,
        /// Operations.
        repeated route: List<RawRoute>,
    }
}

section! {
    /// Servers that answer alike.
    pub(super) struct RawUpstream = "[upstream.NAME]" {
        /// At least one; all by TLS, or none.
        required targets: List<TargetEntry>,
        /// Which target a request goes to.
        default balance: Spelling<Balance> = Balance::RoundRobin,
        /// When a request is sent once more.
        nested retry: RawRetry,
        /// When a target that fails is left out for a while.
        nested eject: RawEject,
        /// How targets are asked whether they are well; when absent, they are not.
        optional health: RawHealth,
        /// How much at once.
        nested limits: RawLimits,
        /// How long the servers may take.
        nested timeouts: RawTimeouts,
        /// Most unused connections kept, per worker.
        default max_idle: Integer<0, 65_536> = 128,
        /// How long the addresses of a name are used before the system is asked for them again; while that fails,
        /// longer.
        default dns_ttl: Time<1, 86_400_000> = Duration::from_secs(30),
        /// Which HTTP is spoken; when absent, HTTP/1.1, and over TLS what both sides like best.
        optional protocol: Spelling<Protocol>,
        /// Name of a `[tls.NAME]` of gateway.toml, for `https://` targets; when absent, a certificate the operating
        /// system trusts is asked for.
        optional tls: Placed<Text>,
        /// The host whose certificate is expected, and that is named to the server; when absent, the host of the
        /// target.
        optional server_name: Placed<Spelling<Host>>,
        /// Name of an `[access.NAME]` of gateway.toml: each request has that token as `authorization`, in the place of
        /// whatever the client sent. Requests that ask whether targets are well do not.
        optional access: Placed<Text>,
    }
}

section! {
    /// How long the servers may take.
    pub(super) struct RawTimeouts = "timeouts" {
        /// To connect.
        default connect: Time<1, 600_000> = Duration::from_secs(2),
        /// From the end of the request to the head of the response.
        default first_byte: Time<1, 86_400_000> = Duration::from_secs(30),
        /// Between two pieces of a body.
        default idle: Time<1, 86_400_000> = Duration::from_secs(60),
    }
}

impl RawApi {
    /// What the api.toml in a folder of the tree says; none where there is none or it cannot be read.
    pub(super) fn read(tree: &Tree, folder: &str, faults: &mut Faults) -> Option<Self> {
        let file = Path::new(folder).join(FILE);
        let Some(bytes) = tree.get(&file) else {
            if tree.holds_toml(Path::new(folder)) {
                let advice = "create it, or move the folder away";
                faults.push(ConfigFault::of_file(&file, "is missing beside other TOML files", advice));
            }
            return None;
        };
        with_document(&file, bytes, belongs_to_gateway, faults, Self::from_table)
    }

    /// Turn into an API; `tree` has the files it names.
    pub(super) fn resolve(self, folder: &str, tree: &Tree, powers: Powers<'_>, faults: &mut Faults) -> Option<Api> {
        let policies = powers.policies;
        let upstreams: BTreeMap<_, _> =
            self.upstream.into_iter().map(|(name, raw)| (name, raw.resolve(powers, faults))).collect();
        policies.check_chain(&self.chain, faults);
        check_unique(&self.route, faults);
        let declared = DeclaredUpstreams(upstreams.keys().map(String::as_str).collect());
        let known = Known { upstreams: &declared, policies, tree };
        let mut routes: Vec<_> = self.route.into_iter().filter_map(|raw| raw.resolve(known, faults)).collect();
        let mut chain = self.chain;
        let openapi = openapi::resolve(self.openapi, &mut chain, &mut routes, tree, faults);
        Some(Api {
            folder: folder.into(),
            name: self.name?.value,
            version: self.version?,
            hosts: self.hosts,
            upstreams: upstreams.into_iter().filter_map(|(name, upstream)| Some((name, upstream?))).collect(),
            chain,
            routes,
            openapi,
            privacy: self.privacy.resolve(),
            held: None,
        })
    }
}

impl RawUpstream {
    fn resolve(mut self, powers: Powers<'_>, faults: &mut Faults) -> Option<Upstream> {
        let (targets, tls) = (self.read_targets(powers.bounds, faults)?, self.read_tls(powers.tls, faults));
        if let (Some(named), Some(declared)) = (&self.access, powers.access) {
            check_named(named, declared, targets.iter().map(|target| &target.target), faults);
        }
        let by_tls = tls.is_some();
        let protocol = self.protocol.unwrap_or(if by_tls { Protocol::Auto } else { Protocol::Http1 });
        if protocol == Protocol::Auto && !by_tls {
            let place = self.place.below("protocol");
            faults.push(place.fault("needs TLS, where it is agreed on", "write \"http/1.1\" or \"h2\""));
        }
        let RawTimeouts { connect, first_byte, idle, .. } = self.timeouts;
        Some(Upstream {
            targets,
            balance: self.balance,
            retry: self.retry.resolve(),
            eject: self.eject.resolve(),
            health: match self.health {
                None => None,
                Some(health) => Some(health.resolve()?),
            },
            limits: Limits {
                requests: self.limits.max_requests,
                connections: self.limits.max_connections,
                pending: self.limits.max_pending,
            },
            timeouts: Timeouts { connect, first_byte, idle },
            max_idle: self.max_idle,
            dns_ttl: self.dns_ttl,
            protocol,
            tls,
            access: self.access.map(|named| named.value),
        })
    }
    /// The servers, of one kind, which the operator allows.
    fn read_targets(&self, bounds: &UpstreamBounds, faults: &mut Faults) -> Option<Vec<Weighted>> {
        let targets = self.targets.as_ref()?;
        let place = self.place.below("targets");
        let is_known = !complained_below(faults, &place);
        if targets.is_empty() && is_known {
            faults.push(place.fault("is empty", "name at least one server"));
        } else if targets.iter().all(|target| target.value.weight == 0) && is_known {
            faults.push(place.fault("has no weight at all", "give one target a weight above 0"));
        }
        for target in targets {
            if let Err(refusal) = bounds.check(&target.value.target) {
                let advice = match refusal {
                    Refusal::NotAllowed => {
                        "choose another server, or let the operator widen [upstreams] allow in gateway.toml"
                    }
                    Refusal::SocketNotAllowed => {
                        "choose another server, or let the operator name the socket in [upstreams] sockets in gateway.toml"
                    }
                    Refusal::Metadata | Refusal::Own => "choose another server",
                };
                faults.push(target.place.fault(refusal.to_string(), advice));
            }
        }
        let by_tls = targets.iter().filter(|target| target.value.target.has_tls()).count();
        if by_tls > 0 && by_tls < targets.len() {
            faults.push(place.fault("holds both targets with TLS and without", "make two upstreams of them"));
        }
        Some(targets.iter().map(|target| target.value.clone()).collect())
    }

    /// How they are reached where that is by TLS.
    fn read_tls(&mut self, known: Option<&BTreeSet<String>>, faults: &mut Faults) -> Option<UpstreamTls> {
        let by_tls = self.targets.iter().flatten().any(|target| target.value.target.has_tls());
        let (tls, server_name) = (self.tls.take(), self.server_name.take());
        let settings = [tls.as_ref().map(|tls| &tls.place), server_name.as_ref().map(|name| &name.place)];
        for place in settings.into_iter().flatten().filter(|_| !by_tls) {
            faults.push(place.fault("has no meaning without https:// targets", "remove it, or change the targets"));
        }
        if let (Some(tls), Some(known)) = (&tls, known)
            && !known.contains(&tls.value)
        {
            let reason = format!("names {}, which is not declared", quoted(&tls.value));
            let known = known.iter().map(String::as_str);
            faults.push(tls.place.fault(reason, advice(&tls.value, known, "declare it as [tls.NAME] in gateway.toml")));
        }
        by_tls.then(|| UpstreamTls {
            place: tls.as_ref().map_or_else(|| self.place.clone(), |tls| tls.place.clone()),
            name: tls.map(|tls| tls.value),
            server_name: server_name.map(|name| name.value),
        })
    }
}

/// The name of an API.
pub(super) struct ApiName;

impl Kind for ApiName {
    type Out = String;

    fn describe() -> String {
        "a name of small letters, digits and `-`".to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<String> {
        let is_small = |text: &str| is_name(text, b"-") && !text.bytes().any(|byte| byte.is_ascii_uppercase());
        read_text(node, &Self::describe(), faults, |text| is_small(text).then(|| text.to_owned()))
    }
}
/// Advice about keys of an `api.toml`.
fn belongs_to_gateway(_: &Section, name: &str) -> Option<String> {
    let there = !RawApi::SECTION.has(name) && (RawGateway::SECTION.has(name) || RawPolicy::SECTION.has(name));
    there.then(|| format!("`{name}` belongs in gateway.toml, where all powers are given"))
}
