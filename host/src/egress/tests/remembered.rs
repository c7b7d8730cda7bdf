//! What is asked once for all, and how long it is remembered.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const MINUTE: Duration = Duration::from_secs(60);

fn shared(service: &Service, more: &str) -> Arc<Egress> {
    Arc::new(egress(granted(service, more)))
}

async fn learn(egress: &Arc<Egress>, call: Call) -> Outcome {
    egress.clone().learn(call.question(), call, true).await
}

#[tokio::test]
async fn who_asks_the_same_while_it_is_asked_is_told_the_same() {
    let service = Service::start(|_, _| Answer::ok("said")).await;
    let egress = shared(&service, "");
    // Nothing is sent before all of them have asked: this thread does both.
    let (one, two, three) =
        tokio::join!(learn(&egress, get("/a")), learn(&egress, get("/a")), learn(&egress, get("/a")));
    for told in [one, two, three] {
        assert_eq!(&told.unwrap().reply.body[..], b"said");
    }
    assert_eq!(service.requests().len(), 1);
}

#[tokio::test]
async fn an_answer_is_good_for_the_same_question_while_it_is_new_enough() {
    let service = Service::start(|_, _| Answer::ok("said")).await;
    let egress = shared(&service, "methods = ['GET', 'POST']");
    let question = get("/a").question();
    assert!(egress.remembered(&question, MINUTE).is_none());
    learn(&egress, get("/a")).await.unwrap();
    let known = egress.remembered(&question, MINUTE).unwrap();
    assert_eq!(&known.reply.body[..], b"said");
    assert!(egress.remembered(&question, Duration::ZERO).is_none(), "it is older than that");
    for other in [
        get("/b"),
        Call { method: "POST".into(), ..get("/a") },
        Call { body: "x".into(), ..get("/a") },
        Call { target: "/a".into(), ..with_field("x-a", "1") },
    ] {
        assert!(egress.remembered(&other.question(), MINUTE).is_none(), "{other:?}");
    }
    assert_eq!(service.requests().len(), 1);
}

#[test]
fn parts_of_a_question_do_not_run_into_each_other() {
    let with = |method: &str, target: &str, body: &'static str, fields: &[(&str, &'static str)]| {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        Call { method: method.into(), target: target.into(), body: body.into(), fields }.question()
    };
    let all = [
        with("GET", "/a", "", &[]),
        with("GET/", "a", "", &[]),
        with("GET", "/", "a", &[]),
        with("GET", "/", "", &[("a", "")]),
        with("GET", "/", "", &[("", "a")]),
        with("GET", "/", "", &[("a", "b"), ("c", "d")]),
        with("GET", "/", "", &[("ab", "cd")]),
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(!all[at + 1..].contains(one), "{at}");
    }
}

#[tokio::test]
async fn that_there_was_no_answer_is_told_to_all_and_not_remembered() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let service = Service::start(move |_, _| match count.fetch_add(1, Relaxed) {
        0 => Answer::Last("nonsense"),
        _ => Answer::of("", b"said"),
    });
    let service = service.await;
    let egress = shared(&service, "");
    let (first, second) = tokio::join!(learn(&egress, get("/")), learn(&egress, get("/")));
    for told in [first, second] {
        assert!(matches!(told.unwrap_err().as_ref(), EgressError::Protocol(_)));
    }
    assert!(egress.remembered(&get("/").question(), MINUTE).is_none());
    assert_eq!(&learn(&egress, get("/")).await.unwrap().reply.body[..], b"said");
    assert_eq!(calls.load(Relaxed), 2);
}

#[tokio::test]
async fn what_is_asked_for_this_once_is_not_kept() {
    let service = Service::start(|_, _| Answer::ok("said")).await;
    let egress = shared(&service, "");
    let question = get("/").question();
    egress.clone().learn(question, get("/"), false).await.unwrap();
    assert!(egress.remembered(&question, MINUTE).is_none());
}

#[tokio::test]
async fn a_question_is_asked_though_whoever_asked_has_gone() {
    let service = Service::start(|_, _| Answer::ok("said")).await;
    let egress = shared(&service, "");
    let call = get("/");
    let news = egress.clone().learn(call.question(), call, true);
    // Polled once, so that it is asked, and dropped.
    tokio::select! { biased; _ = news => panic!("at once?"), () = std::future::ready(()) => {} }
    service.asked(1).await;
    let told = learn(&egress, get("/")).await.unwrap();
    assert_eq!((&told.reply.body[..], service.requests().len()), (&b"said"[..], 1));
}

#[tokio::test]
async fn what_is_remembered_stays_below_its_bound() {
    let service = Service::start(|_, _| Answer::of("", &[b'x'; 1000])).await;
    let egress = shared(&service, "max_remembered = '16KiB'");
    for n in 0..100 {
        learn(&egress, get(&format!("/{n}"))).await.unwrap();
    }
    let known = (0..100).filter(|n| egress.remembered(&get(&format!("/{n}")).question(), MINUTE).is_some()).count();
    assert!((1..=16).contains(&known), "{known}");
    let nothing = shared(&service, "max_remembered = '0B'");
    learn(&nothing, get("/")).await.unwrap();
    assert!(nothing.remembered(&get("/").question(), MINUTE).is_none());
}
