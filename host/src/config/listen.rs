//! Owns `[listen.NAME]`: sockets that accept requests, and what clients may do on them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::address::{Address, Mode};
use super::fault::{Faults, Place, complained_below};
use super::kinds::{Filled, Flag, Integer, List, Placed, Size, Spelling, Time};
use super::section::section;
use super::tls::{RawServerTls, ServerTls};
use super::tree::Tree;

/// Who may connect to a Unix socket unless something else is said: its owner and group.
const SOCKET_MODE: u32 = 0o660;

/// A socket that accepts requests, with its limits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Listener {
    pub name: String,
    pub address: Address,
    /// Permissions of its file, where it is a Unix socket.
    pub mode: u32,
    /// From the first byte of a request, or the opening of a connection, to the end of the head; kept to an eighth, or
    /// a second.
    pub header_timeout: Duration,
    /// Between requests of one connection.
    pub idle_timeout: Duration,
    /// Between two pieces of a request's body.
    pub body_timeout: Duration,
    /// Bytes a second a client that is waited for has to send or take; 0 for no such limit.
    pub min_rate: u64,
    /// Per process.
    pub max_connections: u32,
    /// Of one address, per process.
    pub max_connections_per_address: u32,
    /// Bytes of a request's target.
    pub max_target_bytes: u64,
    /// Bytes of a request's head.
    pub max_header_bytes: u64,
    pub max_headers: u32,
    /// None streams bodies of any length.
    pub max_body_bytes: Option<u64>,
    /// Whether HTTP/2 is spoken beside HTTP/1.1.
    pub http2: bool,
    /// Requests at once on one HTTP/2 connection.
    pub max_streams: u32,
    /// Whether each connection begins with a header of the PROXY protocol.
    pub proxy_protocol: bool,
    /// Empty for plain HTTP.
    pub tls: Vec<ServerTls>,
    pub place: Place,
}

section! {
    /// A socket that accepts requests.
    pub(super) struct RawListen = "[listen.NAME]" {
        /// Where to listen.
        required address: Placed<Spelling<Address>>,
        /// Permissions of the file of a Unix socket, in octal; when absent, `0660`: owner and group may connect.
        optional mode: Placed<Spelling<Mode>>,
        /// From the first byte of a request to the end of its head.
        default header_timeout: Time<100, 600_000> = Duration::from_secs(10),
        /// How long a connection may wait for its next request, and a client may take nothing of what is sent to it.
        default idle_timeout: Time<100, 3_600_000> = Duration::from_secs(75),
        /// How long a client may send nothing of a body; then the answer is 408. Bodies of gRPC have as long as their
        /// route.
        default body_timeout: Time<100, 3_600_000> = Duration::from_secs(30),
        /// Bytes a second that a client has to send of a body, gRPC aside, measured over `body_timeout`, and to take of
        /// what is sent to it, measured over `idle_timeout`; in both cases only while nobody else is waited for. `0B`
        /// for no such limit.
        default min_rate: Size<0, 1_048_576> = 256,
        /// Most connections at once, in the whole process. What comes beyond is closed, where it is plain HTTP after a
        /// 503.
        default max_connections: Integer<1, 1_000_000> = 10_000,
        /// Most of them from one address, or one /64 of IPv6, likewise; when absent, a quarter of `max_connections`. Of
        /// a connection with a PROXY header the client counts. Addresses `[forwarding] trusted` names may have any
        /// number, and so may Unix sockets.
        optional max_connections_per_address: Integer<1, 1_000_000>,
        /// Longest target of a request, path and query; beyond it the answer is 414. At most `max_header_bytes`.
        default max_target_bytes: Size<256, 65_536> = 8 << 10,
        /// Longest head of a request; beyond it the answer is 431.
        default max_header_bytes: Size<8_192, 1_048_576> = 32 << 10,
        /// Most header fields of a request.
        default max_headers: Integer<1, 1_000> = 100,
        /// Longest body of a request; when absent, any length is streamed.
        optional max_body_bytes: Size<0, 1_099_511_627_776>,
        /// Whether HTTP/2 is spoken beside HTTP/1.1: by agreement over TLS, without TLS to clients that begin with it.
        default http2: Flag = true,
        /// Most requests at once on one HTTP/2 connection.
        default max_streams: Integer<1, 10_000> = 100,
        /// Whether a proxy in front begins each connection with a header of the PROXY protocol, version 1 or 2, that
        /// says who the client is. Connections without it are closed, and those of peers `[forwarding] trusted` does
        /// not name, where it names any. Otherwise whoever can reach the listener can claim any address: let only the
        /// proxy reach it.
        default proxy_protocol: Flag = false,
        /// Certificates; when absent, plain HTTP. They may change while the gateway runs, as may their files.
        repeated tls: Filled<List<RawServerTls>>,
    }
}

pub(super) fn resolve(
    raw: BTreeMap<String, RawListen>,
    place: &Place,
    admin: SocketAddr,
    tree: &Tree,
    is_secret: impl Fn(&str) -> bool,
    faults: &mut Faults,
) -> Vec<Listener> {
    let listen = place.below("listen");
    if raw.is_empty() && !complained_below(faults, &listen) {
        faults.push(listen.fault("is missing: there is nowhere to listen", "add [listen.NAME] with an address"));
    }
    let mut listeners: Vec<Listener> = Vec::new();
    for (name, raw) in raw {
        let tls = raw.tls.into_iter().filter_map(|raw| raw.resolve(tree, &is_secret, faults)).collect();
        let Some(address) = raw.address else { continue };
        let other = match address.value == Address::Ip(admin) {
            true => Some("[admin]".to_owned()),
            false => {
                listeners.iter().find(|other| other.address == address.value).map(|it| format!("[listen.{}]", it.name))
            }
        };
        if let Some(other) = other.filter(|_| address.value.ip().is_none_or(|address| address.port() != 0)) {
            faults.push(address.place.fault(format!("is the address of {other} too"), "give each its own address"));
        }
        if let (Some(mode), Some(_)) = (&raw.mode, address.value.ip()) {
            faults.push(
                mode.place.fault("has no meaning without a Unix socket", "remove it, or listen on a Unix socket"),
            );
        }
        if raw.max_target_bytes > raw.max_header_bytes {
            let place = raw.place.below("max_target_bytes");
            faults.push(place.fault("is more than `max_header_bytes`", "a target is part of a head: lower it"));
        }
        listeners.push(Listener {
            name,
            address: address.value,
            mode: raw.mode.map_or(SOCKET_MODE, |mode| mode.value.0),
            header_timeout: raw.header_timeout,
            idle_timeout: raw.idle_timeout,
            body_timeout: raw.body_timeout,
            min_rate: raw.min_rate,
            max_connections: raw.max_connections,
            max_connections_per_address: raw.max_connections_per_address.unwrap_or((raw.max_connections / 4).max(1)),
            max_target_bytes: raw.max_target_bytes,
            max_header_bytes: raw.max_header_bytes,
            max_headers: raw.max_headers,
            max_body_bytes: raw.max_body_bytes,
            http2: raw.http2,
            max_streams: raw.max_streams,
            proxy_protocol: raw.proxy_protocol,
            tls,
            place: raw.place,
        });
    }
    listeners
}
