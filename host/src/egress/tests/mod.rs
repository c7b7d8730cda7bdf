//! What the tests of this room share: a service that answers as it is told, and calls to it.

mod addresses;
mod answers;
mod connections;
mod grants;
mod remembered;
mod service;

use std::sync::Arc;

use http::{HeaderMap, HeaderName};

use super::connect::Resolver;
use super::error::{ConnectError, ProtocolError};
use super::*;
use crate::config::{Config, Tree};
use crate::telemetry::metrics::Metrics;
use service::{Answer, Service};

/// The settings of `[egress.idp]` as they are written.
fn settings(toml: &str) -> Settings {
    let text = format!("[listen.a]\naddress = '127.0.0.1:1'\n[egress.idp]\n{toml}");
    let mut config = Config::parse(&Tree::from_files([("gateway.toml", text)])).unwrap();
    let declared = config.egress.remove("idp").unwrap();
    Settings {
        name: "idp".to_owned(),
        terms: declared.terms,
        bounds: Arc::new(config.upstreams),
        tls: None,
        credentials: HeaderMap::new(),
    }
}

/// A service that may be asked for everything, but for what `more` says.
fn granted(service: &Service, more: &str) -> Settings {
    let paths = if more.contains("paths") { "" } else { "paths = ['/*']\n" };
    settings(&format!("url = 'http://{}'\nprivate_ips = true\n{paths}{more}", service.address))
}

fn egress(settings: Settings) -> Egress {
    Egress::new(settings, Metrics::new("1", "1").egress("idp"))
}

fn with_credentials(mut settings: Settings, credentials: &[(&'static str, &str)]) -> Egress {
    for (name, value) in credentials {
        settings.credentials.insert(HeaderName::from_static(name), value.parse().unwrap());
    }
    egress(settings)
}

fn get(target: &str) -> Call {
    Call { method: "GET".to_owned(), target: target.to_owned(), ..Call::default() }
}

fn with_field(name: &str, value: &'static str) -> Call {
    Call { fields: vec![(name.to_owned(), Bytes::from_static(value.as_bytes()))], ..get("/") }
}

#[track_caller]
fn denial(sent: Result<Reply, EgressError>) -> Denial {
    match sent {
        Err(EgressError::Denied(denial)) => denial,
        other => panic!("{other:?}"),
    }
}

/// `send` may be awaited from any runtime.
#[test]
fn a_call_may_move_between_threads() {
    fn moves<T: Send>(_: &T) {}
    let egress = egress(settings("url = 'https://idp'\npaths = ['/']\n"));
    moves(&egress.send(get("/")));
    fn shared<T: Send + Sync>() {}
    shared::<Egress>();
}
