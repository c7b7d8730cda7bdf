//! Clients of all kinds, each of which goes on until it is told to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use lockgate_tests::http2::Http2Client;
use lockgate_tests::{Authority, Client, Dice, Gateway, Handshake, Pace, Request, eventually};

use crate::tally::Tally;
use crate::upstream::{EVENT, EVENTS, LARGE, is_large, large};

pub(crate) const HOST: &str = "site.example";
/// Requests on a connection before a client opens another.
const KEPT: usize = 200;
/// Connections of one client that does nothing with them.
const IDLE: usize = 50;
/// What may be asked for again is; a write that was under way when its upstream died is lost, and so is a body.
const READ: &[u16] = &[200];
const WRITTEN: &[u16] = &[200, 502];
const SWALLOWED: &[u16] = &[503, 504];

/// What clients need.
pub(crate) struct Stage {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) authority: Authority,
    secure: SocketAddr,
}

/// A kind of client: its name, and what it does over and over.
#[derive(Clone, Copy)]
pub(crate) struct Kind(fn(&Stage, &mut Dice, &mut Tally, &Pace) -> io::Result<()>);

pub(crate) const KINDS: &[Kind] =
    &[Kind(plain), Kind(secure), Kind(http2), Kind(transfers), Kind(events), Kind(leaves), Kind(swallowed), Kind(idle)];

impl Stage {
    pub(crate) fn new(gateway: Gateway, authority: Authority) -> Self {
        let secure = gateway.listener("secure");
        Self { gateway: Arc::new(gateway), authority, secure }
    }

    /// One of each, so that what is needed once is there.
    pub(crate) fn warm(&self) {
        self.gateway.get("/").assert_status(200);
        let mut client = self.authority.connect(self.secure, HOST, &Handshake::new()).unwrap();
        client.send(&Request::get("/").field("host", HOST)).assert_status(200);
    }

    /// The last lines of the access log about errors that nobody meant.
    pub(crate) fn errors(&self) -> String {
        let written = self.gateway.written();
        let errors = written.lines().filter(|line| line.contains("\"status\":50") && !line.contains("/hole"));
        let mut last: Vec<_> = errors.rev().take(20).collect();
        last.reverse();
        last.join("\n")
    }

    /// How many files are open once all clients' connections have ended; what is kept for upstreams is among them.
    pub(crate) fn files_left(&self) -> usize {
        let open = |listener: &str| self.gateway.metric(&format!("lockgate_connections{{listener=\"{listener}\"}}"));
        eventually("no connection to be left", || {
            ["public", "secure"].iter().all(|name| open(name) == Some(0.0)).then_some(())
        });
        self.gateway.open_files()
    }
}

impl Kind {
    pub(crate) fn run(self, stage: &Stage, seed: u64, pace: &Pace) -> Tally {
        let (mut tally, mut dice) = (Tally::default(), Dice::new(seed));
        while pace.goes_on() {
            if let Err(error) = self.0(stage, &mut dice, &mut tally, pace) {
                tally.broke("connection", &error);
            }
        }
        tally
    }
}

fn plain(stage: &Stage, dice: &mut Dice, tally: &mut Tally, pace: &Pace) -> io::Result<()> {
    let mut client = stage.gateway.connect();
    for _ in 0..=dice.throw(KEPT as u64) {
        if !pace.goes_on() {
            break;
        }
        ask(&mut client, dice, tally, pace, ["read", "write"])?;
    }
    Ok(())
}

fn secure(stage: &Stage, dice: &mut Dice, tally: &mut Tally, pace: &Pace) -> io::Result<()> {
    let mut client = stage.authority.connect(stage.secure, HOST, &Handshake::new())?;
    for _ in 0..=dice.throw(20) {
        ask(&mut client, dice, tally, pace, ["read inside TLS", "write inside TLS"])?;
    }
    Ok(())
}

fn ask<S: io::Read + io::Write>(
    client: &mut Client<S>,
    dice: &mut Dice,
    tally: &mut Tally,
    pace: &Pace,
    [read, write]: [&'static str; 2],
) -> io::Result<()> {
    if dice.throw(3) > 0 {
        let response = client.try_send(&Request::get("/small").field("host", HOST))?;
        tally.answered(read, response.status, READ);
    } else {
        let body = vec![b'x'; dice.throw(20_000) as usize];
        let response = client.try_send(&Request::post("/small", "text/plain", body.clone()).field("host", HOST))?;
        tally.answered(write, response.status, WRITTEN);
        if response.status == 200 && response.body != body {
            tally.fault(write, "another body");
        }
    }
    pace.did();
    Ok(())
}

fn http2(stage: &Stage, dice: &mut Dice, tally: &mut Tally, pace: &Pace) -> io::Result<()> {
    let mut client = Http2Client::connect(stage.gateway.public());
    for _ in 0..=dice.throw(KEPT as u64) {
        if !pace.goes_on() {
            break;
        }
        let (kind, method, body, may_be) = match dice.throw(3) {
            0 => ("write over HTTP/2", Method::POST, vec![b'x'; dice.throw(20_000) as usize], WRITTEN),
            _ => ("read over HTTP/2", Method::GET, Vec::new(), READ),
        };
        let request = client.request(method, "/small");
        let response = client.try_send(request, body, None).map_err(io::Error::other)?;
        tally.answered(kind, response.status.as_u16(), may_be);
        pace.did();
    }
    Ok(())
}

/// A large body, in one direction or the other. It may break off when its upstream dies, but never look whole then.
fn transfers(stage: &Stage, dice: &mut Dice, tally: &mut Tally, pace: &Pace) -> io::Result<()> {
    let mut client = stage.gateway.connect();
    if dice.throw(2) == 0 {
        let response = client.try_send(&Request::new("PUT", "/large").body(large()))?;
        tally.answered("upload", response.status, WRITTEN);
    } else {
        client.send_only(&Request::get("/large"))?;
        let (status, _) = client.receive_head()?;
        tally.answered("download", status, READ);
        match is_large(client.reader()) {
            Ok(true) => tally.did("download", "whole"),
            Ok(false) => tally.fault("download", "another body"),
            Err(_) => tally.did("download", "broken off"),
        }
    }
    pace.did();
    Ok(())
}

fn events(stage: &Stage, _: &mut Dice, tally: &mut Tally, pace: &Pace) -> io::Result<()> {
    let mut client = stage.gateway.connect();
    match client.try_send(&Request::get("/events")) {
        Ok(response) => {
            tally.answered("events", response.status, READ);
            if response.text() != EVENT.repeat(EVENTS) {
                tally.fault("events", "others");
            }
        }
        Err(_) => tally.did("events", "broken off"),
    }
    pace.did();
    Ok(())
}

/// Leaves in the middle of a request or of a response.
fn leaves(stage: &Stage, dice: &mut Dice, tally: &mut Tally, pace: &Pace) -> io::Result<()> {
    let mut client = stage.gateway.connect();
    match dice.throw(3) {
        0 => client.write(b"GET /small HTTP/1.1\r\nhost"),
        1 => client.send_only(&Request::new("PUT", "/large").field("content-length", &LARGE.to_string()))?,
        _ => {
            client.send_only(&Request::get("/large"))?;
            client.receive_head()?;
        }
    }
    tally.did("leaves", "early");
    pace.did();
    Ok(())
}

fn swallowed(stage: &Stage, _: &mut Dice, tally: &mut Tally, pace: &Pace) -> io::Result<()> {
    let mut client = stage.gateway.connect();
    let response = client.try_send(&Request::get("/hole"))?;
    tally.answered("into a black hole", response.status, SWALLOWED);
    pace.did();
    Ok(())
}

fn idle(stage: &Stage, dice: &mut Dice, tally: &mut Tally, pace: &Pace) -> io::Result<()> {
    let mut clients: Vec<_> = (0..IDLE).map(|_| stage.gateway.connect()).collect();
    std::thread::sleep(Duration::from_millis(dice.throw(500)));
    for client in &mut clients {
        let response = client.try_send(&Request::get("/small"))?;
        tally.answered("after a while", response.status, READ);
        pace.did();
    }
    Ok(())
}
