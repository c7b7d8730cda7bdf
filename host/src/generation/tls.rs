//! The TLS of a generation: certificates of its listeners and trust in its upstreams. What did not change keeps its sessions.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::material::{bytes, secret};
use crate::config::{self, ClientTls, Config, ConfigFault, Place, ServerTls, Verify};
use crate::telemetry::metrics::Expiry;
use crate::tls::{Client, ClientAuthority, ClientParts, Identity, IdentityParts, MinVersion, Server, TlsError, Trust};

const UNUSABLE: &str = "put the right file there; the last good certificates keep serving";

/// What is kept from one generation to the next.
#[derive(Default)]
pub(super) struct Known {
    identities: Vec<Arc<Identity>>,
    /// By the name of their listener.
    servers: HashMap<String, Arc<Server>>,
    clients: Vec<Arc<Client>>,
}

impl Known {
    /// When the certificates of listeners end.
    pub(super) fn ends(&self) -> Vec<Expiry> {
        let seconds = |at: SystemTime| at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let of = |(listener, server): (&String, &Arc<Server>)| {
            let all = server.ends().into_iter().map(|(host, at)| Expiry {
                listener: listener.clone(),
                host: host.to_owned(),
                at: i64::try_from(seconds(at)).unwrap_or(i64::MAX),
            });
            all.collect::<Vec<_>>()
        };
        self.servers.iter().flat_map(of).collect()
    }
}

/// Makes the TLS of one generation.
pub(super) struct Maker<'a> {
    config: &'a Config,
    before: &'a Known,
    pub(super) made: Known,
    /// By name of `[tls.NAME]`, and by whether HTTP/1.1 and HTTP/2 are offered.
    clients: BTreeMap<(Option<String>, bool, bool), Option<Arc<Client>>>,
}

impl<'a> Maker<'a> {
    pub(super) fn new(config: &'a Config, before: &'a Known) -> Self {
        Self { config, before, made: Known::default(), clients: BTreeMap::new() }
    }

    /// What each listener shows, by its name.
    pub(super) fn servers(&mut self, faults: &mut Vec<ConfigFault>) -> HashMap<String, Arc<Server>> {
        let servers = self.config.listeners.iter().filter_map(|listener| {
            let mut identities = Vec::new();
            for (index, declared) in listener.tls.iter().enumerate() {
                match self.identity(declared, listener, index == 0) {
                    Ok(identity) => identities.push(identity),
                    Err((reason, advice)) => faults.push(declared.place.fault(reason, advice)),
                }
            }
            self.made.identities.extend(identities.iter().cloned());
            let server = Server::new(&identities).unwrap_or_else(|same| {
                let reason =
                    format!("is for the host {} as certificate {} of the listener is", same.host, same.first + 1);
                let place = listener.tls.get(same.second).map(|tls| &tls.place);
                faults.extend(place.map(|place| place.fault(reason, "keep one certificate for each host")));
                None
            });
            Some((listener.name.clone(), Arc::new(server?)))
        });
        let servers: HashMap<_, _> = servers.collect();
        self.made.servers.clone_from(&servers);
        servers
    }

    fn identity(
        &self,
        declared: &ServerTls,
        listener: &config::Listener,
        is_first: bool,
    ) -> Result<Arc<Identity>, (String, &'static str)> {
        let certificate = bytes(self.config, &declared.certificate)?;
        let key = secret(self.config, &declared.key)?;
        let clients = match &declared.clients {
            None => None,
            Some((authorities, optional)) => Some((bytes(self.config, authorities)?, *optional)),
        };
        let parts = IdentityParts {
            certificate: &certificate,
            key: &key,
            min_version: declared.min_version,
            clients: clients
                .as_ref()
                .map(|(authorities, optional)| ClientAuthority { authorities, optional: *optional }),
            http2: listener.http2,
        };
        if let Some(known) = self.before.identities.iter().find(|known| known.is_of(&parts)) {
            return Ok(known.clone());
        }
        let identity = Identity::new(&parts, is_first).map(Arc::new).map_err(unusable)?;
        let now = SystemTime::now();
        if !identity.is_valid(now) {
            if self.before.servers.get(&listener.name).is_some_and(|before| before.shows_valid(&identity, now)) {
                let advice = "put a valid one there; the one that serves stays";
                return Err(("it has expired or is not valid yet, and the one that serves is valid".into(), advice));
            }
            // It may be all there is, so that is no fault.
            let Place { file, line, key } = &declared.place;
            tracing::warn!(file = %file.display(), line, key, "the certificate has expired or is not valid yet: clients will refuse it");
        }
        Ok(identity)
    }

    /// What upstreams are reached with, by name of `[tls.NAME]`. None where faults say why.
    pub(super) fn client(
        &mut self,
        name: Option<&str>,
        (http1, http2): (bool, bool),
        faults: &mut Vec<ConfigFault>,
        place: &Place,
    ) -> Option<Arc<Client>> {
        let key = (name.map(str::to_owned), http1, http2);
        if let Some(known) = self.clients.get(&key) {
            return known.clone();
        }
        let declared = name.and_then(|name| self.config.tls.get(name));
        let client = self.new_client(declared, http1, http2).map_err(|(reason, advice)| {
            faults.push(declared.map_or(place, |declared| &declared.place).fault(reason, advice));
        });
        self.made.clients.extend(client.iter().cloned());
        self.clients.insert(key, client.clone().ok());
        client.ok()
    }

    fn new_client(
        &self,
        declared: Option<&ClientTls>,
        http1: bool,
        http2: bool,
    ) -> Result<Arc<Client>, (String, &'static str)> {
        let verify = declared.map_or(&Verify::System, |declared| &declared.verify);
        let authorities = match verify {
            Verify::Authorities(authorities) => bytes(self.config, authorities)?,
            Verify::System | Verify::Anyone => Vec::new(),
        };
        let identity = match declared.and_then(|declared| declared.identity.as_ref()) {
            None => None,
            Some((certificate, key)) => Some((bytes(self.config, certificate)?, secret(self.config, key)?)),
        };
        let parts = ClientParts {
            trust: match verify {
                Verify::System => Trust::System,
                Verify::Authorities(_) => Trust::Authorities(&authorities),
                Verify::Anyone => Trust::Anyone,
            },
            identity: identity.as_ref().map(|(certificate, key)| (&**certificate, &**key)),
            min_version: declared.map_or(MinVersion::Tls12, |declared| declared.min_version),
            http1,
            http2,
        };
        if let Some(known) = self.before.clients.iter().find(|known| known.is_of(&parts)) {
            return Ok(known.clone());
        }
        Client::new(&parts).map(Arc::new).map_err(unusable)
    }

    /// Finds what is wrong with each `[tls.NAME]`, used or not.
    pub(super) fn check(&mut self, faults: &mut Vec<ConfigFault>) {
        for (name, declared) in &self.config.tls {
            self.client(Some(name), (true, true), faults, &declared.place);
        }
    }
}

fn unusable(error: TlsError) -> (String, &'static str) {
    (format!("cannot be used: {error}"), UNUSABLE)
}
