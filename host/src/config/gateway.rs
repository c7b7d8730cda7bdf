//! Owns gateway.toml: sockets, powers, secrets and policies, everything an API folder may only name.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use http::HeaderName;

use super::access::{Access, RawAccess};
use super::alert::{self, Alert, RawAlert};
use super::analytics::{self, Analytics, RawAnalytics};
use super::api::RawApi;
use super::bounds::{RawUpstreams, UpstreamBounds};
use super::chain::{ChainEntry, DeclaredPolicies, Link};
use super::egress::{Egress, RawEgress, check_patience};
use super::fault::{ConfigFault, Faults, Place};
use super::fields::{ClientField, IdField, Loopback, Underscored};
use super::forwarding::{Forwarding, RawForwarding};
use super::grant::Pattern;
use super::key::{Keys, RawKeys};
use super::kinds::{Flag, List, Named, Text};
use super::limiter::{self, Limiter, RawLimiter};
use super::limits::RawCeilings;
use super::listen::{self, Listener, RawListen};
use super::openapi;
use super::otlp::{Otlp, RawOtlp};
use super::policy::{Grantable, Policy, RawPolicy};
use super::privacy::{Privacy, RawPrivacy};
use super::published::check_published;
use super::reader::with_document;
use super::runtime::{RawRuntime, Runtime};
use super::secret::{RawSecret, Secret};
use super::section::{Section, section};
use super::store::{self, RawStore, Store};
use super::tls::{ClientTls, RawClientTls};
use super::tree::Tree;
use super::trust::{RawTrust, Trust};

/// Where all this stands.
pub(super) const FILE: &str = "gateway.toml";

/// Traces are propagated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tracing {
    /// Whether those that begin here ask to be recorded.
    pub sampled: bool,
}

/// Where the sections stand that later stages may complain about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Places {
    pub state: Place,
    pub runtime: Place,
    pub admin: Place,
    pub access_log: Place,
    /// Of the table, or where it would stand.
    pub analytics: Place,
    pub request: Place,
}

section! {
    /// The gateway: one file, `policies/gateway.toml`.
    pub(super) struct RawGateway = "gateway.toml" {
        /// Where the gateway keeps what must survive a restart.
        nested state: RawState,
        /// Threads, load, and the end.
        nested runtime: RawRuntime,
        /// What no policy may be given more of.
        nested ceilings: RawCeilings,
        /// Sockets; at least one.
        repeated listen: Named<RawListen>,
        /// Health, metrics and commands.
        nested admin: RawAdmin,
        /// The access log.
        nested access_log: RawAccessLog,
        /// Account of all requests; when absent, none is kept.
        optional analytics: RawAnalytics,
        /// Alerts.
        repeated alert: Named<RawAlert>,
        /// What happens to every request before anything else.
        nested request: RawRequest,
        /// Proxies in front, and what upstreams are told about the way a request came.
        nested forwarding: RawForwarding,
        /// Traces.
        nested tracing: RawTracing,
        /// A collector of traces and metrics.
        optional otlp: RawOtlp,
        /// Where APIs may send requests.
        nested upstreams: RawUpstreams,
        /// Values that must not stand in the policies folder.
        repeated secret: Named<RawSecret>,
        /// Key sets.
        repeated keys: Named<RawKeys>,
        /// Key-value stores.
        repeated store: Named<RawStore>,
        /// Limiters.
        repeated limiter: Named<RawLimiter>,
        /// TLS to upstreams.
        repeated tls: Named<RawClientTls>,
        /// Services that policies may ask.
        repeated egress: Named<RawEgress>,
        /// Access tokens for upstreams.
        repeated access: Named<RawAccess>,
        /// Whose components are run; when absent, anybody's.
        optional trust: RawTrust,
        /// Policies.
        repeated policy: Named<RawPolicy>,
        /// Who answers for the data that passes.
        nested privacy: RawPrivacy,
        /// The chain every request passes, also those that match no route.
        repeated chain: List<Link>,
    }
}

section! {
    /// Where the gateway keeps what must survive a restart.
    pub(super) struct RawState = "[state]" {
        /// Folder; when absent, `$STATE_DIRECTORY` or else `./.lockgate`.
        optional dir: Text,
    }
}

section! {
    /// Health, metrics and commands.
    pub(super) struct RawAdmin = "[admin]" {
        /// Where to listen; only this machine can reach it.
        default address: Loopback = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 8081),
    }
}

section! {
    /// The access log.
    pub(super) struct RawAccessLog = "[access_log]" {
        /// Whether a line is written for each request.
        default enabled: Flag = true,
    }
}

section! {
    /// What happens to every request before anything else.
    pub(super) struct RawRequest = "[request]" {
        /// Header fields only policies may set: removed when a client sends them. Names, or `prefix*`.
        default identity_headers: List<ClientField> = ["x-consumer-", "x-authenticated-", "x-lockgate-"]
            .map(|prefix| Pattern::Prefix(prefix.to_owned()))
            .into(),
        /// Header fields with `_` in their names that clients may send, in lower case. Others are removed, for many
        /// servers take `x_user` for `x-user`, which a policy may have written, removed or looked at; and so are these
        /// where their twin with `-` is sent, too.
        repeated underscored_headers: List<Underscored>,
        /// Field with the id of a request, for upstreams and in answers: `x-request-id` by custom. An id of 1 to 64
        /// letters, digits and
        /// `-_.:+/=` from a peer `[forwarding]` trusts is taken over; others get one of the gateway's. When absent:
        /// none.
        optional id_header: IdField,
    }
}

section! {
    /// Traces (W3C Trace Context). They are recorded where `[otlp]` says so.
    pub(super) struct RawTracing = "[tracing]" {
        /// Whether upstreams are told of the trace a request belongs to: the one it came with, whoever sent it, or a
        /// new one.
        default propagate: Flag = false,
        /// Whether traces that begin here ask to be recorded.
        default sampled: Flag = false,
    }
}

/// What gateway.toml says, as far as it could be read.
#[derive(Debug)]
pub(super) struct Gateway {
    pub(super) state_dir: Option<PathBuf>,
    pub(super) runtime: Runtime,
    pub(super) listeners: Vec<Listener>,
    pub(super) admin: SocketAddr,
    pub(super) access_log: bool,
    pub(super) analytics: Option<Analytics>,
    pub(super) observers: Vec<ChainEntry>,
    pub(super) alerts: BTreeMap<String, Alert>,
    pub(super) identity_headers: Vec<Pattern>,
    pub(super) underscored_headers: Vec<HeaderName>,
    pub(super) forwarding: Forwarding,
    pub(super) id_header: Option<HeaderName>,
    pub(super) tracing: Option<Tracing>,
    pub(super) otlp: Option<Otlp>,
    pub(super) upstreams: UpstreamBounds,
    pub(super) secrets: BTreeMap<String, Secret>,
    pub(super) keys: BTreeMap<String, Keys>,
    pub(super) stores: BTreeMap<String, Store>,
    pub(super) limiters: BTreeMap<String, Limiter>,
    pub(super) tls: BTreeMap<String, ClientTls>,
    /// The names of all there are, faulty ones too.
    pub(super) declared_tls: BTreeSet<String>,
    pub(super) egress: BTreeMap<String, Egress>,
    /// Faulty ones too.
    pub(super) access: BTreeMap<String, Option<Access>>,
    pub(super) policies: BTreeMap<String, Policy>,
    pub(super) privacy: Privacy,
    pub(super) trust: Option<Trust>,
    pub(super) declared: DeclaredPolicies,
    pub(super) chain: Vec<ChainEntry>,
    pub(super) places: Places,
}

impl RawGateway {
    /// What the gateway.toml of a tree says; none where that cannot be read.
    pub(super) fn read(tree: &Tree, faults: &mut Faults) -> Option<Self> {
        let file = Path::new(FILE);
        let Some(bytes) = tree.get(file) else {
            faults.push(ConfigFault::of_file(file, "is missing", "create it with at least [listen.NAME]"));
            return None;
        };
        with_document(file, bytes, belongs_to_apis, faults, Self::from_table)
    }

    pub(super) fn resolve(self, tree: &Tree, faults: &mut Faults) -> Gateway {
        let places = self.places();
        let secrets = self.secret;
        let is_secret = |name: &str| secrets.contains_key(name);
        let listeners = listen::resolve(self.listen, &self.place, self.admin.address, tree, is_secret, faults);
        let services: BTreeSet<_> = self.egress.keys().cloned().collect();
        let keys = named(self.keys, |name, raw| raw.resolve(name, tree, is_secret, &services, faults));
        let declared_tls = self.tls.keys().cloned().collect();
        let mut there = Grantable {
            keys: &keys,
            services: &services,
            stores: named(self.store, |_, raw| raw.resolve()),
            limiters: named(self.limiter, |_, raw| raw.resolve(&declared_tls, is_secret, faults)),
        };
        let declared = DeclaredPolicies(Some(self.policy.keys().cloned().collect()));
        let ceilings = &self.ceilings;
        let policies: BTreeMap<_, _> = resolved(self.policy, |raw| raw.resolve(tree, &mut there, ceilings, faults));
        let trust = self.trust.and_then(|raw| raw.resolve(tree, faults));
        let Grantable { stores, limiters, .. } = there;
        store::check_shared(&stores, faults);
        limiter::check_shared(&limiters, faults);
        let tls = named(self.tls, |_, raw| raw.resolve(tree, is_secret, faults));
        let upstreams = bounds(self.upstreams, &listeners, self.admin.address);
        let egress = resolved(self.egress, |raw| raw.resolve(&upstreams, &declared_tls, is_secret, faults));
        check_patience(&egress, &policies, faults);
        check_published(&keys, &egress, faults);
        let access = named(self.access, |_, raw| raw.resolve(&egress, &services, is_secret, faults));
        let alerts = alert::resolve(self.alert, self.analytics.is_some(), (&egress, &services), faults);
        let otlp = self.otlp.and_then(|raw| raw.resolve(self.tracing.sampled, is_secret, &declared_tls, faults));
        let (analytics, observers) = self.analytics.map(RawAnalytics::resolve).unzip();
        let observers: Vec<_> = observers.unwrap_or_default();
        for chain in [&self.chain, &observers] {
            declared.check_chain(chain, faults);
            openapi::check_outer(chain, faults);
        }
        analytics::check_observers(&observers, &policies, faults);
        Gateway {
            state_dir: self.state.dir.map(PathBuf::from),
            runtime: self.runtime.resolve(),
            listeners,
            admin: self.admin.address,
            access_log: self.access_log.enabled,
            analytics,
            observers,
            alerts,
            identity_headers: self.request.identity_headers,
            underscored_headers: self.request.underscored_headers,
            forwarding: self.forwarding.resolve(),
            id_header: self.request.id_header,
            tracing: self.tracing.propagate.then_some(Tracing { sampled: self.tracing.sampled }),
            otlp,
            upstreams,
            secrets: resolved(secrets, RawSecret::resolve),
            keys: resolved(keys, |keys| keys),
            stores,
            limiters,
            declared_tls,
            egress,
            access,
            tls: resolved(tls, |tls| tls),
            policies,
            privacy: self.privacy.resolve(),
            trust,
            declared,
            chain: self.chain,
            places,
        }
    }

    fn places(&self) -> Places {
        Places {
            state: self.state.place.clone(),
            runtime: self.runtime.place.clone(),
            admin: self.admin.place.clone(),
            access_log: self.access_log.place.clone(),
            analytics: self.analytics.as_ref().map_or_else(|| self.place.below("analytics"), |raw| raw.place.clone()),
            request: self.request.place.clone(),
        }
    }
}

/// Where upstreams may be: nowhere the gateway itself is.
fn bounds(raw: RawUpstreams, listeners: &[Listener], admin: SocketAddr) -> UpstreamBounds {
    let own = listeners.iter().filter_map(|listener| listener.address.ip()).chain([admin]).collect();
    let own_sockets = listeners.iter().filter_map(|listener| listener.address.socket().cloned()).collect();
    UpstreamBounds::new(raw.allow, own).with_sockets(raw.sockets, own_sockets)
}

/// Advice about keys of `gateway.toml`.
fn belongs_to_apis(section: &Section, name: &str) -> Option<String> {
    let there = section.title == RawGateway::SECTION.title && RawApi::SECTION.has(name);
    there.then(|| format!("`{name}` belongs in the api.toml of an API's folder"))
}

/// What each name came to. A faulty one counts as declared, so that who names it is not at fault too.
fn named<R, T>(raw: BTreeMap<String, R>, mut resolve: impl FnMut(&str, R) -> T) -> BTreeMap<String, T> {
    let named = raw.into_iter().map(|(name, raw)| {
        let value = resolve(&name, raw);
        (name, value)
    });
    named.collect()
}

/// By name, without what is faulty.
fn resolved<R, T>(raw: BTreeMap<String, R>, mut resolve: impl FnMut(R) -> Option<T>) -> BTreeMap<String, T> {
    raw.into_iter().filter_map(|(name, raw)| Some((name, resolve(raw)?))).collect()
}
