//! Visitors who sign in at a certified identity provider, by hand and in a browser: `oidc` in front of a site.

use std::collections::BTreeMap;

use lockgate_tests::browser;
use lockgate_tests::foreign::ForeignServer;
use lockgate_tests::{Client, Gateway, Request, Response, Upstream, eventually};

const GATEWAY: &str = r#"
    [secret.shop]
    env = "SHOP"
    [egress.idp]
    url = "http://$idp"
    paths = ["/*"]
    methods = ["GET", "POST"]
    private_ips = true
    timeout = "800ms"
    basic = "secret:shop"
    [egress.idp-keys]
    url = "http://$idp"
    paths = ["/*"]
    private_ips = true
    [keys.idp]
    discover = "http://$idp"
    egress = ["idp-keys"]
    cool_down = "50ms"
    [keys.session]
    generate = "sealing"
    [policy.oidc]
    source = "builtin:oidc"
    grant = [
        "egress:idp", "key:idp", "seal:session", "store:ended:write", "respond", "read::method", "read::path", "read::query", "read:accept",
        "read:origin", "read:cookie", "read:sec-fetch-*", "read:sec-websocket-key", "write:cookie", "write:set-cookie",
        "write:cache-control", "write:x-user", "write:x-email", "attribute-write:auth.*", "write:authorization",
    ]
"#;

/// A provider, and a site behind a gateway that sends visitors there.
struct Site {
    provider: ForeignServer,
    gateway: Gateway,
}

impl Site {
    /// `config` is more of the policy's.
    fn start(upstream: &Upstream, config: &str) -> Self {
        let mut provider = ForeignServer::node("identity", "login");
        let gateway = Gateway::folder()
            .upstream(upstream)
            .word("idp", provider.address())
            .word("config", config)
            // Both encoded as a form (RFC 6749 section 2.3.1).
            .variable("SHOP", "shop:a+secret+of+the+shop%2C+which+is+long+enough")
            .gateway_toml(GATEWAY)
            .api(
                "shop",
                "name = \"shop\"\nversion = \"1\"\n[upstream.main]\ntargets = [\"http://$upstream\"]\n\
                 [[chain]]\npolicy = \"oidc\"\n[chain.config]\nissuer = \"http://$idp\"\nservice = \"idp\"\nclient_id = \"shop\"\nkeys = \"idp\"\n\
                 seal = \"session\"\nurl = \"http://127.0.0.1:1\"\nscopes = [\"openid\", \"email\", \"offline_access\"]\nrevoked = \"ended\"\n\
                 headers = { sub = \"x-user\", email = \"x-email\" }\n$config\n\
                 [[route]]\nname = \"site\"\nmatch = { path = \"/{*rest}\" }\nupstream = \"main\"\n",
            )
            .start();
        let url = format!("http://{}", gateway.public());
        assert_eq!(provider.tell(&format!("site {url}")), url);
        let api = std::fs::read_to_string(gateway.policies().join("shop/api.toml")).unwrap();
        gateway.write("shop/api.toml", &api.replace("http://127.0.0.1:1\"", &format!("{url}\"")));
        gateway.wait_for_generation(2);
        Self { provider, gateway }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.gateway.public())
    }
}

/// Who visits pages: keeps cookies and goes where it is sent.
#[derive(Default)]
struct Visitor {
    cookies: BTreeMap<String, String>,
}

impl Visitor {
    /// One request, and no step further.
    fn step(&mut self, method: &str, url: &str, more: &[(&str, &str)]) -> Response {
        let rest = url.strip_prefix("http://").unwrap();
        let (host, path) =
            rest.split_once('/').map_or((rest, String::from("/")), |(host, path)| (host, format!("/{path}")));
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request::new(method, &path).field("host", host).field("accept", "text/html");
        let request = request.field("sec-fetch-mode", "navigate");
        let request = if cookies.is_empty() { request } else { request.field("cookie", &cookies.join("; ")) };
        let request = more.iter().fold(request, |request, (name, value)| request.field(name, value));
        let response = Client::connect(host.parse().unwrap()).send(&request);
        for cookie in response.values("set-cookie") {
            let (pair, rest) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').unwrap();
            let rest = rest.to_ascii_lowercase();
            let is_over = value.is_empty() || rest.contains("max-age=0") || rest.contains("expires=thu, 01 jan 1970");
            match is_over {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        response
    }

    /// The answer at the end of all redirects, and the addresses on the way.
    fn visit(&mut self, url: &str) -> (Response, Vec<String>) {
        let (mut at, mut way) = (url.to_owned(), Vec::new());
        loop {
            assert!(way.len() < 20, "{way:?}");
            way.push(at.clone());
            // The page of the provider is a form that wants to be sent.
            let method = if at.contains("/interaction/") { "POST" } else { "GET" };
            let response = self.step(method, &at, &[]);
            let Some(location) = response.field("location") else { return (response, way) };
            let origin = at.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
            at = if location.starts_with('/') { format!("{origin}{location}") } else { location.to_owned() };
        }
    }
}

#[test]
fn a_visitor_signs_in_and_comes_back_to_the_page_that_was_asked_for() {
    let upstream = Upstream::echo();
    for par in ["yes", "always", "no"] {
        let mut site = Site::start(&upstream, "");
        site.provider.tell(&format!("par {par}"));
        let mut visitor = Visitor::default();
        let (page, way) = visitor.visit(&site.url("/pets?limit=1&q=a%20b"));
        page.assert_status(200);
        assert_eq!(
            (page.echoed("x-user"), page.echoed("x-email")),
            (vec!["ann".to_owned()], vec!["ann@example.com".to_owned()]),
            "{par}"
        );
        assert_eq!(way.last().unwrap(), &site.url("/pets?limit=1&q=a%20b"));
        assert!(
            page.echoed("cookie").iter().all(|cookies| !cookies.contains("lockgate")),
            "the session is not the upstream's"
        );
        let pushed: usize = site.provider.tell("asked /request").parse().unwrap();
        assert_eq!(pushed > 0, par != "no", "{par}");
        // From now on nobody is asked.
        let before = site.provider.tell("asked /auth");
        visitor.step("GET", &site.url("/more"), &[("x-user", "root")]).assert_status(200);
        assert_eq!(visitor.step("GET", &site.url("/more"), &[("x-user", "root")]).echoed("x-user"), ["ann"]);
        assert_eq!(site.provider.tell("asked /auth"), before);
        let written = site.gateway.all_written();
        assert!(
            visitor.cookies.values().all(|value| !written.contains(value.as_str())),
            "no cookie is written anywhere"
        );
    }
}

#[test]
fn what_belongs_to_another_login_or_another_browser_signs_nobody_in() {
    let upstream = Upstream::echo();
    let site = Site::start(&upstream, "");
    let mut ann = Visitor::default();
    let (_, way) = ann.visit(&site.url("/"));
    let callback = way.iter().find(|url| url.contains("/_login/callback?") && url.contains("code=")).unwrap().clone();
    // The address somebody was made to open, with a code of another's.
    let mut eve = Visitor::default();
    let refused = eve.step("GET", &callback, &[]);
    refused.assert_status(400);
    assert!(refused.text().contains("<h1>") && !refused.text().contains("<script"), "{}", refused.text());
    let begun = eve.step("GET", &site.url("/"), &[]);
    begun.assert_status(302);
    eve.step("GET", &callback, &[]).assert_status(400);
    assert!(!eve.cookies.contains_key("lockgate") && ann.cookies.contains_key("lockgate"), "{:?}", eve.cookies.keys());
    // Opened once more by who signed in with it.
    ann.step("GET", &callback, &[]).assert_status(400);
    // A program is told, and not sent anywhere.
    let program = site.gateway.send(&Request::get("/").field("accept", "application/json"));
    program.assert_status(401);
    assert_eq!(program.json()["type"], "urn:problem-type:lockgate:login_needed");
    // Another site cannot use the session.
    let posted = |more: &[(&str, &str)], visitor: &mut Visitor| visitor.step("POST", &site.url("/pets"), more).status;
    assert_eq!(posted(&[("sec-fetch-site", "cross-site")], &mut ann), 403);
    assert_eq!(posted(&[("origin", "http://evil.example")], &mut ann), 403);
    assert_eq!(posted(&[], &mut ann), 403);
    assert_eq!(posted(&[("sec-fetch-site", "same-origin")], &mut ann), 200);
    // Cookies that were changed are none.
    let mut forged = Visitor { cookies: ann.cookies.clone() };
    for value in forged.cookies.values_mut() {
        let (at, other) = (value.len() / 2, if value.as_bytes()[value.len() / 2] == b'A' { "B" } else { "A" });
        value.replace_range(at..=at, other);
    }
    forged.step("GET", &site.url("/"), &[]).assert_status(302);
}

#[test]
fn a_session_goes_on_with_new_tokens_and_ends_where_its_visitor_signs_out() {
    let upstream = Upstream::echo();
    let mut site = Site::start(&upstream, "refresh = true\nforward_access_token = true");
    site.provider.tell("ttl 2");
    let mut ann = Visitor::default();
    let (page, _) = ann.visit(&site.url("/"));
    let first = page.echoed("authorization");
    assert!(first[0].starts_with("Bearer "), "{first:?}");
    let renewed = eventually("new tokens", || {
        let page = ann.step("GET", &site.url("/"), &[]);
        page.assert_status(200);
        (page.echoed("authorization") != first).then_some(page)
    });
    assert_eq!(renewed.field("cache-control"), Some("no-store"));
    site.provider.tell("ttl 600");
    eventually("a token that stays", || {
        let (one, two) = (ann.step("GET", &site.url("/"), &[]), ann.step("GET", &site.url("/"), &[]));
        (one.echoed("authorization") == two.echoed("authorization")).then_some(())
    });
    let stolen = Visitor { cookies: ann.cookies.clone() };
    let asks = ann.step("GET", &site.url("/_logout"), &[]);
    asks.assert_status(200);
    assert!(asks.text().contains("<button>"), "{}", asks.text());
    assert_eq!(ann.step("POST", &site.url("/_logout"), &[("sec-fetch-site", "cross-site")]).status, 403);
    let left = ann.step("POST", &site.url("/_logout"), &[("sec-fetch-site", "same-origin")]);
    left.assert_status(303);
    assert!(left.field("location").unwrap().contains("/session/end?"), "{:?}", left.field("location"));
    ann.step("GET", &site.url("/"), &[]).assert_status(302);
    let mut copy = stolen;
    copy.step("GET", &site.url("/"), &[]).assert_status(302);
}

#[test]
fn while_the_provider_is_down_sessions_go_on_and_nobody_signs_in() {
    let upstream = Upstream::echo();
    let site = Site::start(&upstream, "");
    let mut ann = Visitor::default();
    ann.visit(&site.url("/")).0.assert_status(200);
    let mut gateway = site.gateway;
    drop(site.provider);
    let url = format!("http://{}/", gateway.public());
    ann.step("GET", &url, &[]).assert_status(200);
    // What was learned of the provider is gone with the process; the key the cookies are sealed with is not.
    gateway.restart();
    let url = format!("http://{}/", gateway.public());
    ann.step("GET", &url, &[]).assert_status(200);
    let nobody = Visitor::default().step("GET", &url, &[]);
    nobody.assert_status(503);
    assert!(nobody.values("set-cookie").is_empty());
}

#[test]
fn in_a_browser_a_visitor_signs_in_and_out_again() {
    let leave = "<!doctype html><title>Leave</title><form method='post' action='/_logout'></form><script>document.forms[0].submit()</script>";
    let upstream = Upstream::with(move |exchange| {
        let user = exchange.field("x-user").unwrap_or("nobody").to_owned();
        let page = format!("<!doctype html><title>Shop</title><p id='who'>Hello {user}</p>");
        let body = if exchange.target == "/leave" { leave.to_owned() } else { page };
        exchange.reply(200, &[("content-type", "text/html")], body.as_bytes())
    });
    let site = Site::start(&upstream, "");
    let shown = browser::visit(&site.url("/pets"));
    assert!(shown.document.contains("Hello ann"), "{}", shown.document);
    assert!(shown.complaints.is_empty(), "{:?}", shown.complaints);
    // Another browser: in, to the page that signs out, by way of the provider to the start, and there to sign in again.
    let site = Site::start(&upstream, "");
    let shown = browser::visit(&site.url("/leave"));
    assert!(shown.document.contains("<h1>Sign in</h1>"), "{}", shown.document);
    for (path, title) in [("/_login/callback?state=x&code=y", "<h1>"), ("/_login/callback", "<h1>")] {
        let shown = browser::visit(&site.url(path));
        assert!(shown.document.contains(title), "{}", shown.document);
        let mine = shown.complaints.iter().filter(|it| !it.contains("status of 400")).collect::<Vec<_>>();
        assert!(mine.is_empty(), "{mine:?}");
    }
}
