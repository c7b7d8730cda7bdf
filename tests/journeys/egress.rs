//! A policy that asks a service: what it hears, what it is denied, and that nobody else waits for it.

use std::thread;

use lockgate_tests::{Gateway, Request, Response, Upstream, eventually};

const SECRET: &str = "the-gateway-s-own-password";
/// Longer than the service is waited for.
const PATIENT: &str = "limits = { wall = \"10s\" }\n";

/// A service that says what it was asked, but for some targets.
fn service() -> Upstream {
    Upstream::with(|exchange| {
        let authorization = exchange.field("authorization").unwrap_or("none").to_owned();
        match exchange.target.as_str() {
            "/base/known" => exchange.reply(200, &[], authorization.len().to_string().as_bytes()),
            "/base/moved" => exchange.reply(302, &[("location", "http://127.0.0.1:1/elsewhere")], b"over there"),
            "/base/endless" => {
                exchange.begin(200, &[])?;
                loop {
                    exchange.chunk(&[b'x'; 16 * 1024])?;
                }
            }
            "/base/slow" => exchange.until_closed(),
            _ => exchange.reply(404, &[], b"?"),
        }
    })
}

fn gateway(upstream: &Upstream, service: &Upstream, policy: &str, config: &str) -> Gateway {
    let folder = Gateway::folder();
    std::fs::write(folder.root().join("password"), SECRET).unwrap();
    folder
        .upstream(upstream)
        .word("service", service.address())
        .guest("ask")
        .gateway_toml(&format!(
            "[runtime]\nworkers = 1\n[secret.password]\nfile = \"password\"\n\
             [egress.idp]\nurl = \"http://$service/base\"\npaths = [\"/known\", \"/moved\", \"/slow\", \"/endless\"]\n\
             private_ips = true\ntimeout = \"2s\"\nmax_response = \"64KiB\"\nbearer = \"secret:password\"\n\
             [egress.other]\nurl = \"http://$service\"\npaths = [\"/*\"]\nprivate_ips = true\n\
             [policy.ask]\nsource = \"file:components/ask.wasm\"\n\
             grant = [\"read:x-test-*\", \"write:x-test-heard\", \"egress:idp\"]\n{policy}"
        ))
        .api(
            "api",
            &format!(
                "name = \"api\"\nversion = \"1\"\n[upstream.main]\ntargets = [\"http://$upstream\"]\n\
                 [[route]]\nname = \"ask\"\nmatch = {{ path = \"/ask\" }}\nchain = [{{ policy = \"ask\", config = {{ {config} }} }}]\n\
                 upstream = \"main\"\n[[route]]\nname = \"calm\"\nmatch = {{ path = \"/calm\" }}\nupstream = \"main\"\n"
            ),
        )
        .start()
}

fn wish(wish: &str) -> Request {
    Request::get("/ask").field("x-test-ask", wish)
}

/// What the policy heard, as it tells the upstream.
fn heard(response: &Response) -> String {
    response.assert_status(200);
    response.echoed("x-test-heard").concat()
}

#[test]
fn a_policy_hears_what_a_service_says_and_never_by_what_credentials() {
    let (upstream, service) = (Upstream::echo(), service());
    let mut gateway = gateway(&upstream, &service, PATIENT, "response = true");
    let response = gateway.send(&wish("GET /known"));
    let length = format!("200 - {}", "Bearer ".len() + SECRET.len());
    assert_eq!(heard(&response), length, "the service was told the password");
    assert_eq!(response.field("x-test-heard"), Some(&*length), "response hooks may ask too");
    assert_eq!(heard(&gateway.send(&wish("GET /moved"))), "302 http://127.0.0.1:1/elsewhere over there");
    let status = gateway.status();
    assert!(status["policies"][0]["image"]["bytes"].is_u64(), "{status}");
    let calls = "lockgate_egress_calls_total{egress=\"idp\",outcome=\"answered\"}";
    assert!(gateway.metric(calls) >= Some(3.0), "{:?}", gateway.metric(calls));
    assert!(!gateway.all_written().contains(SECRET));
}

#[test]
fn what_was_not_granted_is_denied() {
    let (upstream, service) = (Upstream::echo(), service());
    let gateway = gateway(&upstream, &service, PATIENT, "");
    for denied in [
        "POST /known",
        "GET /",
        "GET /unknown",
        "GET /known/../admin",
        "GET /%2e%2e/known",
        "GET //example.com/known",
        "GET http://example.com/known",
        "GET @example.com/known",
        "GET known",
    ] {
        assert_eq!(heard(&gateway.send(&wish(denied))), "Denied", "{denied}");
    }
    for field in
        ["authorization=mine", "host=example.com", "content-length=3", "transfer-encoding=chunked", "cookie2=a\u{1}"]
    {
        let response = gateway.send(&wish("GET /known").field("x-test-field", field));
        if response.status == 200 {
            assert_eq!(heard(&response), "Denied", "{field}");
        }
    }
    assert_eq!(service.requests(), 0);
}

#[test]
fn a_service_that_was_not_declared_is_denied_and_one_that_was_not_granted_refuses_the_policy() {
    let (upstream, service) = (Upstream::echo(), service());
    let other = gateway(&upstream, &service, PATIENT, "ask = \"other\"");
    assert_eq!(heard(&other.send(&wish("GET /known"))), "Denied");
    assert_eq!(service.requests(), 0);
    let folder = Gateway::folder().word("upstream", "127.0.0.1:9").guest("ask").gateway_toml(
        "[egress.idp]\nurl = \"https://idp.example.com\"\npaths = [\"/\"]\n[policy.ask]\n\
         source = \"file:components/ask.wasm\"\ngrant = [\"read:x-test-*\", \"write:x-test-heard\"]\n[[chain]]\npolicy = \"ask\"\n",
    );
    folder.run(&["check"]).assert(1, &["not granted: \"egress:idp\""]);
}

#[test]
fn slow_endless_and_absent_services_are_errors_the_policy_hears_of() {
    let (upstream, service) = (Upstream::echo(), service());
    let gateway = gateway(&upstream, &service, PATIENT, "");
    assert_eq!(heard(&gateway.send(&wish("GET /slow"))), "Timeout");
    assert_eq!(heard(&gateway.send(&wish("GET /endless"))), "TooLarge");
    service.kill();
    assert_eq!(heard(&gateway.send(&wish("GET /known"))), "Connect");
}

#[test]
fn nobody_waits_for_a_policy_that_waits() {
    let (upstream, service) = (Upstream::echo(), service());
    let gateway = gateway(&upstream, &service, PATIENT, "");
    thread::scope(|scope| {
        let slow: Vec<_> = (0..8).map(|_| scope.spawn(|| gateway.send(&wish("GET /slow")))).collect();
        service.wait_for_requests(8);
        // One worker serves all of this while eight calls wait.
        for _ in 0..5 {
            gateway.get("/calm").assert_status(200);
            assert!(heard(&gateway.send(&wish("GET /known"))).starts_with("200"));
        }
        assert!(slow.iter().all(|slow| !slow.is_finished()), "the service answered");
        assert_eq!(gateway.metric("lockgate_policy_instances{policy=\"ask\"}"), Some(8.0));
        for slow in slow {
            assert_eq!(heard(&slow.join().unwrap()), "Timeout");
        }
    });
    eventually("all instances to be gone", || {
        (gateway.metric("lockgate_policy_instances{policy=\"ask\"}") == Some(0.0)).then_some(())
    });
}

#[test]
fn limits_hold_for_a_policy_that_waits() {
    let (upstream, service) = (Upstream::echo(), service());
    // Calls of the host count as its time, and a gateway that is not optimised needs more than the default for fifty of them.
    let limits = "limits = { cpu = \"200ms\", wall = \"3s\", host_calls = 50 }\nbreaker = { failures = 1000000 }\n";
    let gateway = gateway(&upstream, &service, limits, "");
    for (target, how, class) in [
        ("/known", "spin", "plugin_cpu"),
        ("/known", "trap", "plugin_trap"),
        ("/known", "again", "plugin_host_calls"),
        ("/slow", "again", "plugin_wall"),
    ] {
        let broken = gateway.send(&wish(&format!("GET {target}")).field("x-test-break", how));
        broken.assert_problem(503);
        let line = gateway.access_log_of("id", &broken.json()["request_id"]);
        assert_eq!((&line["class"], &line["blame"]), (&class.into(), &"plugin".into()), "{how}");
        gateway.get("/calm").assert_status(200);
        assert!(heard(&gateway.send(&wish("GET /known"))).starts_with("200"), "after {how}");
    }
}

#[test]
fn a_policy_that_spins_after_waiting_leaves_turns_to_others() {
    let (upstream, service) = (Upstream::echo(), service());
    let limits = "limits = { cpu = \"1s\", wall = \"60s\" }\nbreaker = { failures = 1000000 }\n";
    let gateway = gateway(&upstream, &service, limits, "");
    thread::scope(|scope| {
        // One after the other, so that a machine that is slow to serve others has time to.
        let spinning = scope.spawn(|| {
            for _ in 0..4 {
                gateway.send(&wish("GET /known").field("x-test-break", "spin")).assert_problem(503);
            }
        });
        service.wait_for_requests(1);
        gateway.get("/calm").assert_status(200);
        assert!(!spinning.is_finished(), "others waited until its time was over");
    });
}

#[test]
fn a_client_that_leaves_ends_the_call() {
    let (upstream, service) = (Upstream::echo(), service());
    let gateway = gateway(&upstream, &service, "limits = { wall = \"60s\" }\n", "");
    let mut client = gateway.connect();
    client.write(b"GET /ask HTTP/1.1\r\nhost: a\r\nx-test-ask: GET /slow\r\n\r\n");
    service.wait_for_requests(1);
    drop(client);
    eventually("the instance to be gone", || {
        (gateway.metric("lockgate_policy_instances{policy=\"ask\"}") == Some(0.0)).then_some(())
    });
    gateway.get("/calm").assert_status(200);
}

#[test]
fn every_hook_may_ask_and_waits_beside_the_worker() {
    let (upstream, service) = (Upstream::echo(), service());
    let folder = Gateway::folder()
        .upstream(&upstream)
        .word("service", service.address())
        .guest("ask-bodies")
        .gateway_toml(
            "[runtime]\nworkers = 1\n[egress.idp]\nurl = \"http://$service/base\"\npaths = [\"/known\", \"/slow\"]\nprivate_ips = true\ntimeout = \"5s\"\n\
             [policy.ask]\nsource = \"file:components/ask-bodies.wasm\"\nlimits = { wall = \"10s\" }\n\
             grant = [\"write:x-test-heard\", \"body:request:edit\", \"egress:idp\", \"responder\"]\n",
        )
        .api(
            "api",
            "name = \"api\"\nversion = \"1\"\n[upstream.main]\ntargets = [\"http://$upstream\"]\n\
             [[route]]\nname = \"whole\"\nmatch = { path = \"/whole\" }\nchain = [{ policy = \"ask\" }]\nupstream = \"main\"\n\
             [[route]]\nname = \"pieces\"\nmatch = { path = \"/pieces\" }\nchain = [{ policy = \"ask\", config = { pieces = true } }]\nupstream = \"main\"\n\
             [[route]]\nname = \"answer\"\nmatch = { path = \"/answer\" }\nresponder = \"ask\"\n\
             [[route]]\nname = \"calm\"\nmatch = { path = \"/calm\" }\nupstream = \"main\"\n",
        );
    let gateway = folder.start();
    let post = |path: &str, body: &str| Request::new("POST", path).field("content-type", "text/plain").body(body);
    for path in ["/whole", "/pieces", "/answer"] {
        let response = gateway.send(&post(path, "/known"));
        response.assert_status(200);
        assert!(response.text().contains("/known: 200 4"), "{path}: {}", response.text());
        let denied = gateway.send(&post(path, "/elsewhere"));
        assert!(denied.text().contains("/elsewhere: denied"), "{path}: {}", denied.text());
    }
    assert_eq!(gateway.send(&post("/whole", "/known")).echoed("x-test-heard"), ["whole"]);
    let asked = service.requests();
    // While each of them waits the one worker serves others.
    thread::scope(|scope| {
        let gateway = &gateway;
        let asking =
            ["/whole", "/pieces", "/answer"].map(|path| scope.spawn(move || gateway.send(&post(path, "/slow"))));
        service.wait_for_requests(asked + asking.len());
        gateway.get("/calm").assert_status(200);
        service.hang_up();
        for waited in asking {
            let response = waited.join().unwrap();
            assert!(response.text().contains("/slow: no answer"), "{}", response.text());
        }
    });
}
