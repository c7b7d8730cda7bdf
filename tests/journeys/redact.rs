//! Personal data on its way through a gateway: who sees what of it, at any length, in any coding; and that it is written down nowhere.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use lockgate_tests::{Collector, Folder, Gateway, Request, Upstream};
use serde_json::{Value, json};

const GATEWAY: &str = r#"
chain = ["who"]
[policy.who]
source = "file:components/who.wasm"
grant = ["read:x-test-consumer", "read:x-test-scope", "attribute-write:auth.*"]
[policy.redact]
source = "builtin:redact"
grant = ["body:response:edit", "body:request:edit", "respond", "target", "attribute-read:auth.*", "sign:pseudonyms", "read::route",
    "read::status", "read::query", "read::path", "read:content-type", "read:x-test-owner", "write:x-test-owner"]
[keys.pseudonyms]
hmac = "secret:pseudonyms"
algorithm = "HS256"
[secret.pseudonyms]
env = "PSEUDONYM_KEY"
"#;

const API: &str = r#"
name = "shop"
version = "1"
[upstream.main]
targets = ["http://$upstream"]
[[route]]
name = "orders"
match = { path = "/orders" }
upstream = "main"
# A gibibyte takes a gateway that is not optimised a minute, and a busy machine longer.
timeout = "10m"
[[route.chain]]
policy = "redact"
[route.chain.config]
separator = "space"
pseudonyms = { key = "pseudonyms", per_consumer = true }
rules = [
    { select = ["$..email"], action = "mask", class = "contact", unless = { "auth.scope" = ["contact"] } },
    { select = ["$..id"], action = "pseudonym", class = "customer" },
    { select = ["$..card"], action = "remove", on = "both", class = "financial" },
    { headers = ["x-test-owner"], action = "mask" },
    { query = ["email"], on = "request", action = "hash", class = "contact" },
]
detect = [{ kinds = ["iban"], action = { partial = { last = 4 } } }]
[[route]]
name = "plain"
match = { path = "/plain" }
upstream = "main"
"#;

const EMAIL: &str = "ann.smith@example.com";
const IBAN: &str = "NO9386011117947";

fn folder(upstream: &Upstream) -> Folder {
    Gateway::folder()
        .upstream(upstream)
        .guest("who")
        .variable("PSEUDONYM_KEY", "0123456789abcdef0123456789abcdef")
        .gateway_toml(GATEWAY)
        .api("shop", API)
}

fn order() -> Value {
    json!({ "id": 7, "customer": { "email": EMAIL, "note": format!("pay to {IBAN}") }, "card": { "number": "4111111111111111" } })
}

#[test]
fn whoever_asks_gets_what_is_theirs_to_see() {
    let upstream = Upstream::with(|exchange| {
        let fields = [("content-type", "application/json"), ("x-test-owner", "ann"), ("etag", "\"1\"")];
        exchange.reply(200, &fields, order().to_string().as_bytes())
    });
    let gateway = folder(&upstream).start();
    let get = |consumer: &str, scope: &str| {
        let request = Request::get("/orders").field("x-test-consumer", consumer).field("x-test-scope", scope);
        let response = gateway.send(&request);
        response.assert_status(200);
        assert_eq!((response.field("x-test-owner"), response.field("etag")), (Some("***"), Some("W/\"1\"")));
        response.json()
    };
    let (shop, desk) = (get("shop", "read"), get("desk", "read contact"));
    assert_eq!(shop["customer"], json!({ "email": "***", "note": "pay to ***7947" }));
    assert_eq!(desk["customer"]["email"], EMAIL);
    assert_eq!((shop.get("card"), desk.get("card")), (None, None));
    let id = |order: &Value| order["id"].as_str().unwrap().to_owned();
    assert!(id(&shop).starts_with("p_") && id(&shop) != id(&desk));
    assert_eq!(id(&shop), id(&get("shop", "read")));
    let metrics = gateway.ask("/metrics").text();
    let counted = metrics
        .lines()
        .find(|line| line.starts_with("lockgate_policy_redacted_total") && line.contains("class=\"contact\""));
    assert!(counted.is_some_and(|line| line.contains("consumer=\"shop\"") && line.ends_with(" 2")), "{metrics}");
}

#[test]
fn the_log_says_of_each_request_how_much_was_redacted_and_none_of_what() {
    let orders = vec![order(); 1_000];
    let upstream = Upstream::with(move |exchange| {
        exchange.body()?;
        let fields = [("content-type", "application/json"), ("x-test-owner", EMAIL)];
        exchange.reply(200, &fields, json!(orders).to_string().as_bytes())
    });
    let collector = Collector::start();
    let traces = format!("{GATEWAY}[otlp]\nendpoint = \"{}\"\ntraces = {{ sample = 1 }}\n", collector.url());
    let gateway = folder(&upstream).gateway_toml(&traces).start();
    let counted = |action: &str, class: &str, count: u64| {
        let labels = json!({ "action": action, "class": class, "consumer": "shop" });
        json!({ "policy": "redact", "name": "redacted", "labels": labels, "count": count })
    };
    // The body goes in many pieces, and what is done in each adds to the same sums.
    let get = Request::get("/orders?email=ann.smith%40example.com").field("x-test-consumer", "shop");
    gateway.send(&get).assert_status(200);
    let expected = json!([
        counted("hash", "contact", 1),
        counted("mask", "contact", 1_000),
        counted("mask", "personal", 1),
        counted("partial", "detected", 1_000),
        counted("pseudonym", "customer", 1_000),
        counted("remove", "financial", 1_000),
    ]);
    let line = gateway.access_log("/orders");
    assert_eq!(line["counts"], expected, "{line}");
    let spans = collector.wait_for_spans(1);
    let server = spans.iter().find(|span| span.kind == "server").unwrap();
    let traced: Vec<_> = server.get("lockgate.counts").lines().collect();
    assert_eq!(traced.len(), 6, "{traced:?}");
    assert_eq!(traced[0], r#"redact redacted{action="hash",class="contact",consumer="shop"} 1"#);

    // Whoever sends what nobody can read is to blame for it; where nothing is counted there is nothing.
    gateway.send(&Request::post("/orders", "application/json", "{\"email\":\"ann.smith@")).assert_problem(400);
    let line = gateway.access_log_of("class", &"policy_bad_input".into());
    assert_eq!(line["blame"], "client");
    let refused = json!([{ "policy": "redact", "name": "refused", "labels": { "why": "unreadable" }, "count": 1 }]);
    assert_eq!(line["counts"], refused, "{line}");
    gateway.send(&Request::get("/plain")).assert_status(200);
    assert_eq!(gateway.access_log("/plain")["counts"], json!([]));
}

#[test]
fn codings_and_pieces_make_no_difference() {
    // Nothing is flushed where a piece ends: what comes out of one is nothing, or a part of a name or number, or much.
    let upstream = Upstream::with(|exchange| {
        let (orders, piece) = if exchange.field("x-test-size") == Some("large") { (2_000, 100) } else { (1, 3) };
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(json!(vec![order(); orders]).to_string().as_bytes())?;
        let coded = encoder.finish()?;
        exchange.begin(200, &[("content-type", "application/json"), ("content-encoding", "gzip")])?;
        for piece in coded.chunks(piece) {
            exchange.chunk(piece)?;
        }
        exchange.chunk(b"")
    });
    let gateway = folder(&upstream).start();
    for (size, count) in [("small", 1), ("large", 2_000)] {
        let response = gateway.send(&Request::get("/orders").field("x-test-size", size));
        response.assert_status(200);
        assert_eq!(response.field("content-encoding"), None);
        let orders = response.json();
        let orders = orders.as_array().unwrap();
        assert_eq!(orders.len(), count);
        let customer = json!({ "email": "***", "note": "pay to ***7947" });
        assert!(orders.iter().all(|order| order["customer"] == customer && order.get("card").is_none()));
    }
}

#[test]
fn requests_reach_the_upstream_without_what_is_not_for_it() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream).start();
    let body = json!({ "a": 1, "card": { "number": 2 }, "b": EMAIL }).to_string();
    let response = gateway.send(&Request::post("/orders?x=1&email=ann%40b.example", "application/json", body));
    response.assert_status(200);
    let echoed = response.json();
    // What the echo says comes back through the policy, which knows a body in a text for what it is: a text.
    assert_eq!(echoed["body"], json!({ "a": 1, "b": EMAIL }).to_string());
    let target = echoed["target"].as_str().unwrap();
    assert!(target.starts_with("/orders?x=1&email=h_") && !target.contains("ann"), "{target}");
}

#[test]
fn a_response_that_goes_wrong_never_looks_whole() {
    let upstream = Upstream::with(|exchange| {
        exchange.begin(200, &[("content-type", "application/json")])?;
        exchange.chunk(format!("[{}", format!("{},", order()).repeat(2_000)).as_bytes())?;
        // A client that is gone does not want the rest.
        let _ = exchange.chunk(b"{\"email\":\"ann.smith@exam]").and_then(|()| exchange.chunk(b""));
        Ok(())
    });
    let gateway = folder(&upstream).start();
    let mut client = gateway.connect();
    client.send_only(&Request::get("/orders")).unwrap();
    assert_eq!(client.receive_head().unwrap().0, 200);
    let mut came = Vec::new();
    let ended = client.reader().read_to_end(&mut came);
    let came = String::from_utf8_lossy(&came).into_owned();
    assert!(!came.ends_with("0\r\n\r\n"), "it ends as if it were whole: {ended:?}");
    assert!(came.contains("\"email\":\"***\"") && !came.contains("ann.smith"), "{}", &came[..200.min(came.len())]);
    assert_eq!(gateway.access_log("/orders")["class"], "policy_cut");
}

#[test]
fn what_cannot_be_read_is_not_passed_on() {
    let upstream = Upstream::with(|exchange| {
        let kind = exchange.field("x-test-type").unwrap_or_default().to_owned();
        exchange.reply(200, &[("content-type", &kind)], EMAIL.as_bytes())
    });
    let gateway = folder(&upstream).start();
    for kind in ["application/xml", "image/png", "application/json; charset=utf-16", ""] {
        let response = gateway.send(&Request::get("/orders").field("x-test-type", kind));
        response.assert_status(502);
        assert!(!response.text().contains(EMAIL), "{kind}");
    }
    gateway.send(&Request::post("/orders", "multipart/form-data; boundary=x", "--x--")).assert_problem(415);
}

/// That go as one piece of the answer.
const PIECE_ORDERS: usize = 100;

/// A gibibyte of orders, as an array. Most of each is nobody's: with more to redact, a gateway that is not optimised would take minutes.
#[test]
fn a_gibibyte_passes_in_constant_memory() {
    let mut order = order();
    order["lines"] = vec![json!({ "article": "a lead of two metres, red", "price": 19.9 }); 16].into();
    let piece = format!("{order},").repeat(PIECE_ORDERS);
    let pieces = (1 << 30) / piece.len();
    let sent = piece.clone();
    let upstream = Upstream::with(move |exchange| match exchange.target.as_str() {
        "/plain" => exchange.reply(200, &[], b""),
        _ => {
            exchange.begin(200, &[("content-type", "application/json")])?;
            exchange.chunk(b"[")?;
            for _ in 0..pieces {
                exchange.chunk(sent.as_bytes())?;
            }
            exchange.chunk(b"{}]")?;
            exchange.chunk(b"")
        }
    });
    let gateway = folder(&upstream).start();
    gateway.get("/plain").assert_status(200);
    let (before, _) = gateway.memory();
    let mut client = gateway.connect();
    client.send_only(&Request::get("/orders").field("connection", "close")).unwrap();
    assert_eq!(client.receive_head().unwrap().0, 200);
    let seen = Seen::of(client.reader()).unwrap();
    assert_eq!((seen.orders, seen.leaks), (pieces * PIECE_ORDERS, 0));
    let (_, most) = gateway.memory();
    assert!(most.saturating_sub(before) < 16 << 20, "the gateway grew by {} MiB", (most - before) >> 20);
}

/// What of a long answer its reader sees.
#[derive(Default)]
struct Seen {
    orders: usize,
    leaks: usize,
}

impl Seen {
    /// Chunk sizes stand between pieces of the text, so what they part is not counted: it is one in thousands.
    fn of(reader: &mut impl Read) -> io::Result<Self> {
        let mut seen = Self::default();
        let mut text: Vec<u8> = Vec::new();
        let mut buffer = vec![0; 1 << 18];
        loop {
            let count = reader.read(&mut buffer)?;
            if count == 0 {
                return Ok(seen);
            }
            text.extend(&buffer[..count]);
            let whole = text.iter().rposition(|byte| *byte == b'{').unwrap_or_default();
            seen.orders += memchr::memmem::find_iter(&text[..whole], b"\"customer\"").count();
            seen.leaks += memchr::memmem::find_iter(&text[..whole], b"ann.smith").count();
            text.drain(..whole);
        }
    }
}

#[test]
fn nothing_that_is_written_down_shows_any_of_it() {
    let upstream = Upstream::with(|exchange| {
        let body = exchange.body()?;
        let fields = [("content-type", "application/json"), ("x-test-owner", EMAIL)];
        exchange.reply(200, &fields, if body.is_empty() { b"{\"email\":\"ann.smith@exam" } else { &body })
    });
    let collector = Collector::start();
    let gateway = format!("{GATEWAY}[otlp]\nendpoint = \"{}\"\ntraces = {{ sample = 1 }}\n", collector.url());
    let mut gateway = folder(&upstream).gateway_toml(&gateway).start();
    let query = "/orders?email=ann.smith%40example.com&name=Smith";
    // What is wrong with it is found when the head has left.
    let _ = gateway.connect().try_send(&Request::get(query));
    gateway.send(&Request::post(query, "application/json", order().to_string())).assert_status(200);
    gateway.send(&Request::post(query, "application/json", "{\"email\":\"ann.smith@")).assert_status(400);
    gateway.send(&Request::post("/plain?email=ann.smith@example.com", "text/plain", EMAIL)).assert_status(200);
    collector.wait_for_spans(4);
    let told = [gateway.ask("/metrics").text(), gateway.status().to_string(), gateway.all_written()].concat();
    for secret in ["ann.smith", "Smith", IBAN, "4111111111111111", "h_"] {
        assert!(!told.contains(secret), "{secret} is written down");
        assert!(!collector.was_told(secret), "{secret} is sent to the collector");
    }
}
