//! What becomes of a signature whose key is not there, as fetches succeed and fail.

use tokio::time::advance;

use super::*;
use crate::keys::{Algorithm, SigningKey};
use crate::telemetry::metrics::Metrics;

const COOL_DOWN: Duration = Duration::from_secs(5);

fn published(issuer: &str, before: Option<&Published>) -> Arc<Published> {
    let refresh =
        KeyRefresh { refresh: Duration::from_secs(600), cool_down: COOL_DOWN, stale: Duration::from_secs(3600) };
    let at = PublishedAt::Issuer(issuer.to_owned());
    let settings = Settings { name: "idp".to_owned(), at, services: Vec::new(), refresh };
    Arc::new(Published::new(settings, before, None, Metrics::new("0", "0").key_set("idp")))
}

fn a_set() -> (KeySet, Bytes) {
    let text = SigningKey::generate(Algorithm::EdDsa).unwrap().public_jwks();
    (KeySet::published(text.as_bytes()).unwrap(), text.into())
}

/// A fetch from beginning to end.
fn fetched(published: &Published, fetched: Result<(KeySet, Bytes), FetchError>) {
    published.progress.send_modify(|progress| progress.begun += 1);
    published.take(fetched, 0);
}

/// What is said of a signature by a key of this id, which no set has.
fn asked(published: &Arc<Published>, id: &str) -> &'static str {
    let said = published.verify(Some(id), b"m", b"s", |set| set.verify(Algorithm::EdDsa, Some(id), b"m", b"s"));
    match said {
        Ok(()) => "right",
        Err(Refusal::No(_)) => "no",
        Err(Refusal::Unavailable) => "unavailable",
        Err(Refusal::NotYet(_)) => "not yet",
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_set_nothing_is_known_and_it_is_asked_for_at_its_pace() {
    let published = published("a", None);
    assert_eq!(asked(&published, "k"), "not yet");
    fetched(&published, Err(FetchError::NoDocument));
    assert_eq!(asked(&published, "k"), "unavailable");
    advance(COOL_DOWN).await;
    assert_eq!(asked(&published, "k"), "not yet");
    fetched(&published, Ok(a_set()));
    assert_eq!(asked(&published, "k"), "not yet", "what was fetched may be older than the key");
}

#[tokio::test(start_paused = true)]
async fn a_key_is_absent_once_a_fetch_that_began_later_says_so() {
    let published = published("a", None);
    fetched(&published, Ok(a_set()));
    assert_eq!(asked(&published, "k"), "not yet");
    // Under way before anybody asked for another one.
    published.progress.send_modify(|progress| progress.begun += 1);
    assert_eq!(asked(&published, "other"), "not yet");
    published.take(Ok(a_set()), 0);
    assert_eq!((asked(&published, "k"), asked(&published, "other")), ("no", "not yet"));
    fetched(&published, Ok(a_set()));
    assert_eq!((asked(&published, "k"), asked(&published, "other")), ("no", "no"));
    advance(KNOWN_ABSENT).await;
    assert_eq!(asked(&published, "k"), "not yet", "it may be there by now");
}

#[tokio::test(start_paused = true)]
async fn while_fetches_fail_nobody_can_say_that_a_key_is_absent() {
    let published = published("a", None);
    fetched(&published, Ok(a_set()));
    assert_eq!(asked(&published, "k"), "not yet");
    fetched(&published, Err(FetchError::NoDocument));
    assert_eq!(asked(&published, "k"), "unavailable");
    advance(COOL_DOWN).await;
    assert_eq!(asked(&published, "k"), "not yet");
    advance(Duration::from_secs(3600)).await;
    fetched(&published, Err(FetchError::NoDocument));
    assert_eq!(asked(&published, "k"), "unavailable", "the set is too old");
}

#[tokio::test(start_paused = true)]
async fn so_many_wait_and_no_more() {
    let published = published("a", None);
    fetched(&published, Ok(a_set()));
    let verify =
        |id: &str| published.verify(Some(id), b"m", b"s", |set| set.verify(Algorithm::EdDsa, Some(id), b"m", b"s"));
    let waiting: Vec<_> = (0..MOST_WAITING).map(|number| verify(&number.to_string())).collect();
    assert!(waiting.iter().all(|said| matches!(said, Err(Refusal::NotYet(_)))));
    assert!(matches!(verify("one more"), Err(Refusal::No(VerifyError::UnknownKey))));
    drop(waiting);
    assert!(matches!(verify("one more"), Err(Refusal::NotYet(_))));
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_over_when_the_fetch_is_and_when_that_takes_too_long() {
    let published = published("a", None);
    fetched(&published, Ok(a_set()));
    let wait =
        |published: &Arc<Published>| match published.verify(Some("k"), b"m", b"s", |_| Err(VerifyError::UnknownKey)) {
            Err(Refusal::NotYet(wait)) => wait,
            other => panic!("{other:?}"),
        };
    let over = tokio::spawn(wait(&published).over());
    tokio::task::yield_now().await;
    fetched(&published, Err(FetchError::NoDocument));
    assert!(over.await.unwrap());
    advance(COOL_DOWN).await;
    assert!(!wait(&published).over().await);
}

#[tokio::test(start_paused = true)]
async fn a_new_declaration_of_the_same_place_begins_with_what_is_there() {
    let before = published("a", None);
    fetched(&before, Ok(a_set()));
    assert_eq!(asked(&published("b", Some(&before)), "k"), "not yet");
    let after = published("a", Some(&before));
    fetched(&after, Err(FetchError::NoDocument));
    let known = after.verify(None, b"m", b"s", |_| Ok(()));
    assert!(known.is_ok());
}
