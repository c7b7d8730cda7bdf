//! What is asked once for all, and how long it is remembered.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const MINUTE: Duration = Duration::from_secs(60);

fn shared(service: &Service, more: &str) -> Arc<Egress> {
    Arc::new(egress(granted(service, more)))
}

fn question(call: &Call) -> Question {
    let fields: Vec<u8> =
        call.fields.iter().flat_map(|(name, value)| [name.as_bytes(), b"=", value, b";"].concat()).collect();
    Question::of(&call.method, &call.target, &fields, &call.body)
}

async fn learn(egress: &Arc<Egress>, call: Call) -> Outcome {
    egress.clone().learn(question(&call), call, true).await
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
    let asked = question(&get("/a"));
    assert!(egress.remembered(&asked, MINUTE).is_none());
    learn(&egress, get("/a")).await.unwrap();
    let known = egress.remembered(&asked, MINUTE).unwrap();
    assert_eq!(&known.reply.body[..], b"said");
    for other in [
        get("/b"),
        Call { method: "POST".into(), ..get("/a") },
        Call { body: "x".into(), ..get("/a") },
        Call { target: "/a".into(), ..with_field("x-a", "1") },
    ] {
        assert!(egress.remembered(&question(&other), MINUTE).is_none(), "{other:?}");
    }
    assert!(egress.remembered(&asked, Duration::ZERO).is_none(), "it is older than that");
    assert!(egress.remembered(&asked, MINUTE).is_none(), "and kept for nobody");
    assert_eq!(service.requests().len(), 1);
}

#[test]
fn parts_of_a_question_do_not_run_into_each_other() {
    let with = |method: &str, target: &str, body: &'static str, fields: &[(&str, &'static str)]| {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        question(&Call { method: method.into(), target: target.into(), body: body.into(), fields })
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
    assert!(egress.remembered(&question(&get("/")), MINUTE).is_none());
    assert_eq!(&learn(&egress, get("/")).await.unwrap().reply.body[..], b"said");
    assert_eq!(calls.load(Relaxed), 2);
}

#[tokio::test]
async fn what_is_asked_for_this_once_is_not_kept() {
    let service = Service::start(|_, _| Answer::ok("said")).await;
    let egress = shared(&service, "");
    let asked = question(&get("/"));
    egress.clone().learn(asked, get("/"), false).await.unwrap();
    assert!(egress.remembered(&asked, MINUTE).is_none());
}

#[tokio::test]
async fn what_may_change_something_is_asked_though_whoever_asked_has_gone_and_what_does_not_is_given_up() {
    let service = Service::start(|_, _| Answer::Stalled("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")).await;
    let egress = shared(&service, "max_in_flight = 1\ntimeout = '60s'");
    for is_kept in [true, false] {
        let call = get(if is_kept { "/look" } else { "/change" });
        let asked = egress.clone().learn(question(&call), call, is_kept);
        tokio::select! {
            biased;
            _ = asked => panic!("nobody answers"),
            () = service.asked(1) => {}
        }
        if is_kept {
            // Its connection is closed, and its place is free for the next.
            service.ended(1).await;
        }
    }
    let busy = learn(&egress, get("/other")).await.unwrap_err();
    assert!(matches!(*busy, EgressError::Busy), "{busy:?}");
}

#[tokio::test]
async fn what_is_remembered_stays_below_its_bound() {
    let service = Service::start(|_, _| Answer::of("", &[b'x'; 1000])).await;
    let egress = shared(&service, "max_remembered = '16KiB'");
    for n in 0..100 {
        learn(&egress, get(&format!("/{n}"))).await.unwrap();
    }
    let known = (0..100).filter(|n| egress.remembered(&question(&get(&format!("/{n}"))), MINUTE).is_some()).count();
    assert!((1..=16).contains(&known), "{known}");
    let nothing = shared(&service, "max_remembered = '0B'");
    learn(&nothing, get("/")).await.unwrap();
    assert!(nothing.remembered(&question(&get("/")), MINUTE).is_none());
}
