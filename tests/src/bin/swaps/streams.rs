//! Clients whose exchange takes long, so that several swaps happen meanwhile: it ends by the generation it began with.

use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use lockgate_tests::{Client, Request, read_head};

use crate::certificates::HOST;
use crate::clients::Act;
use crate::history::Wrong;
use crate::stage::{get, said};
use crate::state::{Asked, Said};
use crate::upstream::{LARGE, LAST_EVENT};

/// Of an upload, and of its pieces.
const UPLOAD: usize = 256 << 10;
const PIECE: usize = 512;
/// From one piece to the next.
const PAUSE: Duration = Duration::from_millis(8);
/// A slow client reads so much at a time.
const SIP: usize = 8 << 10;

impl Act<'_> {
    /// Judge the head of a response that came when `most` was the newest state, by a request that began when `least`
    /// was known to serve.
    fn judged(&mut self, said: &Said, [least, most]: [usize; 2]) -> bool {
        match self.stage.history.judge_between(Asked::Proxied, said, least, most) {
            Ok(_) => true,
            Err(wrong) => {
                self.stage.wrong(&mut self.accounts, self.kind, wrong);
                false
            }
        }
    }

    fn over(&mut self, least: usize) {
        self.accounts.right(self.kind);
        // As in [`crate::history::History::has_outlasted`], but not because everything ends.
        if self.stage.history.confirmed() >= least + 3 {
            self.accounts.outlasted(self.kind);
        }
        self.pace.did();
    }

    fn failed(&mut self, what: String) {
        self.stage.wrong(&mut self.accounts, self.kind, Wrong::Failed(what));
    }
}

/// A body that takes its time. The response comes after it, and is of the generation that took the head.
pub(crate) fn upload(act: &mut Act<'_>) -> io::Result<()> {
    let (stage, least) = (act.stage, act.stage.history.confirmed());
    let mut client = stage.gateway.connect();
    let id = act.dice.throw(u64::MAX);
    let request = Request::new("POST", &Asked::Proxied.path(&format!("upload?{id}"))).field("host", HOST);
    client.send_only(&request.field("content-length", &UPLOAD.to_string()))?;
    if !stage.arrived.wait_for(id) {
        act.failed("an upload never came to the upstream".to_owned());
        return Ok(());
    }
    let (most, mut left) = (stage.history.newest(), UPLOAD);
    while left > PIECE && !stage.history.has_outlasted(least) {
        client.stream().write_all(&[b'x'; PIECE])?;
        left -= PIECE;
        sleep(PAUSE);
    }
    client.stream().write_all(&vec![b'x'; left])?;
    let response = client.receive("POST")?;
    let said = Said { body: String::new(), ..said(&response) };
    if act.judged(&said, [least, most]) {
        act.over(least);
    }
    Ok(())
}

/// Events, all of which come, in their order.
pub(crate) fn events(act: &mut Act<'_>) -> io::Result<()> {
    let (stage, least) = (act.stage, act.stage.history.confirmed());
    let mut client = stage.gateway.connect();
    client.send_only(&get(&Asked::Proxied.path("events")))?;
    let (status, fields) = client.receive_head()?;
    let most = stage.history.newest();
    let response = client.receive_body("GET", status, fields)?;
    if !act.judged(&Said { body: String::new(), ..said(&response) }, [least, most]) {
        return Ok(());
    }
    let text = response.text();
    let numbers = text.strip_suffix(LAST_EVENT).map(|text| text.split_terminator("\n\n").enumerate());
    let is_whole = |mut events: std::iter::Enumerate<std::str::SplitTerminator<'_, &str>>| {
        events.all(|(number, event)| event == format!("data: {number}"))
    };
    match numbers.is_some_and(is_whole) {
        true => act.over(least),
        false => act.failed(format!("events are missing or others: {text:?}")),
    }
    Ok(())
}

/// A tunnel, through which everything comes back.
pub(crate) fn socket(act: &mut Act<'_>) -> io::Result<()> {
    let (stage, least) = (act.stage, act.stage.history.confirmed());
    let mut client = stage.gateway.connect();
    let request = get(&Asked::Proxied.path("socket")).field("connection", "upgrade").field("upgrade", "websocket");
    client.send_only(&request)?;
    let (start, fields) = read_head(client.reader())?;
    let most = stage.history.newest();
    let values =
        |name: &str| fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str()).collect();
    let said = Said::new(200, b"", values);
    if !start.starts_with("HTTP/1.1 101 ") {
        act.failed(format!("no upgrade: {start}, {fields:?}"));
        return Ok(());
    }
    if !act.judged(&said, [least, most]) {
        return Ok(());
    }
    loop {
        let piece: Vec<_> = (0..PIECE).map(|_| act.dice.throw(256) as u8).collect();
        client.stream().write_all(&piece)?;
        let mut back = vec![0; PIECE];
        client.reader().read_exact(&mut back)?;
        if back != piece {
            act.failed("other bytes came back through a tunnel".to_owned());
            return Ok(());
        }
        if stage.history.has_outlasted(least) {
            break;
        }
        sleep(PAUSE);
    }
    act.over(least);
    Ok(())
}

/// Whoever needs long for a head and for an answer.
pub(crate) fn slow(act: &mut Act<'_>) -> io::Result<()> {
    let stage = act.stage;
    let mut client = stage.gateway.connect();
    let head = format!("GET {} HTTP/1.1\r\nhost: {HOST}\r\n\r\n", Asked::Proxied.path("large"));
    let (slowly, last) = head.as_bytes().split_at(head.len() - 1);
    for piece in slowly.chunks(8) {
        client.stream().write_all(piece)?;
        sleep(PAUSE);
    }
    let least = stage.history.confirmed();
    client.stream().write_all(last)?;
    let (status, fields) = client.receive_head()?;
    let most = stage.history.newest();
    sip(&mut client)?;
    let values =
        |name: &str| fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str()).collect();
    if act.judged(&Said::new(status, b"", values), [least, most]) {
        act.over(least);
    }
    Ok(())
}

fn sip(client: &mut Client) -> io::Result<()> {
    let reader: &mut BufReader<TcpStream> = client.reader();
    let mut sip = vec![0; SIP];
    for _ in 0..LARGE / SIP {
        reader.read_exact(&mut sip)?;
        sleep(PAUSE);
    }
    Ok(())
}
