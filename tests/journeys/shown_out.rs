//! Who may connect with a certificate is narrowed: clients that would not get in any more are shown out, with what they have begun.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, SystemTime};

use lockgate_tests::{Authority, Certificate, Handshake, Request, TlsClient, Upstream, eventually};

use super::tls::with_members;

/// What comes until a connection is closed, which whoever says nothing is not told inside TLS.
fn rest(mut client: TlsClient) -> Vec<u8> {
    let mut rest = Vec::new();
    if let Err(error) = client.reader().read_to_end(&mut rest) {
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{error}");
    }
    rest
}

#[test]
fn whoever_would_not_get_in_any_more_is_shown_out_and_all_others_stay() {
    let (authority, upstream) = (Authority::new(), Upstream::echo());
    let (stays, goes) = (Authority::new(), Authority::new());
    let both = format!("{}{}", stays.pem(), goes.pem());
    let folder = with_members(&authority, &stays, &upstream, false);
    folder.write("members.pem", &both);
    let gateway = folder.start();
    let enter = |host: &str, identity: Option<Certificate>| {
        let handshake = identity.iter().fold(Handshake::new(), |handshake, identity| handshake.showing(identity));
        let mut client = authority.connect(gateway.public(), host, &handshake).unwrap();
        client.send(&Request::get("/").field("host", host)).assert_status(200);
        client
    };
    let (ada, eve) = (stays.issue_to("Ada", "spiffe://club/ada"), goes.issue_to("Eve", "spiffe://club/eve"));
    let mut ada = enter("club.example", Some(ada));
    let (mut eve, idle) = (enter("club.example", Some(eve.clone())), enter("club.example", Some(eve)));
    let mut anybody = enter("open.example", None);
    gateway.write("members.pem", &stays.pem());
    gateway.wait_for_generation(2);
    // At once, nothing more is done for them, and soon they are closed, whether they ask or not.
    eve.send(&Request::get("/").field("host", "club.example")).assert_problem(421);
    assert_eq!(rest(eve), b"");
    assert_eq!(rest(idle), b"");
    ada.send(&Request::get("/").field("host", "club.example")).assert_status(200);
    anybody.send(&Request::get("/").field("host", "open.example")).assert_status(200);
    // Whom more are admitted beside is not concerned either.
    gateway.write("members.pem", &both);
    gateway.wait_for_generation(3);
    let response = ada.send(&Request::get("/").field("host", "club.example"));
    assert_eq!((response.status, response.field("connection")), (200, None));
}

#[test]
fn a_certificate_that_ended_opens_nothing_any_more() {
    let (authority, members, upstream) = (Authority::new(), Authority::new(), Upstream::echo());
    let gateway = with_members(&authority, &members, &upstream, false).start();
    let ends = SystemTime::now() + Duration::from_secs(5);
    let handshake = Handshake::new().showing(&members.issue_until("Ada", "spiffe://club/ada", ends));
    let ask = Request::get("/").field("host", "club.example");
    let enter = || authority.connect(gateway.public(), "club.example", &handshake);
    let (mut ada, mut waits) = (enter().unwrap(), enter().unwrap());
    waits.send(&ask).assert_status(200);
    // Until the gateway's clock is past it, each request is answered; the last hears that it is.
    eventually("the certificate to end", || (ada.send(&ask).field("connection") == Some("close")).then_some(()));
    assert!(SystemTime::now() >= ends - Duration::from_secs(1), "that was before its end");
    waits.send(&ask).assert_problem(421);
    for connection in [ada, waits] {
        assert_eq!(rest(connection), b"", "what is of no use any more is not kept open");
    }
    // Nor does the session it had open anything.
    let again = enter().and_then(|mut again| again.try_send(&ask));
    assert!(again.as_ref().is_err() || again.as_ref().is_ok_and(|response| response.status == 421), "{again:?}");
}

#[test]
fn what_a_client_has_begun_that_would_not_get_in_any_more_is_ended() {
    let upstream = Upstream::with(|exchange| match exchange.target.as_str() {
        "/socket" => {
            let head = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
            exchange.stream().write_all(head.as_bytes())?;
            exchange.until_closed()
        }
        _ => {
            let body = exchange.body()?;
            exchange.reply(200, &[], &body)
        }
    });
    let (authority, members) = (Authority::new(), Authority::new());
    let folder = with_members(&authority, &members, &upstream, false);
    let api = fs::read_to_string(folder.policies().join("proxy/api.toml")).unwrap();
    folder.write("proxy/api.toml", &format!("{api}\nupgrades = [\"websocket\"]\n"));
    let gateway = folder.start();
    let member = Handshake::new().showing(&members.issue_to("Ada", "spiffe://club/ada"));
    let enter = || authority.connect(gateway.public(), "club.example", &member).unwrap();
    let (mut socket, mut upload) = (enter(), enter());
    let upgrade = Request::get("/socket").field("host", "club.example");
    socket.send_only(&upgrade.field("connection", "upgrade").field("upgrade", "websocket")).unwrap();
    let (start, _) = lockgate_tests::read_head(socket.reader()).unwrap();
    assert!(start.starts_with("HTTP/1.1 101 "), "{start}");
    upload.send_only(&Request::new("POST", "/").field("host", "club.example").field("content-length", "4")).unwrap();
    upload.write(b"ha");
    upstream.wait_for_requests(2);
    gateway.write("members.pem", &Authority::new().pem());
    gateway.wait_for_generation(2);
    // Going away (RFC 6455 section 7.4.1).
    assert_eq!(rest(socket), [0x88, 2, 3, 0xe9]);
    upload.write(b"lf");
    let response = upload.receive("POST").unwrap();
    assert_eq!((response.text().as_str(), response.field("connection")), ("half", Some("close")));
    assert_eq!(rest(upload), b"");
}
