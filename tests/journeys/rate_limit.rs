//! The built-in policy `rate-limit` through the gateway: what it counts, for whom, and what clients are told.

mod shared;

use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use lockgate_tests::{Client, Folder, Gateway, PATIENCE, Request, Response, Upstream, eventually};

const POLICY: &str = "[policy.rate-limit]\nsource = \"builtin:rate-limit\"\n\
    grant = [\"limiter:calls\", \"read:x-caller\", \"read::client\", \"respond\", \"write:ratelimit\", \"write:ratelimit-policy\"]\n";

/// A gateway whose only route has these limits, and more of the configuration; what it says of limiters is `limiter`.
fn folder(upstream: &Upstream, limiter: &str, config: &str) -> Folder {
    let folder = Gateway::folder().upstream(upstream).gateway_toml(&format!("{limiter}\n{POLICY}"));
    let api = api(config);
    folder.api("api", &api)
}

fn api(config: &str) -> String {
    format!(
        "name = \"api\"\nversion = \"1\"\n[upstream.main]\ntargets = [\"http://$upstream\"]\n[[route]]\nname = \"all\"\n\
         match = {{ path = \"/{{*rest}}\" }}\nupstream = \"main\"\nchain = [{{ policy = \"rate-limit\", config = {{ {config} }} }}]\n"
    )
}

/// Ten for each caller, in a period that ends in no test.
const TEN: &str = "limits = [{ amount = 10, per = \"366d\", by = [\"header:x-caller\"] }]";

fn ask(gateway: &Gateway, caller: &str) -> Response {
    gateway.send(&Request::get("/").field("x-caller", caller))
}

/// How many of so many requests, made by several threads at once to each of these gateways, are admitted.
fn admitted(gateways: &[&Gateway], each: usize, caller: &str) -> usize {
    thread::scope(|scope| {
        let asking = gateways.iter().flat_map(|gateway| [*gateway; 4]).map(|gateway| {
            scope.spawn(move || {
                let mut client = gateway.connect();
                let asked = (0..each).map(|_| client.send(&Request::get("/").field("x-caller", caller)).status);
                let asked: Vec<_> = asked.collect();
                assert!(asked.iter().all(|status| [200, 429].contains(status)), "{asked:?}");
                asked.into_iter().filter(|status| *status == 200).count()
            })
        });
        let asking: Vec<_> = asking.collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).sum()
    })
}

#[test]
fn a_limit_is_exact_over_all_threads_and_each_caller_has_its_own() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "[runtime]\nworkers = 4", TEN).start();
    assert_eq!(admitted(&[&gateway], 10, "ada"), 10);
    assert_eq!(admitted(&[&gateway], 10, "eve"), 10);
    assert_eq!(upstream.requests(), 20, "what is refused does not reach the upstream");
}

#[test]
fn clients_are_told_what_is_left_and_when_to_come_back() {
    let upstream = Upstream::echo();
    let limits = "limits = [\n\
        { name = \"burst\", amount = 1, per = \"1h\", algorithm = \"bucket\", burst = 2 },\n\
        { name = \"month\", amount = 1000, per = \"month\" }]"
        .replace('\n', " ");
    let gateway = folder(&upstream, "", &limits).start();
    let first = gateway.get("/");
    first.assert_status(200);
    assert_eq!(first.field("ratelimit-policy"), Some("\"burst\";q=1;w=3600;lockgate-burst=2, \"month\";q=1000"));
    let left = first.field("ratelimit").unwrap();
    assert!(left.starts_with("\"burst\";r=1;t=3600, \"month\";r=999;t="), "{left}");
    gateway.get("/").assert_status(200);
    let refused = gateway.get("/");
    refused.assert_status(429);
    let wait: u64 = refused.field("retry-after").unwrap().parse().unwrap();
    assert!((3590..=3600).contains(&wait), "{wait}");
    let problem: serde_json::Value = serde_json::from_slice(&refused.body).unwrap();
    assert_eq!(problem["violated-policies"], serde_json::json!(["burst"]));
    assert_eq!(problem["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
    // What was refused counts nowhere.
    assert!(refused.field("ratelimit").unwrap().contains("\"month\";r=998"), "{refused:?}");
}

#[test]
fn an_upstream_that_has_limits_of_its_own_is_heard_too() {
    let upstream = Upstream::with(|exchange| exchange.reply(200, &[("ratelimit", "\"theirs\";r=5")], b""));
    let gateway = folder(&upstream, "", TEN).start();
    let fields: Vec<_> = ask(&gateway, "ada").fields.into_iter().filter(|(name, _)| name == "ratelimit").collect();
    assert_eq!(fields.len(), 2, "{fields:?}");
}

#[test]
fn what_was_counted_stays_when_amounts_change_and_other_policies_come_and_go() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "", TEN).start();
    assert_eq!(admitted(&[&gateway], 2, "ada"), 8);
    gateway.write("api/api.toml", &api(&TEN.replace("10", "12")).replace("$upstream", &upstream.address().to_string()));
    gateway.wait_for_generation(2);
    assert_eq!(admitted(&[&gateway], 3, "ada"), 4, "twelve in all");
}

#[test]
fn a_limiter_of_one_name_counts_for_all_who_use_it() {
    let upstream = Upstream::echo();
    let limiter = "[limiter.calls]\nnamespace = \"everybody\"";
    let folder = folder(&upstream, limiter, TEN);
    let other = api(TEN).replace("name = \"api\"", "name = \"other\"").replace("/{*rest}", "/other/{*rest}");
    let gateway = folder.api("other", &other).start();
    (0..6).for_each(|_| ask(&gateway, "ada").assert_status(200));
    let others = (0..6).map(|_| gateway.send(&Request::get("/other/x").field("x-caller", "ada")).status);
    assert_eq!(others.filter(|status| *status == 200).count(), 4);
}

/// Lets those go who wait, by what they asked for.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<HashSet<String>>, Condvar)>);

impl Gate {
    fn open(&self, target: &str) {
        self.0.0.lock().unwrap().insert(target.to_owned());
        self.0.1.notify_all();
    }

    fn wait(&self, target: &str) {
        let open = self.0.0.lock().unwrap();
        drop(self.0.1.wait_timeout_while(open, PATIENCE, |open| !open.contains(target)));
    }
}

/// An upstream that answers what is below `/hold/` when the gate is opened for it.
fn patient() -> (Upstream, Gate) {
    let gate = Gate::default();
    let held = gate.clone();
    let upstream = Upstream::with(move |exchange| {
        if exchange.target.starts_with("/hold/") {
            held.wait(&exchange.target);
        }
        exchange.reply(200, &[], b"at last")
    });
    (upstream, gate)
}

/// A limit on how many at once.
const TWO_AT_ONCE: &str = "limits = [{ amount = 2, algorithm = \"concurrent\", by = [\"header:x-caller\"] }]";

fn begin(gateway: &Gateway, target: &str) -> Client {
    let mut client = gateway.connect();
    client.send_only(&Request::get(target).field("x-caller", "ada")).unwrap();
    client
}

#[test]
fn as_many_as_may_be_are_under_way_at_once() {
    let (upstream, gate) = patient();
    let gateway = folder(&upstream, "", TWO_AT_ONCE).start();
    let (mut first, second) = (begin(&gateway, "/hold/1"), begin(&gateway, "/hold/2"));
    upstream.wait_for_requests(2);
    let refused = ask(&gateway, "ada");
    refused.assert_status(429);
    assert_eq!(refused.field("ratelimit-policy"), Some("\"default\";q=2;qu=\"concurrent-requests\""));
    // One that is over makes room, and so does one whose client is gone.
    let room = || eventually("room for one more", || (ask(&gateway, "ada").status == 200).then_some(()));
    let none = || eventually("no room", || (ask(&gateway, "ada").status == 429).then_some(()));
    gate.open("/hold/1");
    first.receive("GET").unwrap().assert_status(200);
    room();
    // Whoever found that may not have given its place back yet.
    let _third = eventually("a third to have a place", || {
        let before = upstream.requests();
        let mut third = begin(&gateway, "/hold/3");
        third.stream().set_nonblocking(true).unwrap();
        let has_place = eventually("a place or an answer", || match third.stream().peek(&mut [0]) {
            _ if upstream.requests() > before => Some(true),
            Ok(_) => Some(false),
            Err(_) => None,
        });
        has_place.then_some(third)
    });
    none();
    drop(second);
    room();
    gate.open("/hold/2");
    gate.open("/hold/3");
}

#[test]
fn a_limiter_that_is_not_granted_is_a_fault_that_says_what_is_missing() {
    let upstream = Upstream::echo();
    let folder = folder(&upstream, "", &format!("limiter = \"other\", {TEN}"));
    folder.run(&["check"]).assert(1, &["the policy needs powers it is not granted: \"limiter:other\""]);
}
