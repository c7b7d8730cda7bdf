//! When a token is shown, fetched anew and given up.

use super::*;
use crate::config::{Config, Tree};
use crate::egress;
use crate::telemetry::metrics::Metrics;
use http::HeaderMap;

/// A service nobody answers for.
fn access() -> Arc<Access> {
    let text = "[listen.a]\naddress = '127.0.0.1:1'\n[egress.idp]\nurl = 'http://127.0.0.1:2'\npaths = ['/*']\nmethods = ['POST']\nprivate_ips = true\n";
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
    Arc::new(Access::new(Settings { name: "pets".to_owned(), service, target: "/token".to_owned(), form }))
}

fn hold(access: &Access, age: Duration, renew: Duration, end: Duration) {
    let now = Instant::now();
    let value = HeaderValue::from_static("Bearer a");
    access.held.store(Some(Arc::new(Held { value, came: now - age, renew: now + renew, end: now + end })));
}

const MINUTE: Duration = Duration::from_secs(60);

/// Whether a fetch began, and its end.
async fn fetched(access: &Access) -> bool {
    let news = access.fetching().under_way.clone();
    match news {
        Some(mut news) => news.wait_for(Option::is_some).await.is_ok(),
        None => false,
    }
}

#[tokio::test]
async fn a_token_is_shown_until_it_ends_also_where_no_other_can_be_fetched() {
    let access = access();
    hold(&access, MINUTE, MINUTE, MINUTE);
    assert_eq!(access.value().await.unwrap(), "Bearer a");
    assert!(!fetched(&access).await, "nothing was asked for");
    hold(&access, MINUTE, Duration::ZERO, MINUTE);
    assert_eq!(access.value().await.unwrap(), "Bearer a", "the next is fetched meanwhile");
    assert!(fetched(&access).await && access.standing().is_failing, "nobody answers there");
    assert_eq!(access.value().await.unwrap(), "Bearer a");
    assert!(!fetched(&access).await, "it was asked for a moment ago");
    hold(&access, MINUTE, Duration::ZERO, Duration::ZERO);
    assert!(matches!(*access.value().await.unwrap_err(), AccessError::CoolingDown));
    assert_eq!(access.standing().good_for, None);
}

#[tokio::test]
async fn all_who_have_none_wait_for_one_fetch_and_hear_what_came_of_it() {
    let access = access();
    let (one, two) = tokio::join!(access.value(), access.value());
    let (one, two) = (one.unwrap_err(), two.unwrap_err());
    assert!(Arc::ptr_eq(&one, &two) && matches!(*one, AccessError::Call { .. }), "{one:?} {two:?}");
}

#[tokio::test]
async fn a_fetch_goes_on_though_whoever_wanted_it_has_gone() {
    let access = access();
    tokio::select! { biased; _ = access.value() => panic!("at once?"), () = std::future::ready(()) => {} }
    assert!(fetched(&access).await && access.standing().is_failing);
}

#[tokio::test]
async fn what_an_upstream_refuses_is_fetched_anew_unless_it_is_new() {
    let access = access();
    hold(&access, Duration::ZERO, MINUTE, MINUTE);
    access.refused(&HeaderValue::from_static("Bearer a"));
    assert!(!fetched(&access).await, "an upstream may refuse whatever it is shown");
    hold(&access, MINUTE, MINUTE, MINUTE);
    access.refused(&HeaderValue::from_static("Bearer b"));
    assert!(!fetched(&access).await, "that is another");
    access.refused(&HeaderValue::from_static("Bearer a"));
    assert!(fetched(&access).await);
    assert_eq!(access.value().await.unwrap(), "Bearer a", "until there is another");
}

#[tokio::test]
async fn nothing_shows_the_secret_or_the_token() {
    let access = access();
    let mut value = HeaderValue::from_static("Bearer hunter3");
    value.set_sensitive(true);
    access.held.store(Some(Arc::new(Held {
        value,
        came: Instant::now(),
        renew: Instant::now(),
        end: Instant::now() + MINUTE,
    })));
    let shown = format!("{access:?}");
    assert!(!shown.contains("hunter"), "{shown}");
}
