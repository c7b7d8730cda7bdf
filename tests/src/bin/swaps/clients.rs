//! Clients that ask for one thing after the other, each until it is told to stop.

use std::io;
use std::thread::sleep;
use std::time::Duration;

use http::Method;
use lockgate_tests::http2::Http2Client;
use lockgate_tests::http2::{Http2Response, read};
use lockgate_tests::{Dice, Pace};

use crate::accounts::Accounts;
use crate::stage::Stage;
use crate::state::Said;
use crate::streams;

/// Requests on a connection before a client opens another.
const KEPT: u64 = 300;
/// Requests at once on a connection of HTTP/2.
const AT_ONCE: u64 = 4;
/// Longest pause before the next request, in milliseconds.
const PAUSE: u64 = 20;

/// A kind of client: its name, how many there are, and what each does over and over.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) count: usize,
    act: fn(&mut Act<'_>) -> io::Result<()>,
}

pub(crate) const KINDS: &[Kind] = &[
    Kind { name: "HTTP/1.1 kept", count: 3, act: kept },
    Kind { name: "HTTP/1.1 new", count: 1, act: new },
    Kind { name: "HTTP/2", count: 2, act: http2 },
    Kind { name: "TLS", count: 2, act: secure },
    Kind { name: "upload", count: 2, act: streams::upload },
    Kind { name: "event stream", count: 2, act: streams::events },
    Kind { name: "WebSocket", count: 2, act: streams::socket },
    Kind { name: "slow", count: 2, act: streams::slow },
];

/// What a client has at hand.
pub(crate) struct Act<'a> {
    pub(crate) kind: &'static str,
    pub(crate) stage: &'a Stage,
    pub(crate) dice: Dice,
    pub(crate) accounts: Accounts,
    pub(crate) pace: &'a Pace,
}

impl Kind {
    /// So many of each, in a row.
    pub(crate) fn all() -> Vec<&'static Self> {
        KINDS.iter().flat_map(|kind| std::iter::repeat_n(kind, kind.count)).collect()
    }

    pub(crate) fn run(&self, stage: &Stage, seed: u64, pace: &Pace) -> Accounts {
        let mut act = Act { kind: self.name, stage, dice: Dice::new(seed), accounts: Accounts::default(), pace };
        while pace.goes_on() {
            if let Err(error) = (self.act)(&mut act) {
                stage.reset(&mut act.accounts, self.name, &error);
            }
        }
        act.accounts
    }
}

impl Act<'_> {
    fn pause(&mut self) {
        self.pace.did();
        sleep(Duration::from_micros(self.dice.throw(PAUSE * 1000)));
    }
}

fn kept(act: &mut Act<'_>) -> io::Result<()> {
    let mut client = act.stage.gateway.connect();
    let mut seen = 0;
    for _ in 0..=act.dice.throw(KEPT) {
        if !act.pace.goes_on() {
            break;
        }
        let asked = act.stage.question(&mut act.dice);
        act.stage.ask(&mut client, asked, act.kind, &mut seen, &mut act.accounts)?;
        act.pause();
    }
    Ok(())
}

fn new(act: &mut Act<'_>) -> io::Result<()> {
    let mut client = act.stage.gateway.connect();
    let asked = act.stage.question(&mut act.dice);
    act.stage.ask(&mut client, asked, act.kind, &mut 0, &mut act.accounts)?;
    act.pause();
    Ok(())
}

fn secure(act: &mut Act<'_>) -> io::Result<()> {
    let stage = act.stage;
    let least = stage.history.confirmed();
    let (mut client, shown) = stage.parts.certificates.connect(stage.secure)?;
    if let Err(wrong) = stage.history.judge_certificate(shown, least) {
        stage.wrong(&mut act.accounts, act.kind, wrong);
    }
    let mut seen = 0;
    for _ in 0..=act.dice.throw(20) {
        let asked = stage.question(&mut act.dice);
        stage.ask(&mut client, asked, act.kind, &mut seen, &mut act.accounts)?;
        act.pause();
    }
    Ok(())
}

fn http2(act: &mut Act<'_>) -> io::Result<()> {
    let stage = act.stage;
    let mut client = Http2Client::connect(stage.gateway.public());
    let mut seen = 0;
    for _ in 0..=act.dice.throw(KEPT) {
        if !act.pace.goes_on() {
            break;
        }
        let least = stage.history.confirmed().max(seen);
        let mut begun = Vec::new();
        for _ in 0..=act.dice.throw(AT_ONCE) {
            let asked = stage.question(&mut act.dice);
            let request = client.request(Method::GET, &asked.path("echo"));
            begun.push((asked, client.begin(request, true).map_err(io::Error::other)?.0));
        }
        for (asked, response) in begun {
            let said = said(&client.wait(read(response)).map_err(io::Error::other)?);
            match stage.history.judge(asked, &said, least) {
                Ok(at) => {
                    seen = seen.max(at);
                    act.accounts.right(act.kind);
                }
                Err(wrong) => stage.wrong(&mut act.accounts, act.kind, wrong),
            }
        }
        act.pause();
    }
    Ok(())
}

fn said(response: &Http2Response) -> Said {
    let values = |name: &str| {
        response.headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default()).collect::<Vec<_>>()
    };
    Said::new(response.status.as_u16(), &response.body, values)
}
