//! Splits: how requests are shared among upstreams, what keeps a client at one, and who may choose.

use std::collections::BTreeMap;

use lockgate_tests::{Folder, Gateway, Request, Response, Upstream, eventually};

/// The upstreams of a split, each of which says in every answer which one it is and what it got.
struct Arms {
    stable: Upstream,
    canary: Upstream,
    dark: Upstream,
}

impl Arms {
    fn new() -> Self {
        let arm = |name: &'static str| {
            Upstream::with(move |exchange| {
                exchange.body()?;
                let got = |field: &str| exchange.field(field).unwrap_or("-").to_owned();
                let (cookie, canary, user) = (got("cookie"), got("x-canary"), got("x-user"));
                let fields = [
                    ("x-test-arm", name),
                    ("vary", "x-test-own"),
                    ("x-test-cookie", &cookie),
                    ("x-test-canary", &canary),
                    ("x-test-user", &user),
                ];
                exchange.reply(200, &fields, b"")
            })
        };
        Self { stable: arm("stable"), canary: arm("canary"), dark: arm("dark") }
    }

    /// A gateway in whose one API all routes have this split; `$weights` are those of stable and canary.
    fn folder(&self, gateway_toml: &str, weights: [u32; 2], split: &str) -> Folder {
        Gateway::folder()
            .word("stable", self.stable.address())
            .word("canary", self.canary.address())
            .word("dark", self.dark.address())
            .gateway_toml(gateway_toml)
            .api("shop", &api(weights, split))
    }
}

fn api([stable, canary]: [u32; 2], split: &str) -> String {
    let arms = format!(
        "{{ upstream = \"stable\", weight = {stable} }}, {{ upstream = \"canary\", weight = {canary} }}, {{ upstream = \"dark\", weight = 0 }}"
    );
    let targets =
        ["stable", "canary", "dark"].map(|name| format!("[upstream.{name}]\ntargets = [\"http://${name}\"]\n"));
    let routes = ["a", "b"].map(|name| {
        format!("[[route]]\nname = \"{name}\"\nmatch.path = \"/{name}\"\nsplit = {{ to = [{arms}], {split} }}\n")
    });
    format!("name = \"shop\"\nversion = \"1\"\n{}{}", targets.concat(), routes.concat())
}

#[track_caller]
fn arm(response: &Response) -> String {
    response.assert_status(200);
    response.field("x-test-arm").unwrap().to_owned()
}

/// How many requests an upstream of the route `a` answered with this class.
fn counted(gateway: &Gateway, upstream: &str, class: &str) -> Option<f64> {
    let labels = format!("api=\"shop\",route=\"a\",upstream=\"{upstream}\",status_class=\"{class}\"");
    gateway.metric(&format!("lockgate_split_total{{{labels}}}"))
}

/// Where each of many users is sent.
fn users(gateway: &Gateway, count: usize) -> BTreeMap<String, String> {
    let mut client = gateway.connect();
    let names = (0..count).map(|number| format!("user-{number}"));
    names.map(|name| (name.clone(), arm(&client.send(&Request::get("/a").field("x-user", &name))))).collect()
}

#[test]
fn requests_are_shared_by_weight_and_counted() {
    let arms = Arms::new();
    let gateway = arms.folder("", [75, 25], "").start();
    let mut client = gateway.connect();
    let sent = 800;
    let canary = (0..sent).filter(|_| arm(&client.send(&Request::get("/a"))) == "canary").count();
    // A quarter of 800, give or take six standard deviations of fair drawing.
    assert!((126..=274).contains(&canary), "{canary} of {sent}");
    assert_eq!(arms.dark.requests(), 0);
    assert_eq!(counted(&gateway, "canary", "2xx"), Some(canary as f64));
    assert_eq!(counted(&gateway, "stable", "2xx"), Some((sent - canary) as f64));
    assert_eq!(counted(&gateway, "dark", "2xx"), None);
}

#[test]
fn a_canary_is_judged_by_its_answers() {
    let stable = Upstream::answering(200, &[], "");
    let canary = Upstream::with(|exchange| {
        exchange.body()?;
        match exchange.target.as_str() {
            "/a?broken" => exchange.reply(500, &[], b""),
            "/a?missing" => exchange.reply(404, &[], b""),
            "/a?elsewhere" => exchange.reply(302, &[], b""),
            // Says nothing and closes.
            _ => Err(std::io::ErrorKind::ConnectionAborted.into()),
        }
    });
    let hanging = Upstream::with(|exchange| exchange.until_closed());
    let folder = Gateway::folder().word("stable", stable.address()).word("canary", canary.address());
    let gateway =
        folder.word("dark", hanging.address()).api("shop", &api([1, 0], "override = \"header:x-canary\"")).start();
    let to = |arm: &str, target: &str| Request::new("POST", target).field("x-canary", arm);
    let cases = [("/a", 502), ("/a?broken", 500), ("/a?broken", 500), ("/a?missing", 404), ("/a?elsewhere", 302)];
    for (target, status) in cases {
        gateway.send(&to("canary", target)).assert_status(status);
    }
    gateway.send(&to("stable", "/a")).assert_status(200);
    let counts = [("none", 1.0), ("5xx", 2.0), ("4xx", 1.0), ("3xx", 1.0)];
    for (class, count) in counts {
        assert_eq!(counted(&gateway, "canary", class), Some(count), "{class}");
    }
    assert_eq!((counted(&gateway, "canary", "2xx"), counted(&gateway, "stable", "2xx")), (None, Some(1.0)));
    // An upstream for whose answer nobody waits any more has given none.
    let mut client = gateway.connect();
    client.send_only(&to("dark", "/a")).unwrap();
    eventually("the upstream is asked", || (hanging.requests() == 1).then_some(()));
    drop(client);
    eventually("the request is counted", || counted(&gateway, "dark", "none").filter(|count| *count == 1.0));
}

#[test]
fn a_cookie_keeps_a_client_at_its_upstream_on_all_routes() {
    let arms = Arms::new();
    let gateway = arms.folder("", [1, 1], "sticky = \"cookie:lot\", max_age = \"24h\"").start();
    let mut seen = BTreeMap::new();
    let mut client = gateway.connect();
    for _ in 0..40 {
        let first = client.send(&Request::get("/a").field("cookie", "theme=dark"));
        assert_eq!(first.field("x-test-cookie"), Some("theme=dark"));
        let set = first.field("set-cookie").unwrap().to_owned();
        let (lot, attributes) = set.split_once(';').unwrap();
        assert_eq!(attributes, " Max-Age=86400; Path=/; HttpOnly; SameSite=Lax");
        let value = lot.strip_prefix("lot=").unwrap();
        assert!(value.len() == 4 && value.bytes().all(|byte| byte.is_ascii_hexdigit()), "{set}");
        for path in ["/a", "/b"] {
            let cookie = format!("theme=dark; {lot}; a=b");
            let again = client.send(&Request::get(path).field("cookie", &cookie));
            assert_eq!(arm(&again), arm(&first));
            assert_eq!(again.field("set-cookie"), None);
            assert_eq!(again.field("x-test-cookie"), Some("theme=dark; a=b"), "the lot is the gateway's alone");
        }
        seen.insert(arm(&first), lot.to_owned());
    }
    assert_eq!(seen.len(), 2, "all drew alike: {seen:?}");
    assert_eq!(arms.dark.requests(), 0);
}

#[test]
fn no_cookie_leads_where_the_weights_do_not() {
    let arms = Arms::new();
    let gateway = arms.folder("", [1, 0], "sticky = \"cookie:lot\"").start();
    let mut client = gateway.connect();
    let forged =
        ["lot=dark", "lot=canary", "lot=2", "lot=shop/dark", "lot=", "lot=FFFF", "lot=00000", "lot", "lot=\"ffff\""];
    for cookie in forged {
        let response = client.send(&Request::get("/a").field("cookie", cookie));
        assert_eq!(arm(&response), "stable", "{cookie}");
        assert!(response.field("set-cookie").is_some(), "{cookie} is no lot");
    }
    for lot in 0..256_u16 {
        let response = client.send(&Request::get("/a").field("cookie", &format!("lot={:04x}", lot * 257)));
        assert_eq!(arm(&response), "stable");
    }
    assert_eq!((arms.canary.requests(), arms.dark.requests()), (0, 0));
}

#[test]
fn a_cookie_is_for_encrypted_connections_only_where_it_came_over_one() {
    let arms = Arms::new();
    let trusting = "[forwarding]\ntrusted = [\"127.0.0.1\"]\n";
    let gateway = arms.folder(trusting, [1, 1], "sticky = \"cookie:lot\"").start();
    let set = |scheme: &str| {
        let response = gateway.send(&Request::get("/a").field("x-forwarded-proto", scheme));
        response.field("set-cookie").unwrap().split_once(';').unwrap().1.to_owned()
    };
    assert_eq!(set("http"), " Path=/; HttpOnly; SameSite=Lax");
    assert_eq!(set("https"), " Path=/; HttpOnly; SameSite=Lax; Secure");
}

#[test]
fn a_field_keeps_its_value_at_one_upstream_and_moved_weights_move_no_more_than_they_must() {
    let arms = Arms::new();
    let split = "sticky = \"header:x-user\"";
    let gateway = arms.folder("", [80, 20], split).start();
    let count = 300;
    let before = users(&gateway, count);
    assert_eq!(before, users(&gateway, count));
    let canary = before.values().filter(|arm| *arm == "canary").count();
    // A fifth of 300, give or take six standard deviations.
    assert!((19..=101).contains(&canary), "{canary}");
    gateway.write("shop/api.toml", &api([60, 40], split));
    gateway.wait_for_generation(2);
    let after = users(&gateway, count);
    let moved: Vec<_> = before.iter().filter(|(user, arm)| after[*user] != **arm).collect();
    assert!((19..=101).contains(&moved.len()), "{} moved", moved.len());
    assert!(moved.iter().all(|(_, arm)| *arm == "stable"), "somebody left the upstream that takes more now");
    let response = gateway.send(&Request::get("/a").field("x-user", "ann"));
    assert_eq!(response.field("x-test-user"), Some("ann"), "what is only read is passed on");
}

#[test]
fn a_client_is_kept_by_its_address() {
    let arms = Arms::new();
    let trusting = "[forwarding]\ntrusted = [\"127.0.0.1\"]\n";
    let gateway = arms.folder(trusting, [1, 1], "sticky = \"client\"").start();
    let mut seen = BTreeMap::<_, usize>::new();
    for number in 0..40 {
        let ask = || {
            let address = format!("203.0.113.{number}");
            arm(&gateway.send(&Request::get("/a").field("x-forwarded-for", &address)))
        };
        let first = ask();
        assert_eq!(ask(), first);
        *seen.entry(first).or_default() += 1;
    }
    assert_eq!(seen.len(), 2, "{seen:?}");
}

#[test]
fn a_field_may_name_an_upstream_whatever_its_weight() {
    let arms = Arms::new();
    let gateway = arms.folder("", [1, 0], "sticky = \"cookie:lot\", override = \"header:x-canary\"").start();
    let send = |value: &str| gateway.send(&Request::get("/a").field("x-canary", value));
    for named in ["dark", "canary", "stable"] {
        let response = send(named);
        assert_eq!(arm(&response), named);
        assert_eq!(response.field("x-test-canary"), Some("-"), "the field goes no further");
        assert_eq!(response.field("set-cookie"), None, "nothing was drawn");
    }
    for unknown in ["Dark", "shop/dark", "", "nowhere", "http://127.0.0.1:1"] {
        let response = send(unknown);
        assert_eq!((arm(&response).as_str(), response.field("x-test-canary")), ("stable", Some("-")), "{unknown}");
    }
    let twice = Request::get("/a").field("x-canary", "dark").field("x-canary", "canary");
    assert_eq!(arm(&gateway.send(&twice)), "stable");
    assert_eq!(counted(&gateway, "dark", "2xx"), Some(1.0));
}

#[test]
fn clients_cannot_choose_where_only_policies_may() {
    let arms = Arms::new();
    let identity = "[request]\nidentity_headers = [\"x-canary\"]\n";
    let gateway = arms.folder(identity, [1, 0], "override = \"header:x-canary\"").start();
    for field in ["x-canary", "x_canary", "X-Canary"] {
        assert_eq!(arm(&gateway.send(&Request::get("/a").field(field, "dark"))), "stable", "{field}");
    }
    let policy = "[policy.headers]\nsource = \"builtin:headers\"\ngrant = [\"write:x-canary\"]\n\
         [[chain]]\npolicy = \"headers\"\nconfig = { request = { set = { x-canary = \"dark\" } } }\n";
    let gateway = arms.folder(&format!("{identity}{policy}"), [1, 0], "override = \"header:x-canary\"").start();
    let response = gateway.send(&Request::get("/a").field("x-canary", "canary"));
    assert_eq!((arm(&response).as_str(), response.field("x-test-canary")), ("dark", Some("-")));
}

#[test]
fn caches_are_told_that_an_answer_depends_on_who_may_choose() {
    let arms = Arms::new();
    let gateway = arms.folder("", [1, 0], "override = \"header:x-canary\"").start();
    for request in [Request::get("/a"), Request::get("/a").field("x-canary", "dark")] {
        assert_eq!(gateway.send(&request).values("vary"), ["x-test-own", "x-canary"]);
    }
    let gateway = arms.folder("", [1, 0], "").start();
    assert_eq!(gateway.get("/a").values("vary"), ["x-test-own"]);
}

#[test]
fn people_and_programs_are_told_of_a_split() {
    let arms = Arms::new();
    let gateway = arms.folder("", [95, 5], "override = \"header:x-canary\"").start();
    let told = "split shop/stable 95, shop/canary 5, shop/dark 0";
    gateway.run(&["routes", "policies"]).assert(0, &[told]);
    assert_eq!(gateway.status()["routes"][0]["to"], told);
    let token = gateway.run(&["debug-token"]).stdout.trim().to_owned();
    let explained = |request: Request| {
        let response = gateway.send(&request.field("lockgate-debug", &token));
        let text = response.field("lockgate-explain").unwrap();
        serde_json::from_str::<serde_json::Value>(text).unwrap()
    };
    let chosen = explained(Request::get("/a").field("x-canary", "dark"));
    assert_eq!(chosen["split"], serde_json::json!({ "upstream": "dark", "by": "override" }));
    assert_eq!(chosen["tries"][0]["upstream"], "shop/dark");
    assert_eq!(explained(Request::get("/a"))["split"]["by"], "chance");
}

#[test]
fn an_upstream_that_is_down_takes_its_share_along() {
    let stable = Upstream::answering(200, &[("x-test-arm", "stable")], "");
    let folder =
        Gateway::folder().word("stable", stable.address()).word("canary", "127.0.0.1:1").word("dark", "127.0.0.1:1");
    let gateway = folder.api("shop", &api([1, 1], "sticky = \"cookie:lot\"")).start();
    let mut statuses = BTreeMap::<u16, usize>::new();
    for _ in 0..60 {
        let response = gateway.get("/a");
        assert_eq!(response.field("set-cookie").is_some(), response.status == 200, "who was not served draws again");
        *statuses.entry(response.status).or_default() += 1;
    }
    assert_eq!(statuses.keys().copied().collect::<Vec<_>>(), [200, 502]);
}
