//! Limits of policies: each is reached by a guest in each hook, costs that one request, and is named by answer, log and metric.

use std::sync::mpsc;
use std::thread;

use lockgate_tests::{Gateway, Request, Response, Upstream, eventually};

/// What the guest does, what that is called, and under which reason its instance is retired.
/// What uses up its time comes last: whoever does that goes on in the slow lane, on instances of its own.
const WAYS: &[(&str, &str, &str)] = &[
    ("trap", "plugin_trap", "trap"),
    ("recurse", "plugin_trap", "trap"),
    ("hoard", "plugin_memory", "memory"),
    ("gulp", "plugin_memory", "memory"),
    ("call", "plugin_host_calls", "refused"),
    ("shout", "plugin_host_memory", "memory"),
    ("spin", "plugin_cpu", "timeout"),
];

const HOOKS: &[&str] = &["request", "response", "body", "chunk", "responder"];

/// A route for each hook of the guest, and one without it.
fn gateway(upstream: &Upstream, policy: &str) -> Gateway {
    let route = |hook: &&str| {
        let entry = format!("{{ policy = \"misbehave\", config = {{ at = \"{hook}\" }} }}");
        let leads = match *hook {
            "responder" => format!("responder = {entry}"),
            _ => format!("chain = [{entry}]\nupstream = \"main\""),
        };
        format!("[[route]]\nname = \"{hook}\"\nmatch = {{ path = \"/{hook}\" }}\n{leads}\n")
    };
    let head = "name = \"api\"\nversion = \"1\"\n[upstream.main]\ntargets = [\"http://$upstream\"]\n\
                [[route]]\nname = \"calm\"\nmatch = { path = \"/calm\" }\nupstream = \"main\"\n";
    let routes: String = HOOKS.iter().map(route).collect();
    Gateway::folder()
        .upstream(upstream)
        .guest("misbehave")
        .gateway_toml(&format!(
            "[runtime]\nworkers = 1\n[policy.misbehave]\nsource = \"file:components/misbehave.wasm\"\n\
             grant = [\"read:x-test-break\", \"body:request:inspect\", \"responder\"]\n{policy}"
        ))
        .api("api", &format!("{head}{routes}"))
        .start()
}

/// Ask for misbehaviour in a hook: by the body where it sees one, else by a field.
fn ask(gateway: &Gateway, hook: &str, how: &str) -> Response {
    let path = format!("/{hook}?{how}");
    gateway.send(&match hook {
        "request" | "response" => Request::get(&path).field("x-test-break", how),
        _ => Request::post(&path, "text/plain", how),
    })
}

const PATIENT: &str = "breaker = { failures = 1000000 }\n";

#[test]
fn every_limit_holds_in_every_hook() {
    let upstream = Upstream::echo();
    for isolation in ["request", "pooled"] {
        let gateway = gateway(
            &upstream,
            &format!(
                "isolation = \"{isolation}\"\nlimits = {{ memory = \"8MiB\", cpu = \"500ms\", wall = \"20s\" }}\n{PATIENT}"
            ),
        );
        let slow_calls = || gateway.metric("lockgate_policy_slow_calls_total{policy=\"misbehave\"}");
        for hook in HOOKS {
            let slow = slow_calls();
            for (how, class, _) in WAYS {
                assert_eq!(slow_calls(), slow, "until it spins it is called by the worker itself");
                let broken = ask(&gateway, hook, how);
                broken.assert_problem(503);
                let line = gateway.access_log_of("id", &broken.json()["request_id"]);
                let told = (&line["class"], &line["blame"]);
                assert_eq!(told, (&(*class).into(), &"plugin".into()), "{hook} {how} {isolation}");
                let logged = gateway.wait_for_log("what broke", |line| {
                    (line["message"].as_str()?.contains("broke") && line["class"] == *class).then(|| line.clone())
                });
                assert_eq!(logged["policy"], "misbehave", "{logged}");
                gateway.get("/calm").assert_status(200);
                ask(&gateway, hook, "fine").assert_status(200);
            }
        }
        for (_, _, reason) in WAYS {
            let retired = format!("lockgate_instance_retirements_total{{policy=\"misbehave\",reason=\"{reason}\"}}");
            let ways = WAYS.iter().filter(|(_, _, other)| other == reason).count();
            assert_eq!(gateway.metric(&retired), Some((ways * HOOKS.len()) as f64), "{reason} {isolation}");
        }
        let held = gateway.metric("lockgate_policy_instance_memory_bytes{policy=\"misbehave\"}").unwrap();
        assert!((65_536.0..=8_388_608.0).contains(&held), "{held}");
    }
}

#[test]
fn limits_are_what_the_operator_says() {
    let upstream = Upstream::echo();
    let limits = "limits = { cpu = \"1s\", wall = \"1s\", host_calls = 10000000, host_memory = \"64MiB\", log = \"0B\", memory = \"64MiB\" }\n";
    let gateway = gateway(&upstream, &format!("{limits}{PATIENT}"));
    ask(&gateway, "request", "shout").assert_status(200);
    assert!(!gateway.written().contains("sssssss"), "no line of it is wanted");
    // What was over the one limit meets the next.
    let broken = ask(&gateway, "request", "call");
    let class = gateway.access_log_of("id", &broken.json()["request_id"])["class"].clone();
    assert!(class == "plugin_cpu" || class == "plugin_wall" || class == "plugin_host_calls", "{class}");
}

#[test]
fn a_policy_may_name_many_fields_and_not_too_many() {
    let folder = |names: usize| {
        let chain = format!("chain = [{{ policy = \"greedy\", config = {{ names = {names} }} }}]\n");
        let policy = "[policy.greedy]\nsource = \"file:components/greedy.wasm\"\ngrant = [\"read:x-test-*\"]\n";
        Gateway::folder().guest("greedy").gateway_toml(&(chain + policy))
    };
    let upstream = Upstream::echo();
    let gateway = folder(256).proxy(&upstream).start();
    gateway.get("/").assert_status(200);
    folder(257).run(&["check"]).assert(1, &["its interest has 257 names of request-read, and can have 256"]);
}

#[test]
fn a_limit_above_a_ceiling_is_a_fault_and_a_default_above_it_is_lowered() {
    let folder = |limits: &str, ceilings: &str| {
        Gateway::folder().word("upstream", "127.0.0.1:9").guest("misbehave").gateway_toml(&format!(
            "[ceilings]\n{ceilings}\n[policy.m]\nsource = \"file:components/misbehave.wasm\"\nlimits = {{ {limits} }}\n"
        ))
    };
    let checked =
        folder("memory = \"32MiB\", host_calls = 200", "memory = \"8MiB\"\nhost_calls = 100\n").run(&["check"]);
    checked.assert(
        1,
        &["policy.m.limits.memory: is above the ceiling", "policy.m.limits.host_calls: is above the ceiling"],
    );
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream, &format!("{PATIENT}[ceilings]\nhost_calls = 2\nlog = \"1KiB\"\n"));
    let broken = ask(&gateway, "request", "call");
    assert_eq!(gateway.access_log_of("id", &broken.json()["request_id"])["class"], "plugin_host_calls");
}

#[test]
fn an_instance_that_grows_is_replaced_before_it_is_full() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .guest("grow")
        .gateway_toml(
            "chain = [\"grow\"]\n[runtime]\nworkers = 1\n[policy.grow]\nsource = \"file:components/grow.wasm\"\n\
             isolation = \"pooled\"\ngrant = [\"read:x-test-break\"]\nlimits = { memory = \"4MiB\" }\n",
        )
        .proxy(&upstream)
        .start();
    for n in 0..100 {
        gateway.send(&Request::get("/").field("x-test-break", &n.to_string())).assert_status(200);
    }
    let retired = gateway.metric("lockgate_instance_retirements_total{policy=\"grow\",reason=\"memory\"}").unwrap();
    assert!((5.0..=20.0).contains(&retired), "{retired} instances grew too large");
}

#[test]
fn a_policy_that_fails_again_and_again_is_left_alone_for_a_while_and_then_tried() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream, "breaker = { failures = 3, pause = \"300ms\", max_pause = \"600ms\" }\n");
    let class = |response: &Response| gateway.access_log_of("id", &response.json()["request_id"])["class"].clone();
    // Most calls succeed: nothing happens.
    for _ in 0..10 {
        ask(&gateway, "request", "fine").assert_status(200);
    }
    for _ in 0..4 {
        assert_eq!(class(&ask(&gateway, "request", "trap")), "plugin_trap");
    }
    for _ in 0..10 {
        ask(&gateway, "request", "fine").assert_status(200);
    }
    let paused = eventually("the policy to be left alone", || {
        let broken = ask(&gateway, "request", "trap");
        Some(broken).filter(|broken| class(broken) == "plugin_paused")
    });
    paused.assert_problem(503);
    gateway.wait_for_log("the pause", |line| line["message"].as_str()?.contains("left alone").then_some(()));
    gateway.get("/calm").assert_status(200);
    ask(&gateway, "responder", "fine").assert_status(200);
    eventually("the policy to be tried again", || (ask(&gateway, "request", "fine").status == 200).then_some(()));
    gateway
        .wait_for_log("the end of the pause", |line| line["message"].as_str()?.contains("works again").then_some(()));
    assert!(gateway.metric("lockgate_policy_pauses_total{policy=\"misbehave\"}") >= Some(1.0));
    let skipped = "lockgate_policy_calls_total{policy=\"misbehave\",hook=\"request\",outcome=\"paused\"}";
    assert!(gateway.metric(skipped) >= Some(1.0));
}

/// For what runs when nothing else wants to, as Linux numbers it.
const SCHED_IDLE: u32 = 5;

#[test]
fn a_policy_that_overran_goes_on_in_the_slow_lane_where_nobody_waits_for_it() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream, &format!("limits = {{ cpu = \"1s\", wall = \"20s\" }}\n{PATIENT}"));
    let slow_calls = || gateway.metric("lockgate_policy_slow_calls_total{policy=\"misbehave\"}").unwrap();
    for hook in HOOKS {
        let before = slow_calls();
        ask(&gateway, hook, "spin").assert_problem(503);
        // It is slow for a second at least, and longer each time: what follows is asked in the slow lane.
        let (done, is_done) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                let broken = ask(&gateway, hook, "spin");
                done.send(()).unwrap();
                broken.assert_problem(503);
            });
            eventually("the call to be in the slow lane", || (slow_calls() > before).then_some(()));
            // There is one worker, and it serves.
            for _ in 0..5 {
                gateway.get("/calm").assert_status(200);
            }
            assert!(is_done.try_recv().is_err(), "{hook}: the route without the policy waited");
        });
        let fine = ask(&gateway, hook, "fine");
        fine.assert_status(200);
        if *hook == "responder" {
            assert_eq!(fine.text(), "fine");
        }
    }
    assert_eq!(gateway.scheduling_policy("slow lane"), SCHED_IDLE);
}

#[test]
fn the_slow_lane_has_room_for_some_calls_and_refuses_the_others() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream, &format!("limits = {{ cpu = \"10ms\", wall = \"30s\" }}\n{PATIENT}"));
    ask(&gateway, "request", "spin").assert_problem(503);
    let class = |response: Response| {
        gateway.access_log_of("id", &response.json()["request_id"])["class"].as_str().unwrap().to_owned()
    };
    let classes: Vec<String> = thread::scope(|scope| {
        let asked: Vec<_> = (0..60).map(|_| scope.spawn(|| class(ask(&gateway, "request", "spin")))).collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    let of = |wanted: &str| classes.iter().filter(|class| *class == wanted).count();
    assert!(of("plugin_cpu") > 0 && of("plugin_busy") > 0, "{classes:?}");
    assert_eq!(of("plugin_cpu") + of("plugin_busy"), 60, "{classes:?}");
    gateway.get("/calm").assert_status(200);
}
