//! When a token is shown, fetched anew and given up.

use super::*;
use crate::config::{Config, Tree};
use crate::egress;
use crate::telemetry::metrics::Metrics;
use http::HeaderMap;

/// A service nobody answers for.
fn access() -> Access {
    let text = "[listen.a]\naddress = '127.0.0.1:1'\n[egress.idp]\nurl = 'http://127.0.0.1:2'\npaths = ['/*']\nprivate_ips = true\n";
    let mut config = Config::parse(&Tree::from_files([("gateway.toml", text.to_owned())])).unwrap();
    let settings = egress::Settings {
        name: "idp".to_owned(),
        terms: config.egress.remove("idp").unwrap().terms,
        bounds: Arc::new(config.upstreams),
        tls: None,
        credentials: HeaderMap::new(),
    };
    let service = Arc::new(Egress::new(settings, Metrics::new("1", "1").egress("idp")));
    let form = "client_secret=hunter2".to_owned();
    Access::new(Settings { name: "pets".to_owned(), service, target: "/token".to_owned(), form })
}

fn hold(access: &Access, value: &'static str, renew: Duration, end: Duration) {
    let now = Instant::now();
    let value = HeaderValue::from_static(value);
    access.held.store(Some(Arc::new(Held { value, renew: now + renew, end: now + end })));
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_token_is_shown_until_it_ends_also_where_no_other_can_be_fetched() {
    let access = access();
    hold(&access, "Bearer a", MINUTE, MINUTE);
    assert_eq!(access.value().await.unwrap(), "Bearer a");
    assert!(!access.standing().is_failing, "nothing was asked for");
    hold(&access, "Bearer a", Duration::ZERO, MINUTE);
    // Nobody answers at that address, or GET alone is granted: either way there is no other.
    assert_eq!(access.value().await.unwrap(), "Bearer a");
    assert!(access.standing().is_failing);
    hold(&access, "Bearer a", Duration::ZERO, Duration::ZERO);
    assert!(matches!(access.value().await, Err(AccessError::CoolingDown)), "it was asked for a moment ago");
    assert_eq!(access.standing().good_for, None);
}

#[tokio::test]
async fn what_an_upstream_did_not_take_is_not_shown_again_and_another_stays() {
    let access = access();
    hold(&access, "Bearer b", MINUTE, MINUTE);
    access.refused(&HeaderValue::from_static("Bearer a"));
    assert_eq!(access.value().await.unwrap(), "Bearer b");
    access.refused(&HeaderValue::from_static("Bearer b"));
    assert!(access.value().await.is_err());
}

#[tokio::test]
async fn nothing_shows_the_secret_or_the_token() {
    let access = access();
    let mut value = HeaderValue::from_static("Bearer hunter3");
    value.set_sensitive(true);
    access.held.store(Some(Arc::new(Held { value, renew: Instant::now(), end: Instant::now() + MINUTE })));
    let shown = format!("{access:?}");
    assert!(!shown.contains("hunter"), "{shown}");
}
