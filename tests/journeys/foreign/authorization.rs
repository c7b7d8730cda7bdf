//! The policy `oauth` before an authorization server others wrote: tokens that are asked about, signed, bound and revoked.

mod bound;
mod certified;

use std::thread;

use lockgate_tests::foreign::ForeignServer;
use lockgate_tests::{Folder, Gateway, Request, Response, Upstream, eventually};

/// Where the certified server asks about tokens and keys, and how the gateway is known to it.
const GATEWAY: &str = r#"
    [secret.gate]
    env = "GATE"
    [egress.idp]
    url = "http://$idp"
    paths = ["/token/introspection", "/.well-known/openid-configuration", "/jwks"]
    methods = ["GET", "POST"]
    private_ips = true
    basic = "secret:gate"
    timeout = "800ms"
    [keys.idp]
    discover = "http://$idp"
    egress = ["idp"]
    cool_down = "50ms"
    [keys.nonces]
    generate = "sealing"
    [policy.oauth]
    source = "builtin:oauth"
    grant = [
        "key:idp", "egress:idp", "store:proofs:write", "seal:nonces", "respond", "read:authorization", "read:dpop", "read::method", "read::scheme",
        "read::authority", "read::path", "read::route", "read::client-certificate", "write:authorization", "write:dpop", "write:dpop-nonce",
        "write:x-client", "attribute-write:auth.*",
    ]
    limits = { wall = "5s" }
"#;

/// A server, and a gateway that believes it. `config` is more of the policy's configuration.
struct Guarded {
    server: ForeignServer,
    gateway: Gateway,
    upstream: Upstream,
}

impl Guarded {
    fn start(config: &str) -> Self {
        Self::within(Gateway::folder(), "", config)
    }

    /// `declared` is more of gateway.toml.
    fn within(folder: Folder, declared: &str, config: &str) -> Self {
        let (server, upstream) = (ForeignServer::node("identity", "authorization"), Upstream::echo());
        let gateway = folder
            .upstream(&upstream)
            .word("idp", server.address())
            .word("config", config)
            // Fields of RFC 6749 section 2.3.1: encoded as a form before they are put together.
            .variable("GATE", "gate:a+secret+of+gate%2C+which+is+long+enough")
            .gateway_toml(&format!("{declared}{GATEWAY}"))
            .api(
                "api",
                "name = \"api\"\nversion = \"1\"\n[upstream.main]\ntargets = [\"http://$upstream\"]\n\
                 [[chain]]\npolicy = \"oauth\"\n[chain.config]\nissuer = \"http://$idp\"\naudience = \"api\"\nkeys = \"idp\"\n\
                 scopes = [\"pets:read\"]\nheaders = { client_id = \"x-client\" }\n\
                 operations = { write = [\"pets:write\"] }\n$config\n\
                 [[route]]\nname = \"write\"\nmatch = { path = \"/write\" }\nupstream = \"main\"\n\
                 [[route]]\nname = \"read\"\nmatch = { path = \"/{*rest}\" }\nupstream = \"main\"\n",
            )
            .start();
        Self { server, gateway, upstream }
    }

    fn ask(&self, token: &str) -> Response {
        self.gateway.send(&Request::get("/x").bearer(token))
    }

    fn asked(&mut self) -> usize {
        self.server.tell("asked").parse().unwrap()
    }
}

/// The word for what is wrong.
#[track_caller]
fn refused(response: &Response, status: u16, kind: &str) {
    response.assert_status(status);
    assert_eq!(response.json()["type"], format!("urn:problem-type:lockgate:{kind}"));
}

fn introspecting(fresh: &str) -> String {
    format!("[chain.config.introspect]\nservice = \"idp\"\npath = \"/token/introspection\"\nfresh = \"{fresh}\"")
}

#[test]
fn a_token_is_asked_about_once_for_all_who_have_it() {
    let mut guarded = Guarded::start(&introspecting("5m"));
    let token = guarded.server.tell("opaque");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let response = guarded.ask(&token);
                    response.assert_status(200);
                    assert_eq!(
                        (response.echoed("x-client"), response.echoed("authorization").len()),
                        (vec!["app".to_owned()], 0)
                    );
                }
            });
        }
    });
    assert_eq!(guarded.asked(), 1);
    assert_eq!(
        guarded.gateway.metric("lockgate_egress_calls_total{egress=\"idp\",outcome=\"answered\"}").map(|it| it >= 1.0),
        Some(true)
    );
    assert!(guarded.gateway.metric("lockgate_egress_remembered_total{egress=\"idp\"}") >= Some(72.0));
    refused(&guarded.ask("made-up"), 401, "token_inactive");
    refused(&guarded.ask("made-up"), 401, "token_inactive");
    assert_eq!(guarded.asked(), 2, "that a token is nobody's is remembered too");
    let write = guarded.gateway.send(&Request::get("/write").bearer(&token));
    refused(&write, 403, "scope_missing");
    assert!(write.field("www-authenticate").unwrap().contains("scope=\"pets:read pets:write\""));
}

#[test]
fn a_revoked_token_is_refused_once_what_is_remembered_is_too_old() {
    let mut guarded = Guarded::start(&introspecting("2s"));
    let (token, other) = (guarded.server.tell("opaque"), guarded.server.tell("opaque"));
    guarded.ask(&token).assert_status(200);
    assert_eq!(guarded.server.tell(&format!("revoke {token}")), "200");
    eventually("the revoked token to be refused", || (guarded.ask(&token).status == 401).then_some(()));
    refused(&guarded.ask(&token), 401, "token_inactive");
    guarded.ask(&other).assert_status(200);
    let mut strict = Guarded::start(&introspecting("0s"));
    let token = strict.server.tell("opaque");
    strict.ask(&token).assert_status(200);
    strict.server.tell(&format!("revoke {token}"));
    refused(&strict.ask(&token), 401, "token_inactive");
}

#[test]
fn nobody_gets_in_while_the_server_does_not_say_so_and_who_is_known_does() {
    let mut guarded = Guarded::start(&introspecting("5m"));
    let known = guarded.server.tell("opaque");
    guarded.ask(&known).assert_status(200);
    for mood in ["broken", "slow", "hung", "huge", "garbage", "odd"] {
        let unknown = guarded.server.tell("opaque");
        guarded.server.tell(&format!("mood {mood}"));
        let before = guarded.upstream.requests();
        let response = guarded.ask(&unknown);
        assert_eq!(response.status, 503, "{mood}: {}", response.text());
        assert_eq!(guarded.upstream.requests(), before, "{mood}");
        guarded.ask(&known).assert_status(200);
        guarded.server.tell("mood well");
        eventually("the server to be asked again", || (guarded.ask(&unknown).status == 200).then_some(()));
    }
    let unknown = guarded.server.tell("opaque");
    guarded.server.fall_silent();
    assert_eq!(guarded.ask(&unknown).status, 503);
    guarded.ask(&known).assert_status(200);
    guarded.server.wake();
    eventually("the server to be asked again", || (guarded.ask(&unknown).status == 200).then_some(()));
    drop(guarded.server);
    assert_eq!(guarded.gateway.send(&Request::get("/x").bearer("another")).status, 503, "it is down");
    guarded.gateway.send(&Request::get("/x").bearer(&known)).assert_status(200);
}

#[test]
fn signed_tokens_are_checked_here_while_keys_are_rotated_under_load() {
    let mut guarded = Guarded::start(&introspecting("5m"));
    let first = guarded.server.tell("jwt");
    guarded.ask(&first).assert_status(200);
    let before = guarded.asked();
    for _ in 0..3 {
        assert_eq!(guarded.server.tell("rotate"), "rotated");
        let token = guarded.server.tell("jwt");
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut client = guarded.gateway.connect();
                    for _ in 0..20 {
                        client.send(&Request::get("/x").bearer(&token)).assert_status(200);
                        client.send(&Request::get("/x").bearer(&first)).assert_status(200);
                    }
                });
            }
        });
    }
    assert_eq!(guarded.asked(), before, "nobody asks about what is signed");
    let mut letters: Vec<char> = first.chars().collect();
    let last = letters.len() - 2;
    letters[last] = if letters[last] == 'A' { 'B' } else { 'A' };
    refused(&guarded.ask(&letters.iter().collect::<String>()), 401, "signature_invalid");
}

#[test]
fn what_the_gateway_gets_for_itself_lets_it_into_an_upstream_that_asks_the_same_server() {
    let guarded = Guarded::start(&introspecting("5m"));
    let gateway = Gateway::folder()
        .word("upstream", guarded.gateway.public())
        .word("idp", guarded.server.address())
        .variable("GATE", "gate:a+secret+of+gate%2C+which+is+long+enough")
        .gateway_toml(
            "[secret.gate]\nenv = \"GATE\"\n[egress.idp]\nurl = \"http://$idp\"\npaths = [\"/token\"]\nmethods = [\"POST\"]\nprivate_ips = true\n\
             basic = \"secret:gate\"\ntimeout = \"2s\"\n[access.api]\negress = \"idp\"\npath = \"/token\"\nscopes = [\"pets:read\"]\n\
             parameters = { resource = \"urn:jwt\" }\nto = [\"http://$upstream\"]\n",
        )
        .api(
            "api",
            "name = \"api\"\nversion = \"1\"\n[upstream.main]\ntargets = [\"http://$upstream\"]\naccess = \"api\"\n\
             [[route]]\nname = \"all\"\nmatch = { path = \"/{*rest}\" }\nupstream = \"main\"\n",
        )
        .start();
    let response = gateway.send(&Request::get("/x").bearer("of-the-client"));
    response.assert_status(200);
    assert_eq!(response.echoed("x-client"), ["gate"]);
}
