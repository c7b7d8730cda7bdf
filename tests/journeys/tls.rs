//! TLS: certificates by host, exchanged while the gateway runs; clients with certificates; upstreams that must prove who they are.

use std::fs;
use std::io::Write;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use lockgate_tests::{Authority, Certificate, Folder, Gateway, Handshake, Request, Upstream, eventually};

/// Put a certificate into the policies folder and its key beside that, where secrets are looked for.
fn certificate(folder: &Folder, name: &str, certificate: &Certificate) {
    fs::write(folder.root().join(format!("{name}.key")), &certificate.key).unwrap();
    folder.write(&format!("{name}.pem"), &certificate.certificate);
}

/// A gateway that shows these certificates, the first to whoever asks for no host of the others.
pub(super) fn showing(certificates: &[(&str, &Certificate)], upstream: &Upstream) -> Folder {
    let entry = |(name, _): &(&str, &Certificate)| format!("{{ certificate = '{name}.pem', key = 'secret:{name}' }}");
    let tls: Vec<_> = certificates.iter().map(entry).collect();
    let secrets: String =
        certificates.iter().map(|(name, _)| format!("[secret.{name}]\nfile = '{name}.key'\n")).collect();
    let folder = Gateway::folder().word("listen", format!("tls = [{}]", tls.join(", ")));
    for (name, shown) in certificates {
        certificate(&folder, name, shown);
    }
    folder.gateway_toml(&secrets).proxy(upstream)
}

/// The alternative names of the certificate a client is shown that asks for `host`; none where it would not trust it.
fn shown_to(gateway: &Gateway, authority: &Authority, host: &str) -> Option<Vec<u8>> {
    let mut client = authority.connect(gateway.public(), host, &Handshake::new()).ok()?;
    client.send(&Request::get("/").field("host", host)).assert_status(200);
    Some(client.stream().conn.peer_certificates()?[0].to_vec())
}

#[test]
fn each_host_is_shown_its_own_certificate() {
    let (authority, upstream) = (Authority::new(), Upstream::echo());
    let (first, pets, wild) =
        (authority.issue(&["first.example"]), authority.issue(&["pets.example"]), authority.issue(&["*.wild.example"]));
    let gateway = showing(&[("first", &first), ("pets", &pets), ("wild", &wild)], &upstream).start();
    // A client refuses a certificate that is not for the host it asked for, so an answer says that it was the right
    // one.
    for host in ["first.example", "pets.example", "PETS.example", "a.wild.example", "b.wild.example"] {
        assert!(shown_to(&gateway, &authority, host).is_some(), "{host}");
    }
    for host in ["other.example", "wild.example", "a.b.wild.example", "a.pets.example"] {
        assert!(shown_to(&gateway, &authority, host).is_none(), "{host}");
    }
}

#[test]
fn the_upstream_is_told_that_the_client_came_by_tls() {
    let (authority, upstream) = (Authority::new(), Upstream::echo());
    let gateway = showing(&[("site", &authority.issue(&["site.example"]))], &upstream).start();
    assert!(gateway.greeting().contains("https://"), "{}", gateway.greeting());
    let mut client = authority.connect(gateway.public(), "site.example", &Handshake::new()).unwrap();
    let response = client.send(&Request::get("/"));
    assert_eq!(response.echoed("x-forwarded-proto"), ["https"]);
}

#[test]
fn http2_is_spoken_where_both_sides_offer_it() {
    let (authority, upstream) = (Authority::new(), Upstream::echo());
    let site = authority.issue(&["site.example"]);
    let agreed = |gateway: &Gateway, offers: &[&str]| {
        let handshake = offers.iter().fold(Handshake::new(), |handshake, offer| handshake.offering(offer));
        let mut client = authority.connect(gateway.public(), "site.example", &handshake).ok()?;
        let protocol = client.stream().conn.alpn_protocol()?.to_vec();
        String::from_utf8(protocol).ok()
    };
    let gateway = showing(&[("site", &site)], &upstream).start();
    assert_eq!(agreed(&gateway, &["http/1.1", "h2"]).as_deref(), Some("h2"));
    assert_eq!(agreed(&gateway, &["http/1.1"]).as_deref(), Some("http/1.1"));
    assert_eq!(agreed(&gateway, &["smtp"]), None);
    let without = showing(&[("site", &site)], &upstream);
    let text = "[listen.public]\naddress = '127.0.0.1:0'\nhttp2 = false\ntls = [{ certificate = 'site.pem', key = 'secret:site' }]\n\
                [admin]\naddress = '127.0.0.1:0'\n[secret.site]\nfile = 'site.key'\n";
    without.write("gateway.toml", text);
    assert_eq!(agreed(&without.start(), &["http/1.1", "h2"]).as_deref(), Some("http/1.1"));
}

#[test]
fn a_certificate_is_exchanged_while_connections_go_on() {
    let (authority, upstream) = (Authority::new(), Upstream::echo());
    let gateway = showing(&[("site", &authority.issue(&["site.example"]))], &upstream).start();
    let mut old = authority.connect(gateway.public(), "site.example", &Handshake::new()).unwrap();
    old.send(&Request::get("/").field("host", "site.example")).assert_status(200);
    let before = shown_to(&gateway, &authority, "site.example").unwrap();

    // Between the two writes key and certificate do not belong together: that is refused, and nothing changes.
    let next = authority.issue(&["site.example"]);
    gateway.write("site.pem", &next.certificate);
    let refused = gateway.wait_for_refusal();
    assert!(refused.to_string().contains("does not belong"), "{refused}");
    assert_eq!(shown_to(&gateway, &authority, "site.example").unwrap(), before);
    fs::write(gateway.root().join("site.key"), &next.key).unwrap();
    // Files of secrets are looked at now and then; a change in the folder is seen at once.
    gateway.write("site.pem", &format!("{}\n", next.certificate));
    gateway.wait_for_generation(2);
    assert_ne!(shown_to(&gateway, &authority, "site.example").unwrap(), before);
    old.send(&Request::get("/").field("host", "site.example")).assert_status(200);
}

#[test]
fn certificates_that_cannot_be_used_are_faults_with_their_lines() {
    let (authority, upstream) = (Authority::new(), Upstream::echo());
    let site = authority.issue(&["site.example"]);
    let other = authority.issue(&["site.example"]);
    let cases = [
        (Certificate { certificate: "nothing".into(), ..site.clone() }, "holds no certificate"),
        (Certificate { key: "nothing".into(), ..site.clone() }, "no private key"),
        (Certificate { key: other.key.clone(), ..site.clone() }, "does not belong"),
    ];
    for (wrong, reason) in cases {
        let checked = showing(&[("site", &wrong)], &upstream).run(&["check"]);
        checked.assert(1, &[reason, "gateway.toml:", "listen.public.tls"]);
        assert!(!checked.stderr.contains("BEGIN"), "{}", checked.stderr);
    }
    showing(&[("site", &site), ("other", &other)], &upstream).run(&["check"]).assert(1, &["site.example"]);
    let private = showing(&[("site", &site)], &upstream);
    private.write("site.pem", &format!("{}{}", site.certificate, site.key));
    private.run(&["check"]).assert(1, &["holds a private key"]);
}

#[test]
fn a_certificate_that_has_expired_serves_and_the_log_says_so() {
    let (authority, upstream) = (Authority::new(), Upstream::echo());
    let gateway = showing(&[("site", &authority.issue_expired("site.example"))], &upstream).start();
    let line =
        gateway.wait_for_log("a warning", |line| line["message"].as_str()?.contains("expired").then(|| line.clone()));
    assert_eq!((&line["file"], &line["level"]), (&"gateway.toml".into(), &"WARN".into()));
}

#[test]
fn a_certificate_that_has_expired_takes_the_place_of_none_that_is_valid() {
    let (authority, upstream) = (Authority::new(), Upstream::echo());
    let site = authority.issue(&["*.site.example", "another.test"]);
    let gateway = showing(&[("site", &site)], &upstream).start();
    let before = shown_to(&gateway, &authority, "a.site.example").unwrap();
    let expired = authority.issue_expired("a.site.example");
    fs::write(gateway.root().join("site.key"), &expired.key).unwrap();
    gateway.write("site.pem", &expired.certificate);
    let refused = gateway.look().to_string();
    assert!(refused.contains("has expired or is not valid yet, and the one that serves is valid"), "{refused}");
    assert_eq!(shown_to(&gateway, &authority, "a.site.example").unwrap(), before);
}

/// A gateway with a host for everybody and one for clients with a certificate.
pub(super) fn with_members(authority: &Authority, members: &Authority, upstream: &Upstream, optional: bool) -> Folder {
    let config = format!(
        r#"
        [listen.public]
        address = "127.0.0.1:0"
        tls = [
            {{ certificate = "open.pem", key = "secret:open" }},
            {{ certificate = "club.pem", key = "secret:club", client_ca = "members.pem", client_optional = {optional} }},
        ]
        [admin]
        address = "127.0.0.1:0"
        [secret.open]
        file = "open.key"
        [secret.club]
        file = "club.key"
        [policy.certificate]
        source = "file:components/certificate.wasm"
        grant = ["read::scheme", "read::client-certificate", "read::client-certificate-subject", "read::client-certificate-name", "write:x-test-certificate"]
        [[chain]]
        policy = "certificate"
        "#
    );
    let folder = Gateway::folder().proxy(upstream).guest("certificate");
    certificate(&folder, "open", &authority.issue(&["open.example"]));
    certificate(&folder, "club", &authority.issue(&["club.example"]));
    folder.write("members.pem", &members.pem());
    folder.write("gateway.toml", &config);
    folder
}

#[test]
fn a_policy_is_told_whose_certificate_a_client_has() {
    let (authority, members, upstream) = (Authority::new(), Authority::new(), Upstream::echo());
    let gateway = with_members(&authority, &members, &upstream, true).start();
    let ask = |handshake: &Handshake| {
        let mut client = authority.connect(gateway.public(), "club.example", handshake).unwrap();
        let response = client.send(&Request::get("/").field("host", "club.example"));
        response.assert_status(200);
        response.echoed("x-test-certificate").concat()
    };
    let member = members.issue_to("Ada", "spiffe://club/ada");
    assert_eq!(ask(&Handshake::new().showing(&member)), "https CN=Ada uri:spiffe://club/ada 43");
    assert_eq!(ask(&Handshake::new()), "https none  0");
}

#[test]
fn a_client_without_a_good_certificate_does_not_get_in() {
    let (authority, members, upstream) = (Authority::new(), Authority::new(), Upstream::echo());
    let gateway = with_members(&authority, &members, &upstream, false).start();
    let get_in = |handshake: &Handshake| {
        let mut client = authority.connect(gateway.public(), "club.example", handshake).ok()?;
        client.try_send(&Request::get("/").field("host", "club.example")).ok()
    };
    assert!(get_in(&Handshake::new()).is_none());
    let stranger = Authority::new().issue_to("Eve", "spiffe://club/ada");
    assert!(get_in(&Handshake::new().showing(&stranger)).is_none());
    assert_eq!(upstream.requests(), 0);
    let failed = || gateway.metric("lockgate_refused_total{listener=\"public\",reason=\"tls\"}");
    eventually("both to be counted", || (failed() == Some(2.0)).then_some(()));
    get_in(&Handshake::new().showing(&members.issue_to("Ada", "spiffe://club/ada"))).unwrap().assert_status(200);
}

#[test]
fn a_client_without_a_certificate_hears_that_one_is_wanted_though_it_has_said_more_by_then() {
    let (authority, members, upstream) = (Authority::new(), Authority::new(), Upstream::echo());
    let gateway = with_members(&authority, &members, &upstream, false).start();
    let (url, to) = ("https://club.example", format!("club.example:443:{}", gateway.public()));
    for _ in 0..10 {
        let curl = ["-sSk", "--http2", "--max-time", "30", "--connect-to", &to, url];
        let curl = Command::new("curl").args(curl).output().unwrap();
        let said = String::from_utf8_lossy(&curl.stderr);
        assert!(said.contains("certificate required"), "{said}");
    }
}

#[test]
fn a_host_with_other_terms_is_not_asked_over_the_connection_of_another() {
    let (authority, members, upstream) = (Authority::new(), Authority::new(), Upstream::echo());
    let gateway = with_members(&authority, &members, &upstream, false).start();
    let mut open = authority.connect(gateway.public(), "open.example", &Handshake::new()).unwrap();
    open.send(&Request::get("/").field("host", "open.example")).assert_status(200);
    open.send(&Request::get("/").field("host", "club.example")).assert_problem(421);
    open.send(&Request::get("/").field("host", "other.example")).assert_status(200);
    let member = Handshake::new().showing(&members.issue_to("Ada", "spiffe://club/ada"));
    let mut club = authority.connect(gateway.public(), "club.example", &member).unwrap();
    club.send(&Request::get("/").field("host", "club.example")).assert_status(200);
    club.send(&Request::get("/").field("host", "open.example")).assert_problem(421);
    // Who may come in was changed: what came in before is under other terms now.
    gateway.write("members.pem", &Authority::new().pem());
    gateway.wait_for_generation(2);
    club.send(&Request::get("/").field("host", "club.example")).assert_problem(421);
}

/// A gateway whose upstream is another gateway, by TLS.
fn through(second: &Gateway, tls: &str, upstream_tls: &str) -> Folder {
    Gateway::folder().word("second", second.public().port()).gateway_toml(tls).api(
        "proxy",
        &format!(
            r#"
            name = "proxy"
            version = "1"
            [upstream.main]
            targets = ["https://127.0.0.1:$second"]
            {upstream_tls}
            [[route]]
            name = "all"
            match = {{ path = "/{{*rest}}" }}
            upstream = "main"
            "#
        ),
    )
}

#[test]
fn an_upstream_must_prove_that_it_is_who_was_asked_for() {
    let (authority, upstream) = (Authority::new(), Upstream::echo());
    let second = showing(&[("site", &authority.issue(&["site.example"]))], &upstream).start();
    let ours = "[tls.own]\nca = 'own.pem'\n";
    let start = |tls: &str, upstream_tls: &str, authority: &Authority| {
        let folder = through(&second, "", upstream_tls);
        folder.write("own.pem", &authority.pem());
        folder.gateway_toml(tls).start()
    };
    for protocol in ["auto", "http/1.1", "h2"] {
        let settings = format!("tls = 'own'\nserver_name = 'site.example'\nprotocol = '{protocol}'");
        let gateway = start(ours, &settings, &authority);
        let response = gateway.get("/path?query");
        response.assert_status(200);
        assert_eq!(response.json()["target"], "/path?query", "{protocol}");
        gateway.send(&Request::post("/", "text/plain", vec![b'x'; 100_000])).assert_status(200);
    }
    let before = upstream.requests();
    let named = "tls = 'own'\nserver_name = 'site.example'";
    for (what, gateway) in [
        ("the certificate is for another host", start(ours, "tls = 'own'\nserver_name = 'other.example'", &authority)),
        ("it is for no address", start(ours, "tls = 'own'", &authority)),
        ("its authority is not ours", start(ours, named, &Authority::new())),
        ("its authority is not one of the system's", start("", "server_name = 'site.example'", &authority)),
    ] {
        let response = gateway.get("/");
        response.assert_problem(502);
        assert_eq!(gateway.access_log("/")["class"], "upstream_tls", "{what}");
    }
    assert_eq!(upstream.requests(), before);
    start("[tls.own]\nverify = false\n", "tls = 'own'", &authority).get("/").assert_status(200);
}

#[test]
fn the_gateway_shows_its_own_certificate_to_an_upstream_that_asks() {
    let (authority, members, upstream) = (Authority::new(), Authority::new(), Upstream::echo());
    let second = with_members(&authority, &members, &upstream, false).start();
    let tls = "[tls.own]\nca = 'own.pem'\ncertificate = 'us.pem'\nkey = 'secret:us'\n[secret.us]\nfile = 'us.key'\n";
    let folder = through(&second, "", "tls = 'own'\nserver_name = 'club.example'");
    folder.write("own.pem", &authority.pem());
    certificate(&folder, "us", &members.issue_to("A gateway", "spiffe://club/gateway"));
    let gateway = folder.gateway_toml(tls).start();
    let response = gateway.send(&Request::get("/").field("host", "club.example"));
    response.assert_status(200);
    assert_eq!(response.echoed("x-test-certificate"), ["https CN=A gateway uri:spiffe://club/gateway 43"]);
}

#[test]
fn settings_of_tls_that_mean_nothing_are_faults() {
    let (authority, upstream) = (Authority::new(), Upstream::echo());
    let second = showing(&[("site", &authority.issue(&["site.example"]))], &upstream).start();
    through(&second, "", "tls = 'gone'").run(&["check"]).assert(1, &["upstream.main.tls", "gone", "[tls.NAME]"]);
    let both = "verify = false\nca = 'own.pem'";
    let folder = through(&second, "", "");
    folder.write("own.pem", &authority.pem());
    folder.gateway_toml(&format!("[tls.own]\n{both}\n")).run(&["check"]).assert(1, &["tls.own.verify"]);
    let plain = Gateway::folder().upstream(&upstream);
    let api = "name = 'a'\nversion = '1'\n[upstream.u]\ntargets = ['http://$upstream']\nserver_name = 'a'\nprotocol = 'auto'\n";
    plain.api("a", api).run(&["check"]).assert(1, &["upstream.u.server_name", "upstream.u.protocol"]);
}

#[test]
fn a_body_that_breaks_off_never_looks_complete_inside_tls() {
    let upstream = Upstream::with(|exchange| {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nfirst";
        exchange.stream().write_all(head)?;
        // Neither a length nor chunks: only the end of the connection says where it ends, and that is a reset.
        socket2::SockRef::from(&*exchange.stream()).set_linger(Some(std::time::Duration::ZERO))?;
        Err(std::io::ErrorKind::ConnectionAborted.into())
    });
    let authority = Authority::new();
    let gateway = showing(&[("site", &authority.issue(&["site.example"]))], &upstream).start();
    let mut client = authority.connect(gateway.public(), "site.example", &Handshake::new()).unwrap();
    // HTTP/1.0 knows no chunks, so here too only the end says where it ends; it must not be a polite one.
    client.write(b"GET / HTTP/1.0\r\nhost: site.example\r\n\r\n");
    let mut rest = Vec::new();
    let read = std::io::Read::read_to_end(client.reader(), &mut rest);
    assert!(
        read.is_err() || !rest.starts_with(b"HTTP/1.0 200") && !rest.starts_with(b"HTTP/1.1 200"),
        "{read:?} {}",
        String::from_utf8_lossy(&rest)
    );
}

#[test]
fn a_metric_says_when_each_certificate_ends_and_follows_what_is_shown() {
    let (authority, upstream) = (Authority::new(), Upstream::echo());
    let first = authority.issue(&["first.example"]);
    let expired = authority.issue_expired("wild.example");
    let gateway = showing(&[("first", &first), ("wild", &expired)], &upstream).start();
    let ends = |host: &str| {
        let sample = "lockgate_certificate_expiry_timestamp_seconds";
        gateway.metric(&format!("{sample}{{listener=\"public\",host=\"{host}\"}}"))
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    assert!(ends("first.example").is_some_and(|at| at > now), "it is good");
    assert!(ends("wild.example").is_some_and(|at| 0.0 < at && at < now), "it is not");
    let renewed = authority.issue(&["wild.example"]);
    fs::write(gateway.root().join("wild.key"), &renewed.key).unwrap();
    gateway.write("wild.pem", &renewed.certificate);
    eventually("the certificate to be exchanged", || ends("wild.example").filter(|at| *at > now));
    let text = fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    gateway.write("gateway.toml", &text.replace(", { certificate = 'wild.pem', key = 'secret:wild' }", ""));
    eventually("the certificate to be gone", || ends("wild.example").is_none().then_some(()));
    assert!(ends("first.example").is_some());
}
