//! Limits that several gateways count together in a Redis, which is asked, falls silent, dies and comes back.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use lockgate_tests::{Authority, Gateway, Redis, Upstream, eventually};

use super::{TEN, TWO_AT_ONCE, admitted, ask, begin, folder, patient};

/// The limiter `calls` at a server, under a name that all gateways share.
fn at(server: &str) -> String {
    format!("[limiter.calls]\nnamespace = \"all\"\nredis = \"{server}\"\ntimeout = \"1s\"\n")
}

fn up(gateway: &Gateway) -> Option<f64> {
    gateway.metric("lockgate_limiter_up{limiter=\"calls\"}")
}

#[test]
fn two_gateways_admit_exactly_the_limit_together() {
    let (upstream, redis) = (Upstream::echo(), Redis::start());
    for algorithm in ["fixed", "sliding"] {
        let config = TEN.replace("amount", &format!("algorithm = \"{algorithm}\", amount"));
        let start = || folder(&upstream, &at(&redis.socket()), &config).start();
        let (one, other) = (start(), start());
        assert_eq!(admitted(&[&one, &other], 5, "ada"), 10, "{algorithm}");
        let refused = ask(&one, "ada");
        refused.assert_status(429);
        assert_eq!(refused.field("ratelimit").map(|field| field.contains(";r=0;")), Some(true));
        assert_eq!(one.metric("lockgate_limiter_takes_total{limiter=\"calls\",outcome=\"unanswered\"}"), None);
    }
    let keys = redis.keys();
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(keys.iter().all(|key| key.starts_with("lockgate:{all}:") && !key.contains("ada")), "{keys:?}");
}

#[test]
fn a_bucket_and_a_quota_are_shared_too() {
    let (upstream, redis) = (Upstream::echo(), Redis::start());
    let config = "limits = [{ name = \"b\", amount = 1, per = \"1h\", algorithm = \"bucket\", burst = 7 }, \
                  { name = \"m\", amount = 5, per = \"month\" }]";
    let start = || folder(&upstream, &at(&redis.socket()), config).start();
    let (one, other) = (start(), start());
    assert_eq!(admitted(&[&one, &other], 3, "ada"), 5);
    assert!(ask(&other, "ada").field("ratelimit").unwrap().starts_with("\"b\";r=2;"), "what is refused counts nowhere");
}

#[test]
fn a_server_that_falls_silent_is_waited_for_once_and_counted_without() {
    let (upstream, redis) = (Upstream::echo(), Redis::start());
    let gateway = folder(&upstream, &at(&redis.socket()), TEN).start();
    assert_eq!(admitted(&[&gateway], 1, "ada"), 4);
    redis.fall_silent();
    // Those that ask first wait, and then count here, as all others do.
    assert_eq!(admitted(&[&gateway], 5, "ada"), 10);
    assert_eq!(up(&gateway), Some(0.0));
    gateway.verb(&["status"]).assert(0, &["The store of the limiter `calls` does not answer."]);
    redis.wake();
    eventually("the server to answer", || (up(&gateway) == Some(1.0)).then_some(()));
    // What was counted there is still known.
    // The four that were under way may be known there too.
    let left = admitted(&[&gateway], 4, "ada");
    assert!((2..=6).contains(&left), "{left}");
}

#[test]
fn without_a_server_what_is_declared_happens() {
    let (upstream, mut redis) = (Upstream::echo(), Redis::start());
    let start = |declared: &str| {
        let config = format!("unavailable = \"{declared}\", {TEN}");
        folder(&upstream, &at(&redis.socket()), &config).start()
    };
    let (open, closed) = (start("open"), start("closed"));
    for gateway in [&open, &closed] {
        ask(gateway, "ada").assert_status(200);
    }
    redis.kill();
    for (gateway, status) in [(&open, 200), (&closed, 503)] {
        eventually("the server to be missed", || (up(gateway) == Some(0.0)).then_some(()));
        for _ in 0..20 {
            ask(gateway, "ada").assert_status(status);
        }
    }
    redis.start_again();
    for gateway in [&open, &closed] {
        eventually("the server to answer", || (up(gateway) == Some(1.0)).then_some(()));
    }
    // It knows nothing of what was before.
    assert_eq!(admitted(&[&open, &closed], 5, "ada"), 10);
}

#[test]
fn a_server_that_is_killed_again_and_again_under_load_costs_no_request() {
    let (upstream, mut redis) = (Upstream::echo(), Redis::start());
    let config = "limits = [{ amount = 1000000, per = \"1h\" }]";
    let gateway = folder(&upstream, &at(&redis.socket()), config).start();
    let over = AtomicBool::new(false);
    let asked = thread::scope(|scope| {
        let asking = || {
            let (mut client, mut asked) = (gateway.connect(), 0);
            while !over.load(Ordering::Relaxed) {
                client.send(&lockgate_tests::Request::get("/")).assert_status(200);
                asked += 1;
            }
            asked
        };
        let asking: Vec<_> = (0..4).map(|_| scope.spawn(asking)).collect();
        let becomes = |value| eventually("the gateway to notice", || (up(&gateway) == Some(value)).then_some(()));
        for _ in 0..3 {
            becomes(1.0);
            redis.kill();
            becomes(0.0);
            redis.start_again();
        }
        becomes(1.0);
        over.store(true, Ordering::Relaxed);
        asking.into_iter().map(|asking| asking.join().unwrap()).sum::<usize>()
    });
    assert!(asked > 4, "{asked}");
}

#[test]
fn what_is_under_way_is_counted_together_and_lapses_with_its_gateway() {
    let ((upstream, gate), redis) = (patient(), Redis::start());
    let config = TWO_AT_ONCE.replace("amount", "per = \"5s\", amount");
    let start = || folder(&upstream, &at(&redis.socket()), &config).start();
    let (mut one, other) = (start(), start());
    let (_first, mut second) = (begin(&one, "/hold/1"), begin(&other, "/hold/2"));
    upstream.wait_for_requests(2);
    for gateway in [&one, &other] {
        ask(gateway, "ada").assert_status(429);
    }
    // Of one that is killed nobody hears that its requests are over.
    one.kill();
    ask(&other, "ada").assert_status(429);
    gate.open("/hold/2");
    second.receive("GET").unwrap().assert_status(200);
    eventually("what it held to lapse", || {
        let left = ask(&other, "ada").field("ratelimit").map(str::to_owned);
        (left.as_deref() == Some("\"default\";r=1;t=1")).then_some(())
    });
    eventually("nothing to be held", || redis.keys().is_empty().then_some(()));
    gate.open("/hold/1");
}

#[test]
fn a_server_that_refuses_to_write_is_told_of_once_and_found_again() {
    let ((upstream, gate), redis) = (patient(), Redis::start());
    let mut gateway = folder(&upstream, &at(&redis.socket()), TWO_AT_ONCE).start();
    let mut held = begin(&gateway, "/hold/1");
    upstream.wait_for_requests(1);
    redis.is_replaced();
    gate.open("/hold/1");
    held.receive("GET").unwrap().assert_status(200);
    // What is held cannot be given back, nor anything be taken: it is counted here.
    assert_eq!(ask(&gateway, "ada").status, 200);
    gateway.wait_for_log("a warning", |line| line["message"].as_str()?.contains("store of a limiter").then_some(()));
    for _ in 0..50 {
        ask(&gateway, "ada").assert_status(200);
    }
    redis.is_back();
    eventually("it to count there again", || {
        ask(&gateway, "bob").assert_status(200);
        redis.keys().iter().any(|key| key.starts_with("lockgate:{all}:")).then_some(())
    });
    let written = gateway.all_written();
    let warnings = written.lines().filter(|line| line.contains("WARN") && line.contains("store of a limiter")).count();
    assert!((1..=3).contains(&warnings), "{warnings} warnings");
}

#[test]
fn a_server_that_is_declared_anew_gets_back_what_was_held_before_and_is_left_then() {
    let ((upstream, gate), redis) = (patient(), Redis::start());
    let config = TWO_AT_ONCE.replace("amount = 2", "amount = 1");
    let gateway = folder(&upstream, &at(&redis.socket()), &config).start();
    let mut held = begin(&gateway, "/hold/1");
    upstream.wait_for_requests(1);
    let declared = fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    gateway.write("gateway.toml", &declared.replace("timeout = \"1s\"", "timeout = \"2s\""));
    gateway.wait_for_generation(2);
    ask(&gateway, "ada").assert_status(429);
    gate.open("/hold/1");
    held.receive("GET").unwrap().assert_status(200);
    eventually("what was held to be given back", || (ask(&gateway, "ada").status == 200).then_some(()));
    eventually("the connection of before to end", || (redis.clients() == 1).then_some(()));
}

#[test]
fn what_is_taken_before_something_that_is_waited_for_is_taken_once() {
    let (upstream, redis) = (Upstream::echo(), Redis::start());
    let limiters = format!("[limiter.there]\nredis = \"{}\"\ntimeout = \"1s\"\n", redis.socket());
    let gateway = Gateway::folder()
        .upstream(&upstream)
        .guest("take-twice")
        .gateway_toml(&format!(
            "{limiters}[policy.guest]\nsource = \"file:components/take-twice.wasm\"\n\
             grant = [\"limiter:here\", \"limiter:there\", \"write:x-test-left\"]\n"
        ))
        .api(
            "api",
            "name = \"api\"\nversion = \"1\"\n[upstream.main]\ntargets = [\"http://$upstream\"]\n[[route]]\nname = \"all\"\n\
             match = { path = \"/{*rest}\" }\nupstream = \"main\"\nchain = [\"guest\"]\n",
        )
        .start();
    for left in ["99 99", "98 98", "97 97"] {
        let response = gateway.get("/");
        response.assert_status(200);
        assert_eq!(response.echoed("x-test-left"), [left]);
    }
    let calls = |outcome: &str| {
        let labels = format!("{{policy=\"guest\",hook=\"request\",outcome=\"{outcome}\"}}");
        gateway.metric(&format!("lockgate_policy_calls_total{labels}"))
    };
    assert_eq!((calls("edit"), calls("waited")), (Some(3.0), Some(3.0)));
}

#[test]
fn a_server_inside_tls_is_known_by_its_authority_and_opened_by_a_secret() {
    let (upstream, authority) = (Upstream::echo(), Authority::new());
    let redis = Redis::inside_tls(&authority, "open-sesame");
    let limiter = format!(
        "[limiter.calls]\nredis = \"rediss://localhost:{}/2\"\npassword = \"secret:redis\"\ntls = \"own\"\ntimeout = \"1s\"\n\
         [secret.redis]\nenv = \"TEST_REDIS\"\n[tls.own]\nca = \"own.pem\"\n",
        redis.port()
    );
    let with = |password: &str| {
        let folder = folder(&upstream, &limiter, &format!("unavailable = \"closed\", {TEN}"));
        folder.file("own.pem", authority.pem()).variable("TEST_REDIS", password).start()
    };
    let gateway = with("open-sesame");
    assert_eq!(admitted(&[&gateway], 5, "ada"), 10);
    let mut refused = with("wrong-word");
    eventually("the server to refuse", || (up(&refused) == Some(0.0)).then_some(()));
    ask(&refused, "ada").assert_problem(503);
    let written = refused.all_written();
    assert!(written.contains("the store of a limiter does not answer"), "{written}");
    assert!(!written.contains("wrong-word"), "the log got the password");
}
