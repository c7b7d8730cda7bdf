//! Who asks, through however many proxies, and what the upstream is told about it.

use std::fmt::Write as _;
use std::net::IpAddr;

use http::header::{FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue, VIA};
use http::request::Parts;
use http::{Response, Version};

use super::Connection;
use crate::config::{Forwarding, ForwardingField, Said};
use crate::exchange::forwarded::{Node, Value, Way, X_FORWARDED_FOR, X_FORWARDED_PROTO};
use crate::generation::Generation;
use crate::telemetry::RequestId;

const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Who asks. The peer of the connection, unless that is a proxy whose word is taken.
pub(super) struct Asker {
    /// None where there is no address: on a Unix socket.
    pub(super) client: Option<IpAddr>,
    /// Whether the client's connection is encrypted, as far as anybody knows.
    pub(super) https: bool,
    /// What it calls its request, or the gateway does.
    pub(super) id: RequestId,
    /// What proxies said about the way from the client to the peer.
    way: Option<Way>,
    /// Of the message that came.
    version: Version,
}

impl Asker {
    /// To be asked before anything is removed from the head.
    pub(super) fn of(connection: &Connection, generation: &Generation, number: u64, parts: &Parts) -> Self {
        let forwarding = &generation.forwarding;
        let (peer, https) = (connection.client, connection.tls.is_some());
        let version = parts.version;
        if !forwarding.trusts_anyone() || !forwarding.trusts(peer) {
            return Self { client: peer, https, id: RequestId::Number(number), way: None, version };
        }
        let trusts = |address| forwarding.trusts(Some(address));
        let way = match forwarding.read {
            ForwardingField::XForwarded => Way::x_forwarded(&parts.headers, trusts),
            ForwardingField::Forwarded => Way::forwarded(&parts.headers, trusts),
        };
        let (client, https) = (way.client().or(peer), way.https().unwrap_or(https));
        let given = generation.id_header.as_ref().and_then(|name| {
            let mut values = parts.headers.get_all(name).iter();
            let (value, None) = (values.next()?, values.next()) else { return None };
            RequestId::given(value.as_bytes())
        });
        let id = given.unwrap_or(RequestId::Number(number));
        Self { client, https, id, way: Some(way), version }
    }

    /// Of the message that came.
    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// Tell the upstream. What else was said about that was removed before.
    pub(super) fn introduce(&self, headers: &mut HeaderMap, connection: &Connection, forwarding: &Forwarding) {
        if forwarding.says(Said::XForwarded) {
            if let Some(addresses) = self.addresses(connection) {
                headers.insert(X_FORWARDED_FOR, addresses);
            }
            headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme(self.https)));
            if let Some(host) = headers.get(HOST).cloned() {
                headers.insert(X_FORWARDED_HOST, host);
            }
        }
        if forwarding.says(Said::Forwarded)
            && let Some(elements) = self.elements(headers.get(HOST), connection, forwarding)
        {
            headers.insert(FORWARDED, elements);
        }
        if let Some(via) = forwarding.via(self.version) {
            headers.append(VIA, via.clone());
        }
    }

    /// X-Forwarded-For: the way so far, and the peer.
    fn addresses(&self, connection: &Connection) -> Option<HeaderValue> {
        let Some(way) = &self.way else { return connection.client_field.clone() };
        let mut addresses = String::new();
        way.write_addresses(&mut addresses);
        match &connection.client {
            // A string takes everything.
            Some(peer) => drop(write!(addresses, "{peer}")),
            None => addresses.truncate(addresses.trim_end_matches(", ").len()),
        }
        HeaderValue::try_from(addresses).ok().filter(|addresses| !addresses.is_empty())
    }

    /// Forwarded: the way so far, and what this gateway knows about its last step.
    fn elements(
        &self,
        host: Option<&HeaderValue>,
        connection: &Connection,
        forwarding: &Forwarding,
    ) -> Option<HeaderValue> {
        let mut elements = String::new();
        if let Some(way) = &self.way {
            way.write_elements(&mut elements);
        }
        if let Some(by) = &forwarding.by {
            let _ = write!(elements, "by={by};");
        }
        let _ = write!(elements, "for={}", Node(connection.client));
        if let Some(host) = host.and_then(|host| host.to_str().ok()) {
            let _ = write!(elements, ";host={}", Value(host));
        }
        let _ = write!(elements, ";proto={}", scheme(connection.tls.is_some()));
        HeaderValue::try_from(elements).ok()
    }
}

/// Tell the client which way a response came.
pub(super) fn sign<B>(response: &mut Response<B>, forwarding: &Forwarding) {
    if let Some(via) = forwarding.via(response.version()) {
        response.headers_mut().append(VIA, via.clone());
    }
}

fn scheme(https: bool) -> &'static str {
    if https { "https" } else { "http" }
}
