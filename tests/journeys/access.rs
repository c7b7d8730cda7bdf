//! Access tokens the gateway gets for itself: fetched once, shown to the upstreams they are for, renewed, and nobody else's.

use std::sync::{Arc, Mutex};
use std::thread;

use lockgate_tests::{Folder, Gateway, Request, Upstream, eventually};

/// An authorization server that can be told what to do, and tells what it was asked.
struct Issuer {
    server: Upstream,
    does: Arc<Mutex<Does>>,
}

#[derive(Default)]
struct Does {
    /// Tokens given so far.
    given: usize,
    /// Status and body said in the place of a token; `$n` is the number of the token.
    says: Option<(u16, &'static str)>,
    forms: Vec<String>,
}

impl Issuer {
    fn start() -> Self {
        let does = Arc::new(Mutex::new(Does::default()));
        let shared = does.clone();
        let server = Upstream::with(move |exchange| {
            assert_eq!((exchange.method.as_str(), exchange.target.as_str()), ("POST", "/token"));
            let credentials = exchange.field("authorization").unwrap_or_default().to_owned();
            let form = String::from_utf8(exchange.body()?).unwrap();
            let (status, body) = {
                let mut does = shared.lock().unwrap();
                does.forms.push(format!("{credentials} {form}"));
                does.given += 1;
                let (status, says) = does
                    .says
                    .unwrap_or((200, r#"{"access_token":"secret-token-$n","token_type":"bearer","expires_in":600}"#));
                (status, says.replace("$n", &does.given.to_string()))
            };
            exchange.reply(status, &[("content-type", "application/json")], body.as_bytes())
        });
        Self { server, does }
    }

    fn says(&self, status: u16, body: &'static str) {
        self.does.lock().unwrap().says = Some((status, body));
    }

    fn recovers(&self) {
        self.does.lock().unwrap().says = None;
    }

    fn asked(&self) -> usize {
        self.does.lock().unwrap().forms.len()
    }

    /// A gateway whose upstream `main` is shown the token, and whose upstream `plain` is not.
    fn folder(&self, upstream: &Upstream) -> Folder {
        Gateway::folder()
            .upstream(upstream)
            .word("idp", self.server.address())
            .variable("CLIENT", "gate:a secret of the gateway")
            .gateway_toml(
                "[secret.client]\nenv = \"CLIENT\"\n[egress.idp]\nurl = \"http://$idp\"\npaths = [\"/token\"]\nmethods = [\"POST\"]\nprivate_ips = true\n\
                 basic = \"secret:client\"\ntimeout = \"2s\"\n[access.pets]\negress = \"idp\"\npath = \"/token\"\nscopes = [\"pets:read\"]\n\
                 parameters = { resource = \"urn:pets\" }\nto = [\"http://$upstream\"]\n",
            )
            .api(
                "api",
                "name = \"api\"\nversion = \"1\"\n[upstream.main]\ntargets = [\"http://$upstream\"]\naccess = \"pets\"\n\
                 [upstream.plain]\ntargets = [\"http://$upstream\"]\n\
                 [[route]]\nname = \"shown\"\nmatch = { path = \"/shown/{*rest}\" }\nupstream = \"main\"\nupgrades = [\"chat\"]\n\
                 [[route]]\nname = \"plain\"\nmatch = { path = \"/plain/{*rest}\" }\nupstream = \"plain\"\n",
            )
    }
}

#[test]
fn a_token_is_fetched_once_for_all_and_takes_the_place_of_what_clients_say() {
    let (upstream, issuer) = (Upstream::echo(), Issuer::start());
    let mut gateway = issuer.folder(&upstream).start();
    assert_eq!(issuer.asked(), 0, "nobody needed one yet");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = gateway.connect();
                for _ in 0..10 {
                    let response = client.send(&Request::get("/shown/x").bearer("of-the-client"));
                    response.assert_status(200);
                    assert_eq!(response.echoed("authorization"), ["Bearer secret-token-1"]);
                }
            });
        }
    });
    let asked = issuer.does.lock().unwrap().forms.clone();
    // `gate:a secret of the gateway`
    let credentials = "Basic Z2F0ZTphIHNlY3JldCBvZiB0aGUgZ2F0ZXdheQ==";
    let form = "grant_type=client_credentials&scope=pets%3Aread&resource=urn%3Apets";
    assert_eq!(asked, [format!("{credentials} {form}")]);
    let plain = gateway.send(&Request::get("/plain/x").bearer("of-the-client"));
    assert_eq!(plain.echoed("authorization"), ["Bearer of-the-client"], "that upstream is shown nothing");
    let standing = &gateway.status()["access"][0];
    assert_eq!((&standing["access"], &standing["failing"]), (&"pets".into(), &false.into()));
    assert!(standing["good_for_seconds"].as_u64() > Some(500));
    assert!(!gateway.all_written().contains("secret-token"));
}

#[test]
fn a_token_that_has_ended_is_fetched_anew_and_one_that_is_refused_not_for_each_request() {
    let known = Arc::new(Mutex::new("Bearer short-1"));
    let accepted = known.clone();
    let upstream = Upstream::with(move |exchange| {
        let is_known = exchange.field("authorization") == Some(*accepted.lock().unwrap());
        exchange.reply(if is_known { 200 } else { 401 }, &[], b"")
    });
    let issuer = Issuer::start();
    let gateway = issuer.folder(&upstream).start();
    // One that is good for no time at all is shown once.
    issuer.says(200, r#"{"access_token":"short-$n","token_type":"Bearer","expires_in":"0"}"#);
    gateway.get("/shown/x").assert_status(200);
    *known.lock().unwrap() = "Bearer short-2";
    gateway.get("/shown/x").assert_status(200);
    issuer.recovers();
    for _ in 0..20 {
        gateway.get("/shown/x").assert_status(401);
    }
    assert_eq!(issuer.asked(), 3, "the upstream may have other reasons");
}

#[test]
fn while_no_token_can_be_had_upstreams_that_want_one_are_not_asked() {
    let (upstream, issuer) = (Upstream::echo(), Issuer::start());
    let mut gateway = issuer.folder(&upstream).start();
    for (status, body) in [
        (401, r#"{"error":"invalid_client","error_description":"the secret is hunter2"}"#),
        (500, "out of order"),
        (200, "<html>"),
        (200, r#"{"access_token":"a b","token_type":"Bearer"}"#),
        (200, r#"{"access_token":"a\r\nx: y","token_type":"Bearer"}"#),
        (200, r#"{"access_token":"","token_type":"Bearer"}"#),
        (200, r#"{"access_token":"secret-token","token_type":"DPoP"}"#),
        (200, r#"{"token_type":"Bearer"}"#),
    ] {
        issuer.says(status, body);
        let before = issuer.asked();
        let refused = eventually("it to be asked for", || {
            let refused = gateway.get("/shown/x");
            (issuer.asked() > before).then_some(refused)
        });
        refused.assert_problem(502);
        assert_eq!(gateway.access_log_of("class", &"upstream_access".into())["blame"], "upstream", "{body}");
        assert!(!refused.text().contains("hunter2"));
    }
    assert_eq!(upstream.requests(), 0);
    gateway.get("/plain/x").assert_status(200);
    assert!(gateway.verb(&["status"]).stdout.contains("The access token `pets` cannot be fetched: there is none"));
    issuer.recovers();
    eventually("a token", || (gateway.get("/shown/x").status == 200).then_some(()));
    let written = gateway.all_written();
    assert!(written.contains("invalid_client") && !written.contains("hunter2"), "the word is told, and nothing else");
    assert!(written.contains("access token fetched again"));
}

#[test]
fn a_token_stays_where_nothing_of_it_changed() {
    let (upstream, issuer) = (Upstream::echo(), Issuer::start());
    let gateway = issuer.folder(&upstream).start();
    gateway.get("/shown/x").assert_status(200);
    let api = std::fs::read_to_string(gateway.policies().join("api/api.toml")).unwrap();
    gateway.write("api/api.toml", &api.replace("version = \"1\"", "version = \"2\""));
    gateway.wait_for_generation(2);
    gateway.get("/shown/x").assert_status(200);
    assert_eq!(issuer.asked(), 1);
    let main = std::fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    gateway.write("gateway.toml", &main.replace("pets:read", "pets:write"));
    gateway.wait_for_generation(3);
    let response = gateway.get("/shown/x");
    assert_eq!(response.echoed("authorization"), ["Bearer secret-token-2"]);
}

#[test]
fn a_token_is_for_the_servers_the_operator_says_and_no_others() {
    let (upstream, issuer) = (Upstream::echo(), Issuer::start());
    let folder = issuer.folder(&upstream);
    let main = folder.policies().join("gateway.toml");
    let text = std::fs::read_to_string(&main).unwrap();
    for (written, instead, said) in [
        ("to = [\"http://", "to = [\"https://", "which it is not for"),
        ("to = [\"http", "to = []\nother = [\"http", "is empty: it could be shown to nobody"),
        ("egress = \"idp\"", "egress = \"idb\"", "names the service `idb`, which is not declared; did you mean `idp`?"),
        ("path = \"/token\"", "path = \"/other\"", "asks for /other, which its service may not be asked for"),
        ("methods = [\"POST\"]", "methods = [\"GET\"]", "is asked for with POST, which its service does not permit"),
        ("resource =", "client_secret =", "says `client_secret`, which is the gateway's to say"),
        ("scopes =", "client_secret = \"secret:client\"\nscopes =", "is nobody's without `client_id`"),
        ("[access.pets]", "[access.cats]", "names no access token that is declared"),
    ] {
        folder.write("gateway.toml", &text.replace(written, instead));
        folder.run(&["check"]).assert(1, &[said]);
    }
}
