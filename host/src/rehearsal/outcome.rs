//! What came of an exchange, as text that is the same each time: what each hook said, what the upstream and the client saw, and what the
//! policy told others.

use std::fmt::{self, Write};

use http::{HeaderMap, Request, Response};

use super::body;
use super::log::Said;
use super::servers::Heard;
use crate::telemetry::Outcome as Blame;
use crate::telemetry::account::Call;
use crate::telemetry::metrics::{CallOutcome, Label};

/// What there is to tell.
pub(super) struct Outcome<'a> {
    pub(super) calls: &'a [Call],
    /// Class and blame, unless nothing was answered at all.
    pub(super) ended: Option<(&'static str, Blame)>,
    pub(super) asked: &'a [Request<Heard>],
    /// Or why there is none.
    pub(super) answered: &'a Result<Response<Heard>, String>,
    pub(super) said: &'a [Said],
    /// Counters of the policy that grew, and by how much.
    pub(super) counted: &'a [(String, u64)],
}

impl Outcome<'_> {
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        // An empty line between parts is for the eye, and there is nothing behind the last.
        text.truncate(text.trim_end_matches('\n').len());
        text + "\n"
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        self.verdict(out)?;
        let (services, upstream): (Vec<_>, Vec<_>) =
            self.asked.iter().partition(|asked| asked.body().service.is_some());
        for asked in services.into_iter().chain(upstream) {
            match &asked.body().service {
                Some(name) => writeln!(out, ">>> to service {name}{}", cut(asked.body()))?,
                None => writeln!(out, ">>> to upstream{}", cut(asked.body()))?,
            }
            writeln!(out, "{} {}", asked.method(), asked.uri())?;
            message(out, asked.headers(), asked.body())?;
        }
        match self.answered {
            Ok(answered) => {
                writeln!(out, ">>> to client{}", cut(answered.body()))?;
                let status = answered.status();
                writeln!(
                    out,
                    "{}",
                    format!("{} {}", status.as_str(), status.canonical_reason().unwrap_or_default()).trim_end()
                )?;
                message(out, answered.headers(), answered.body())?;
            }
            Err(reason) => writeln!(out, ">>> to client\nnothing: {reason}\n")?,
        }
        let said: Vec<_> = self.said.iter().filter(|said| said.by_policy).collect();
        if !said.is_empty() {
            writeln!(out, ">>> log")?;
            said.iter().try_for_each(|said| writeln!(out, "{}: {}", said.level, plain(&said.text)))?;
            writeln!(out)?;
        }
        if !self.counted.is_empty() {
            writeln!(out, ">>> counted")?;
            self.counted.iter().try_for_each(|(name, by)| writeln!(out, "{} {by}", plain(name)))?;
        }
        Ok(())
    }

    fn verdict(&self, out: &mut String) -> fmt::Result {
        writeln!(out, ">>> verdict")?;
        // Into how many pieces a body falls is nothing to rely on.
        let hooks: Vec<_> = self.calls.iter().map(|call| (call.hook, call.outcome)).collect();
        for piece in hooks.chunk_by(|one, other| one == other) {
            let (hook, outcome): (_, CallOutcome) = piece[0];
            writeln!(out, "{}: {}", hook.name(), outcome.name())?;
        }
        match self.ended {
            Some(("ok", _)) if hooks.is_empty() => writeln!(out, "no hook was called")?,
            None | Some(("ok", _)) => {}
            Some((class, blame)) => writeln!(out, "ended: {class}, by the {}", blame.name())?,
        }
        for about in self.said.iter().filter(|said| !said.by_policy) {
            writeln!(out, "reason: {}", plain(&about.text))?;
        }
        writeln!(out)
    }
}

fn cut(heard: &Heard) -> &'static str {
    if heard.cut { ", cut off" } else { "" }
}

fn message(out: &mut String, fields: &HeaderMap, heard: &Heard) -> fmt::Result {
    for (name, value) in fields {
        match std::str::from_utf8(value.as_bytes()) {
            Ok(value) => writeln!(out, "{name}: {}", plain(value))?,
            Err(_) => writeln!(out, "{name}: {}", value.as_bytes().escape_ascii())?,
        }
    }
    let body = body::shown(&heard.body);
    if !body.is_empty() {
        write!(out, "\n{body}")?;
    }
    writeln!(out)
}

/// On one line.
fn plain(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { letter.escape_default().to_string() } else { letter.into() })
        .collect()
}
