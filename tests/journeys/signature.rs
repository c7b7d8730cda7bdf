//! Messages that one gateway signs and another verifies: bodies, replays, changes on the way, and answers that are signed too.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use lockgate_tests::{Gateway, Request, Response, Upstream, eventually};

const READS: &str = r#""read:content-digest", "read:content-length", "read:content-type", "read::method", "read::scheme", "read::authority", "read::path", "read::query", "read::status", "body:request:inspect", "body:response:inspect", "respond""#;
const WRITES: &str = r#""write:signature", "write:signature-input""#;

/// A gateway with this key, that signs what it sends to `partner.example`.
fn signing(to: SocketAddr, more: &str) -> Gateway {
    Gateway::folder()
        .word("to", to)
        .gateway_toml(&format!(
            "[keys.out]\ngenerate = \"ES256\"\n[keys.partner]\njwks = \"partner.json\"\n[policy.signs]\nsource = \"builtin:signature\"\n\
             grant = [\"sign:out\", \"key:partner\", \"read:signature\", \"read:signature-input\", {READS}, {WRITES}, \"write:content-digest\"]\n"
        ))
        .file("partner.json", EMPTY)
        .api(
            "api",
            &format!(
                "name = \"api\"\nversion = \"1\"\n[upstream.main]\ntargets = [\"http://$to\"]\n\
                 [[route]]\nname = \"all\"\nmatch = {{ path = \"/{{*rest}}\" }}\nupstream = \"main\"\n\
                 [[route.chain]]\npolicy = \"signs\"\n[route.chain.config.sign]\nkey = \"out\"\nkeyid = \"edge\"\nalgorithm = \"ecdsa-p256-sha256\"\n\
                 origin = \"http://partner.example\"\ncomponents = [\"@method\", \"@target-uri\", \"content-digest\"]\nmay_cover = [\"content-type\"]\n\
                 nonce = true\n{more}\n"
            ),
        )
        .start()
}

/// A key nobody has.
const EMPTY: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"nobody","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// A gateway that takes what the first signs, as one with `jwks` does.
fn verifying(upstream: &Upstream, jwks: &str, more: &str) -> Gateway {
    Gateway::folder()
        .upstream(upstream)
        .file("edge.json", jwks)
        .gateway_toml(&format!(
            "[keys.edge]\njwks = \"edge.json\"\n[keys.back]\ngenerate = \"EdDSA\"\n[policy.signed]\nsource = \"builtin:signature\"\n\
             grant = [\"key:edge\", \"sign:back\", \"store:nonces:write\", \"read:signature\", \"read:signature-input\", {READS}, {WRITES}, \
             \"write:content-digest\", \"attribute-write:signature.*\"]\n"
        ))
        .api(
            "api",
            &format!(
                "name = \"api\"\nversion = \"1\"\n[upstream.main]\ntargets = [\"http://$upstream\"]\n\
                 [[chain]]\npolicy = \"signed\"\n[chain.config.verify]\nkeys = \"edge\"\nalgorithms = [\"ecdsa-p256-sha256\"]\n\
                 origin = \"http://partner.example\"\ncomponents = [\"@method\", \"@target-uri\", \"content-digest\"]\nmay_cover = [\"content-type\"]\n\
                 nonces = \"nonces\"\n{more}\n\
                 [[route]]\nname = \"all\"\nmatch = {{ path = \"/{{*rest}}\" }}\nupstream = \"main\"\n"
            ),
        )
        .start()
}

/// The public half of a key a gateway made, with the id it is called by.
fn public(gateway: &Gateway, key: &str, id: &str) -> String {
    let said = gateway.run(&["jwks", "--key", key]).stdout;
    let mut set: serde_json::Value = serde_json::from_str(&said).unwrap();
    set["keys"][0]["kid"] = id.into();
    set.to_string()
}

#[track_caller]
fn refused(response: &Response, status: u16, kind: &str) {
    response.assert_status(status);
    assert_eq!(response.json()["type"], format!("urn:problem-type:lockgate:{kind}"));
}

/// Target, fields and body of a request.
type Message = (String, Vec<(String, String)>, Vec<u8>);
/// What came over the line to an upstream.
type Captured = Arc<Mutex<Vec<Message>>>;

fn capturing() -> (Upstream, Captured) {
    let captured = Captured::default();
    let all = captured.clone();
    let upstream = Upstream::with(move |exchange| {
        let names = ["content-type", "content-digest", "signature", "signature-input"];
        let fields = names.iter().filter_map(|name| Some(((*name).to_owned(), exchange.field(name)?.to_owned())));
        let fields = fields.collect();
        let (target, body) = (exchange.target.clone(), exchange.body()?);
        all.lock().unwrap().push((target, fields, body));
        exchange.reply(200, &[], b"")
    });
    (upstream, captured)
}

/// The request that was captured, but for what is `changed`.
fn again((target, fields, body): &Message, changed: &[(&str, &str)]) -> Request {
    let method = if fields.iter().any(|(name, _)| name == "content-type") { "POST" } else { "GET" };
    let value = |name: &str| changed.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
    let fields = fields.iter().map(|(name, known)| (name.as_str(), value(name).unwrap_or(known)));
    let request = fields.fold(Request::new(method, target), |request, (name, value)| request.field(name, value));
    request.field("content-length", &body.len().to_string()).body(body.clone())
}

#[test]
fn what_one_gateway_signs_another_verifies_once_and_as_it_was() {
    let (captor, captured) = capturing();
    let edge = signing(captor.address(), "");
    let upstream = Upstream::echo();
    let partner = verifying(&upstream, &public(&edge, "out", "edge"), "");
    for request in [
        Request::get("/pets?limit=1"),
        Request::post("/pets", "application/json", "{\"name\":\"Rex\"}"),
        Request::post("/pets", "text/plain", "in pieces").chunked(),
        Request::post("/pets", "application/json", ""),
    ] {
        edge.send(&request).assert_status(200);
    }
    let messages = captured.lock().unwrap().clone();
    assert_eq!(messages.len(), 4);
    for message in &messages {
        let request = again(message, &[]);
        let response = partner.send(&request);
        response.assert_status(200);
        assert!(
            response.echoed("signature").is_empty() && response.echoed("signature-input").is_empty(),
            "they stay here"
        );
        refused(&partner.send(&request), 401, "nonce_replayed");
    }
    refused(&partner.get("/pets"), 401, "signature_missing");
    assert_eq!(upstream.requests(), messages.len());
}

#[test]
fn what_was_changed_on_the_way_is_refused() {
    let (captor, captured) = capturing();
    let edge = signing(captor.address(), "");
    let upstream = Upstream::echo();
    let partner = verifying(&upstream, &public(&edge, "out", "edge"), "");
    edge.send(&Request::post("/pets", "text/plain", "secret")).assert_status(200);
    let message = captured.lock().unwrap()[0].clone();
    let other = "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:";
    for (field, value, status, kind) in [
        ("content-type", "text/html", 401, "signature_invalid"),
        ("content-digest", other, 401, "signature_invalid"),
        ("signature", "sig1=:AAAA:", 401, "signature_invalid"),
        ("signature", "sig1=AAAA", 400, "signature_malformed"),
        ("signature-input", "sig1=(\"@method\");created=1;keyid=\"edge\"", 401, "component_not_covered"),
        ("signature-input", "sig1", 400, "signature_input_malformed"),
    ] {
        refused(&partner.send(&again(&message, &[(field, value)])), status, kind);
    }
    let body = (message.0.clone(), message.1.clone(), b"secreT".to_vec());
    refused(&partner.send(&again(&body, &[])), 400, "digest_mismatch");
    let target = (format!("{}x", message.0), message.1.clone(), message.2.clone());
    refused(&partner.send(&again(&target, &[])), 401, "signature_invalid");
    assert_eq!(upstream.requests(), 0);
}

#[test]
fn an_answer_is_signed_for_its_request_and_one_that_is_not_does_not_pass() {
    let answers = "components = [\"@status\", \"content-digest\", \"@method;req\", \"@path;req\"]";
    let (captor, _) = capturing();
    let verifies =
        format!("[route.chain.config.verify_responses]\nkeys = \"partner\"\nalgorithms = [\"ed25519\"]\n{answers}");
    let edge = signing(captor.address(), &verifies);
    let upstream = Upstream::echo();
    let signs = format!(
        "[chain.config.sign_responses]\nkey = \"back\"\nkeyid = \"partner\"\nalgorithm = \"ed25519\"\n{answers}"
    );
    let partner = verifying(&upstream, &public(&edge, "out", "edge"), &signs);
    // So far it leads to somebody who signs nothing.
    assert_eq!(edge.get("/pets").status, 502);
    edge.write("partner.json", &public(&partner, "back", "partner"));
    let api = std::fs::read_to_string(edge.policies().join("api/api.toml")).unwrap();
    edge.write("api/api.toml", &api.replace(&captor.address().to_string(), &partner.public().to_string()));
    for request in [Request::get("/pets"), Request::post("/pets", "text/plain", "a pet"), Request::new("HEAD", "/pets")]
    {
        let response = eventually("the partner to be asked", || {
            let response = edge.send(&request);
            (response.status != 502).then_some(response)
        });
        response.assert_status(200);
        assert_eq!(response.field("signature"), None, "what was verified stays here");
    }
    assert_eq!(upstream.requests(), 3);
}
