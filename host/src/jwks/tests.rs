//! What becomes of a signature whose key is not there, as fetches succeed and fail.

use bytes::Bytes;

use super::fetch::FetchError;
use super::*;
use crate::keys::{Algorithm, SigningKey};
use crate::telemetry::metrics::Metrics;

const COOL_DOWN: Duration = Duration::from_secs(5);
const STALE: Duration = Duration::from_secs(3600);

fn published(issuer: &str, before: Option<&Published>) -> Arc<Published> {
    let refresh = KeyRefresh { refresh: Duration::from_secs(600), cool_down: COOL_DOWN, stale: STALE };
    let at = PublishedAt::Issuer(issuer.to_owned());
    let settings = Settings { name: "idp".to_owned(), at, services: Vec::new(), refresh };
    Arc::new(Published::new(settings, before, None, Metrics::new("0", "0").key_set("idp")))
}

fn a_set() -> (KeySet, Bytes) {
    let text = SigningKey::generate(Algorithm::EdDsa).unwrap().public_jwks();
    (KeySet::published(text.as_bytes()).unwrap(), text.into())
}

/// A fetch from beginning to end.
fn fetched(published: &Published, at: Instant, fetched: Result<(KeySet, Bytes), FetchError>) {
    published.progress.send_modify(|progress| progress.begun += 1);
    published.take(at, fetched, 0);
}

fn verify(published: &Arc<Published>, at: Instant, id: &str) -> Result<(), Refusal> {
    published.verify_at(at, Some(id), b"m", b"s", |set| set.verify(Algorithm::EdDsa, Some(id), b"m", b"s"))
}

/// What is said of a signature by a key of this id, which no set has.
fn asked(published: &Arc<Published>, at: Instant, id: &str) -> &'static str {
    match verify(published, at, id) {
        Ok(()) => "right",
        Err(Refusal::No(_)) => "no",
        Err(Refusal::Unavailable) => "unavailable",
        Err(Refusal::NotYet(_)) => "not yet",
    }
}

#[test]
fn without_a_set_nothing_is_known_and_it_is_asked_for_at_its_pace() {
    let (published, now) = (published("a", None), Instant::now());
    assert_eq!(asked(&published, now, "k"), "not yet");
    fetched(&published, now, Err(FetchError::NoDocument));
    assert_eq!(asked(&published, now, "k"), "unavailable");
    let later = now + COOL_DOWN;
    assert_eq!(asked(&published, later, "k"), "not yet");
    fetched(&published, later, Ok(a_set()));
    assert_eq!(asked(&published, later, "k"), "not yet", "what was fetched may be older than the key");
}

#[test]
fn a_key_is_absent_once_a_fetch_that_began_later_says_so() {
    let (published, now) = (published("a", None), Instant::now());
    fetched(&published, now, Ok(a_set()));
    assert_eq!(asked(&published, now, "k"), "not yet");
    // Under way before anybody asked for another one.
    published.progress.send_modify(|progress| progress.begun += 1);
    assert_eq!(asked(&published, now, "other"), "not yet");
    published.take(now, Ok(a_set()), 0);
    assert_eq!((asked(&published, now, "k"), asked(&published, now, "other")), ("no", "not yet"));
    fetched(&published, now, Ok(a_set()));
    assert_eq!((asked(&published, now, "k"), asked(&published, now, "other")), ("no", "no"));
    assert_eq!(asked(&published, now + KNOWN_ABSENT, "k"), "not yet", "it may be there by now");
}

#[test]
fn while_fetches_fail_nobody_can_say_that_a_key_is_absent() {
    let (published, now) = (published("a", None), Instant::now());
    fetched(&published, now, Ok(a_set()));
    assert_eq!(asked(&published, now, "k"), "not yet");
    fetched(&published, now, Err(FetchError::NoDocument));
    assert_eq!(asked(&published, now, "k"), "unavailable");
    assert_eq!(asked(&published, now + COOL_DOWN, "k"), "not yet");
    let too_old = now + STALE;
    fetched(&published, too_old, Err(FetchError::NoDocument));
    assert_eq!(asked(&published, too_old, "k"), "unavailable");
}

#[test]
fn a_set_that_comes_while_a_signature_is_checked_is_asked_too() {
    let (published, now) = (published("a", None), Instant::now());
    fetched(&published, now, Ok(a_set()));
    assert_eq!(asked(&published, now, "k"), "not yet");
    let mut checked = 0;
    let said = published.verify_at(now, Some("k"), b"m", b"s", |_| {
        checked += 1;
        if checked > 1 {
            return Ok(());
        }
        fetched(&published, now, Ok(a_set()));
        Err(VerifyError::UnknownKey)
    });
    assert!(said.is_ok(), "{said:?}");
}

#[test]
fn so_many_wait_and_no_more() {
    let (published, now) = (published("a", None), Instant::now());
    fetched(&published, now, Ok(a_set()));
    let waiting: Vec<_> = (0..MOST_WAITING).map(|number| verify(&published, now, &number.to_string())).collect();
    assert!(waiting.iter().all(|said| matches!(said, Err(Refusal::NotYet(_)))));
    assert_eq!(asked(&published, now, "one more"), "unavailable");
    drop(waiting);
    assert!(matches!(verify(&published, now, "one more"), Err(Refusal::NotYet(_))));
}

#[tokio::test]
async fn a_wait_is_over_when_the_fetch_is() {
    let (published, now) = (published("a", None), Instant::now());
    fetched(&published, now, Ok(a_set()));
    let Err(Refusal::NotYet(wait)) = verify(&published, now, "k") else { panic!("nothing to wait for") };
    let over = tokio::spawn(wait.over());
    fetched(&published, now, Err(FetchError::NoDocument));
    assert!(over.await.unwrap());
}

#[test]
fn a_new_declaration_of_the_same_place_begins_with_what_is_there() {
    let (before, now) = (published("a", None), Instant::now());
    fetched(&before, now, Ok(a_set()));
    let is_held = |published: &Arc<Published>| published.verify(None, b"m", b"s", |_| Ok(())).is_ok();
    assert!(is_held(&published("a", Some(&before))) && !is_held(&published("b", Some(&before))));
}
