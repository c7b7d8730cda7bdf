//! What a listener shows to clients: certificates, each with the terms of its connections.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{ServerConfig, ServerConnection};
use sha2::{Digest, Sha256};

use super::peer::{self, ClientCertificate};
use super::{H2, HTTP_1_1, MinVersion, TlsError, pem, provider};

/// The certificates of one listener.
#[derive(Debug)]
pub(crate) struct Server {
    /// For clients that name no host, or one no certificate is for.
    first: Arc<Identity>,
    exact: HashMap<String, Arc<Identity>>,
    /// By what follows `*.`; the asterisk stands for one label (RFC 9525 section 6.3).
    wildcard: HashMap<String, Arc<Identity>>,
}

/// A certificate and the terms of the connections it is shown on. Each has sessions and tickets of its own, so that no
/// session begun under other terms is ever taken up under these.
#[derive(Debug)]
pub(crate) struct Identity {
    config: Arc<ServerConfig>,
    /// What judges the certificates of clients, where they are asked for any.
    clients: Option<Arc<dyn ClientCertVerifier>>,
    hosts: Vec<String>,
    validity: RangeInclusive<SystemTime>,
    terms: Terms,
    digest: [u8; 32],
}

/// What a connection must be like. A request may only come over a connection whose terms are those of its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    min_version: MinVersion,
    /// Digest of the authorities clients need a certificate of, and whether they may do without.
    clients: Option<([u8; 32], bool)>,
}

/// What an identity is made of, in PEM.
pub(crate) struct IdentityParts<'a> {
    pub(crate) certificate: &'a [u8],
    pub(crate) key: &'a [u8],
    pub(crate) min_version: MinVersion,
    pub(crate) clients: Option<ClientAuthority<'a>>,
    /// Whether HTTP/2 is offered.
    pub(crate) http2: bool,
}

/// Who may connect.
pub(crate) struct ClientAuthority<'a> {
    pub(crate) authorities: &'a [u8],
    /// Whether a client without a certificate may connect too.
    pub(crate) optional: bool,
}

/// Two certificates of one listener are for the same host.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SameHost {
    pub(crate) first: usize,
    pub(crate) second: usize,
    pub(crate) host: String,
}

impl Server {
    /// None without any identity.
    pub(crate) fn new(identities: &[Arc<Identity>]) -> Result<Option<Self>, SameHost> {
        let Some(first) = identities.first() else { return Ok(None) };
        let mut server = Self { first: first.clone(), exact: HashMap::new(), wildcard: HashMap::new() };
        let mut owners = HashMap::new();
        for (second, identity) in identities.iter().enumerate() {
            for host in &identity.hosts {
                if let Some(first) = owners.insert(host, second)
                    && first != second
                {
                    return Err(SameHost { first, second, host: host.clone() });
                }
                match host.strip_prefix("*.") {
                    Some(suffix) => server.wildcard.insert(suffix.to_owned(), identity.clone()),
                    None => server.exact.insert(host.clone(), identity.clone()),
                };
            }
        }
        Ok(Some(server))
    }

    /// Whether who asks for a host that another identity is for is shown one here that is valid.
    pub(crate) fn shows_valid(&self, other: &Identity, now: SystemTime) -> bool {
        let shown = |host: &String| match host.strip_prefix("*.") {
            Some(suffix) => self.wildcard.get(suffix),
            None => self.named(host),
        };
        match other.hosts.is_empty() {
            true => self.first.is_valid(now),
            false => other.hosts.iter().filter_map(shown).any(|shown| shown.is_valid(now)),
        }
    }

    /// Of each certificate the first host it is for, and when it ends.
    pub(crate) fn ends(&self) -> BTreeMap<&str, SystemTime> {
        let all = self.exact.values().chain(self.wildcard.values()).chain([&self.first]);
        all.map(|shown| (shown.hosts.first().map_or("", String::as_str), *shown.validity.end())).collect()
    }

    /// The identity for a host; in lower case, as SNI and [`crate::exchange::authority::Host`] are.
    pub(crate) fn identity(&self, host: Option<&str>) -> &Arc<Identity> {
        host.and_then(|host| self.named(host)).unwrap_or(&self.first)
    }

    /// The one whose certificate is for a host.
    fn named(&self, host: &str) -> Option<&Arc<Identity>> {
        let below = || host.split_once('.').and_then(|(_, suffix)| self.wildcard.get(suffix));
        self.exact.get(host).or_else(below)
    }
}

impl Identity {
    pub(crate) fn new(parts: &IdentityParts<'_>, is_first: bool) -> Result<Self, TlsError> {
        let chain = pem::certificates(parts.certificate)?;
        let own = chain.first().ok_or(TlsError::Certificate)?;
        let hosts = peer::host_names(own).ok_or(TlsError::Certificate)?;
        let validity = peer::validity(own).ok_or(TlsError::Certificate)?;
        if hosts.is_empty() && !is_first {
            return Err(TlsError::NoNames);
        }
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(parts.min_version.versions())
            .map_err(TlsError::Other)?;
        let (builder, verifier) = match &parts.clients {
            None => (builder.with_no_client_auth(), None),
            Some(clients) => {
                let roots = Arc::new(pem::authorities(clients.authorities)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
                let verifier = if clients.optional { verifier.allow_unauthenticated() } else { verifier };
                let verifier = verifier.build().map_err(|_| TlsError::NoAuthority)?;
                (builder.with_client_cert_verifier(verifier.clone()), Some(verifier))
            }
        };
        let mut config =
            builder.with_single_cert(chain, pem::private_key(parts.key)?).map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => TlsError::OtherKey,
                rustls::Error::InvalidCertificate(_) => TlsError::Certificate,
                rustls::Error::General(_) => TlsError::Key,
                other => TlsError::Other(other),
            })?;
        config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().map_err(TlsError::Other)?;
        config.alpn_protocols = parts.http2.then_some(H2).into_iter().chain([HTTP_1_1]).map(<[u8]>::to_vec).collect();
        let clients = parts.clients.as_ref();
        let terms = Terms {
            min_version: parts.min_version,
            clients: clients.map(|clients| (Sha256::digest(clients.authorities).into(), clients.optional)),
        };
        Ok(Self { config: Arc::new(config), clients: verifier, hosts, validity, terms, digest: parts.digest() })
    }

    /// Whether clients will take it at `now`.
    pub(crate) fn is_valid(&self, now: SystemTime) -> bool {
        self.validity.contains(&now)
    }

    /// Whether it was made of these parts.
    pub(crate) fn is_of(&self, parts: &IdentityParts<'_>) -> bool {
        self.digest == parts.digest()
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }

    /// Whether a client may connect that showed these certificates, its own first, or none.
    fn admits(&self, shown: &[CertificateDer<'_>]) -> bool {
        match (&self.clients, shown) {
            (None, _) => true,
            (Some(clients), []) => !clients.client_auth_mandatory(),
            (Some(clients), [own, others @ ..]) => clients.verify_client_cert(own, others, UnixTime::now()).is_ok(),
        }
    }
}

impl IdentityParts<'_> {
    fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        let clients = self.clients.as_ref();
        let authorities = clients.map_or(&[][..], |clients| clients.authorities);
        for part in [self.certificate, self.key, authorities] {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        let optional = clients.map(|clients| clients.optional);
        digest.update(format!("{:?} {optional:?} {}", self.min_version, self.http2));
        digest.finalize().into()
    }
}

/// The TLS of one client connection, after its handshake.
#[derive(Debug)]
pub(crate) struct Session {
    terms: Cell<Terms>,
    /// The host the client asked for when it shook hands.
    host: Option<Box<str>>,
    /// What it showed, for when others decide who may connect.
    shown: Vec<CertificateDer<'static>>,
    /// Until when its certificate is good, where it showed one.
    ends: Option<SystemTime>,
    certificate: Option<Rc<ClientCertificate>>,
}

impl Session {
    pub(crate) fn new(identity: &Identity, host: Option<String>, connection: &ServerConnection) -> Self {
        let shown = connection.peer_certificates().unwrap_or_default().to_vec();
        let certificate = shown.first().and_then(|own| ClientCertificate::read(own));
        let ends = shown.first().and_then(|own| peer::validity(own)).map(|validity| *validity.end());
        Self { terms: Cell::new(identity.terms), host: host.map(String::into_boxed_str), shown, ends, certificate }
    }

    /// Whether the client may connect as things are now. If so, the connection goes by the new authorities from here
    /// on.
    pub(crate) fn is_admitted(&self, server: &Server) -> bool {
        let (before, identity) = (self.terms.get(), server.identity(self.host.as_deref()));
        // A connection, and a session that is taken up again, may outlive the certificate.
        if identity.clients.is_some() && self.ends.is_some_and(|ends| ends < SystemTime::now()) {
            return false;
        }
        if before.clients == identity.terms.clients {
            return true;
        }
        let is_admitted = identity.admits(&self.shown);
        if is_admitted {
            self.terms.set(Terms { clients: identity.terms.clients, ..before });
        }
        is_admitted
    }

    /// Whether a request for `host` may come over this connection, as things are now.
    pub(crate) fn may_ask(&self, server: &Server, host: &str) -> bool {
        self.is_admitted(server) && server.identity(Some(host)).terms == self.terms.get()
    }

    pub(crate) fn certificate(&self) -> Option<&Rc<ClientCertificate>> {
        self.certificate.as_ref()
    }
}
