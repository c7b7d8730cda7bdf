//! Owns what an audit says of listeners: where they are, what clients must show there, and how much they may ask for.

use serde::{Deserialize, Serialize};

use super::facts::{Covered, Fact, Facts};
use super::peers::{material, millis};
use super::reach::Material;
use super::words;
use crate::config::{self, Address, Config};
use crate::tls::MinVersion;

/// A place where requests come in.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Listener {
    pub(super) name: String,
    pub(super) address: String,
    /// Permissions of its file, in octal; absent where it is no Unix socket.
    pub(super) mode: Option<String>,
    pub(super) http2: bool,
    /// Whether who connects is believed about who the client is.
    pub(super) proxy_protocol: bool,
    pub(super) header_timeout_ms: u64,
    pub(super) idle_timeout_ms: u64,
    pub(super) body_timeout_ms: u64,
    /// Bytes a second; 0 for no such limit.
    pub(super) min_rate: u64,
    pub(super) max_connections: u32,
    pub(super) max_connections_per_address: u32,
    pub(super) max_target_bytes: u64,
    pub(super) max_header_bytes: u64,
    pub(super) max_headers: u32,
    /// Absent where bodies of any length are streamed.
    pub(super) max_body_bytes: Option<u64>,
    pub(super) max_streams: u32,
    /// Empty for plain HTTP.
    pub(super) tls: Vec<Certificate>,
}

/// A certificate that is shown to clients, and what they must show.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Certificate {
    pub(super) certificate: Material,
    /// Name of the secret.
    pub(super) key: String,
    pub(super) min_version: String,
    /// Who must have signed certificates of clients; absent where they need none.
    pub(super) client_ca: Option<Material>,
    /// Whether clients without one may connect too.
    pub(super) client_optional: bool,
}

pub(super) fn listeners(config: &Config) -> Vec<Listener> {
    config.listeners.iter().map(listener).collect()
}

fn listener(declared: &config::Listener) -> Listener {
    Listener {
        name: declared.name.clone(),
        address: declared.address.to_string(),
        mode: matches!(declared.address, Address::Unix(_)).then(|| format!("{:04o}", declared.mode)),
        http2: declared.http2,
        proxy_protocol: declared.proxy_protocol,
        header_timeout_ms: millis(declared.header_timeout),
        idle_timeout_ms: millis(declared.idle_timeout),
        body_timeout_ms: millis(declared.body_timeout),
        min_rate: declared.min_rate,
        max_connections: declared.max_connections,
        max_connections_per_address: declared.max_connections_per_address,
        max_target_bytes: declared.max_target_bytes,
        max_header_bytes: declared.max_header_bytes,
        max_headers: declared.max_headers,
        max_body_bytes: declared.max_body_bytes,
        max_streams: declared.max_streams,
        tls: declared.tls.iter().map(certificate).collect(),
    }
}

fn certificate(declared: &config::ServerTls) -> Certificate {
    let client_ca = declared.clients.as_ref().map(|(authorities, _)| material(authorities));
    Certificate {
        certificate: material(&declared.certificate),
        key: declared.key.clone(),
        min_version: declared.min_version.to_string(),
        client_ca,
        client_optional: declared.clients.as_ref().is_some_and(|(_, is_optional)| *is_optional),
    }
}

impl Listener {
    /// What it lets clients do, by which it is compared with what it was.
    pub(super) fn facts(&self) -> Facts {
        let power = |words: String| (words, Fact::Power(Covered::Plain));
        let mut facts = Facts::from([power(format!("listens at {}", self.address))]);
        let mode = self.mode.as_ref().and_then(|mode| u32::from_str_radix(mode, 8).ok()).unwrap_or_default();
        // Who may write may connect.
        let connect = [(0o020, "its group"), (0o002, "everybody on the machine")];
        facts.extend(
            connect.iter().filter(|(bit, _)| mode & bit != 0).map(|(_, who)| power(format!("lets {who} connect"))),
        );
        facts.extend(self.http2.then(|| power("speaks HTTP/2".to_owned())));
        facts.extend(self.proxy_protocol.then(|| power("believes who connects about who the client is".to_owned())));
        let authorities = self.tls.iter().filter_map(|shown| shown.client_ca.as_ref());
        let demands = |shown: &Certificate| shown.client_ca.is_some() && !shown.client_optional;
        let is_new = |shown: &Certificate| shown.min_version == MinVersion::Tls13.to_string();
        let all = |holds: &dyn Fn(&Certificate) -> bool| !self.tls.is_empty() && self.tls.iter().all(holds);
        let client = |is_anyone| Fact::Power(Covered::Peer { of: self.name.clone(), is_anyone });
        let by =
            |it: &Material| (format!("lets clients in with a certificate by {}", words::material(it)), client(false));
        facts.extend(authorities.map(by));
        facts.extend((!all(&demands)).then(|| ("lets clients in without a certificate".to_owned(), client(true))));
        facts.extend(all(&|_| true).then(|| ("speaks TLS only".to_owned(), Fact::Safeguard)));
        facts.extend((self.min_rate > 0).then(|| ("ends what sends bodies too slowly".to_owned(), Fact::Safeguard)));
        facts.extend(all(&is_new).then(|| ("speaks TLS 1.3 only".to_owned(), Fact::Safeguard)));
        let amounts = [
            ("header_timeout (ms)", self.header_timeout_ms),
            ("idle_timeout (ms)", self.idle_timeout_ms),
            ("body_timeout (ms)", self.body_timeout_ms),
            ("max_connections", self.max_connections.into()),
            ("max_connections_per_address", self.max_connections_per_address.into()),
            ("max_target_bytes", self.max_target_bytes),
            ("max_header_bytes", self.max_header_bytes),
            ("max_headers", self.max_headers.into()),
            ("max_streams", self.max_streams.into()),
        ];
        facts.extend(amounts.map(|(what, amount)| (what.to_owned(), Fact::Amount(amount))));
        match self.max_body_bytes {
            Some(most) => facts.insert("max_body_bytes".to_owned(), Fact::Amount(most)),
            None => facts.insert("takes bodies of any length".to_owned(), Fact::Power(Covered::Plain)),
        };
        facts
    }

    /// What of it is neither more nor less when it is another.
    pub(super) fn terms(&self) -> [String; 2] {
        let shown = |shown: &Certificate| {
            let believed = shown.client_ca.as_ref().map(words::material);
            let believed = believed.map(|it| format!(" and believes clients by {it}")).unwrap_or_default();
            format!("{}{believed}", words::material(&shown.certificate))
        };
        let shown: Vec<_> = self.tls.iter().map(shown).collect();
        let shown =
            if shown.is_empty() { "shows no certificate".to_owned() } else { format!("shows {}", shown.join(", ")) };
        [shown, format!("min_rate is {} B a second", self.min_rate)]
    }

    /// In words, a line each.
    pub(super) fn lines(&self) -> Vec<String> {
        let facts = self.facts().into_iter().map(|(words, fact)| match fact {
            Fact::Amount(amount) => format!("{words}: {amount}"),
            Fact::Power(_) | Fact::Safeguard => words,
        });
        facts.chain(self.terms()).collect()
    }
}
