//! What came of the exchanges, for people and for programs.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use super::super::super::out;
use super::super::subject::Edition;
use crate::rehearsal::{Played, Scene};
use crate::telemetry::account::Call;
use crate::telemetry::metrics::Label;

/// Everything there is to say.
#[derive(Serialize)]
pub(super) struct Report {
    pub(super) ok: bool,
    policy: String,
    digest: String,
    files: Vec<File>,
}

#[derive(Serialize)]
pub(super) struct File {
    file: String,
    /// Why none of it was played.
    faults: Vec<String>,
    exchanges: Vec<Exchange>,
}

#[derive(Serialize)]
pub(super) struct Exchange {
    title: String,
    line: usize,
    state: State,
    outcome: String,
    expected: Option<String>,
    calls: Vec<Spent>,
    /// Calls beyond those.
    left_out: usize,
}

/// How what came out is to what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Same,
    Different,
    /// Nobody said what to expect.
    New,
    /// It was written into the file.
    Updated,
}

/// What one call of a hook took.
#[derive(Serialize)]
struct Spent {
    hook: &'static str,
    outcome: &'static str,
    cpu_us: Option<u128>,
    wall_us: u128,
    memory_bytes: usize,
    host_calls: u32,
    instance: &'static str,
}

impl Report {
    pub(super) fn of(edition: &Edition, files: Vec<File>) -> Self {
        let is_right = |exchange: &Exchange| matches!(exchange.state, State::Same | State::Updated);
        let ok = files.iter().all(|file| file.faults.is_empty() && file.exchanges.iter().all(is_right));
        Self { ok, policy: edition.name.clone(), digest: edition.inspection.digest.to_string(), files }
    }

    /// Print it for people.
    pub(super) fn show(&self) {
        let paint = Paint(std::io::stdout().is_terminal());
        for file in &self.files {
            out::line(&file.file);
            file.exchanges.iter().for_each(|exchange| out::text(&exchange.text(paint)));
            // In their order on a terminal and in files alike.
            let _ = std::io::stdout().flush();
            file.faults.iter().for_each(|fault| out::error(&out::plain(fault)));
        }
        let count = |state| self.files.iter().flat_map(|file| &file.exchanges).filter(|it| it.state == state).count();
        let counts = [(State::Same, "as expected"), (State::Updated, "updated"), (State::Different, "different")];
        let counts = counts.into_iter().chain([(State::New, "without an outcome to compare with")]);
        let said: Vec<_> = counts.map(|(state, words)| (count(state), words)).filter(|(count, _)| *count > 0).collect();
        let said: Vec<_> = said.into_iter().map(|(count, words)| format!("{count} {words}")).collect();
        out::line(&match said.as_slice() {
            [] => "no exchange was played".to_owned(),
            said => said.join(", "),
        });
        if count(State::New) > 0 {
            out::line(
                "`--update` writes what came of them into the file. Read it, and it is what is expected from now on.",
            );
        }
    }
}

impl File {
    pub(super) fn faulty(path: &Path, faults: Vec<String>) -> Self {
        Self { file: path.display().to_string(), faults, exchanges: Vec::new() }
    }

    pub(super) fn played(path: &Path, exchanges: Vec<Exchange>) -> Self {
        Self { file: path.display().to_string(), faults: Vec::new(), exchanges }
    }
}

impl Exchange {
    pub(super) fn of(scene: Scene, played: Played, instance: &'static str, update: bool) -> Self {
        let state = match &scene.expected {
            _ if scene.expects(&played.outcome) => State::Same,
            _ if update => State::Updated,
            Some(_) => State::Different,
            None => State::New,
        };
        let (Scene { title, line, expected, .. }, Played { outcome, calls, left_out }) = (scene, played);
        let calls = calls.iter().map(|call| Spent::of(call, instance)).collect();
        Self { title, line, state, outcome, expected, calls, left_out }
    }

    fn text(&self, paint: Paint) -> String {
        let mark = match self.state {
            State::Same => paint.green("ok     "),
            State::Updated => paint.green("updated"),
            State::Different => paint.red("FAIL   "),
            State::New => paint.red("new    "),
        };
        let mut text = format!("  {mark} {}\n", out::plain(&self.title));
        for call in &self.calls {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "            {}", call.text());
        }
        if self.left_out > 0 {
            let _ = writeln!(text, "            and {} calls more", self.left_out);
        }
        match (self.state, &self.expected) {
            (State::Different, Some(expected)) => text + &difference(expected, &self.outcome, paint),
            (State::New, _) => text + &indented(&self.outcome),
            _ => text,
        }
    }
}

impl Spent {
    fn of(call: &Call, instance: &'static str) -> Self {
        Self {
            hook: call.hook.name(),
            outcome: call.outcome.name(),
            cpu_us: call.spent.cpu.as_ref().map(Duration::as_micros),
            wall_us: call.took.as_micros(),
            memory_bytes: call.spent.memory,
            host_calls: call.spent.host_calls,
            instance,
        }
    }

    fn text(&self) -> String {
        let cpu = self.cpu_us.map_or_else(|| "-".to_owned(), |cpu| cpu.to_string());
        let Self { hook, outcome, wall_us, host_calls, instance, .. } = self;
        let (memory, calls) =
            (self.memory_bytes.div_ceil(1024), if *host_calls == 1 { "host call" } else { "host calls" });
        format!(
            "{hook:<9} {outcome:<8} {cpu:>6} us CPU {wall_us:>6} us {memory:>6} KiB {host_calls:>3} {calls}  {instance}"
        )
    }
}

/// Lines that were expected and are missing, and those that are there instead, with what stands around them; `...` is
/// for what is left out.
fn difference(expected: &str, outcome: &str, paint: Paint) -> String {
    let diff = TextDiff::from_lines(expected, outcome);
    let mut text = String::new();
    for group in diff.grouped_ops(3) {
        if group.first().is_some_and(|op| op.new_range().start > 0) {
            let _ = writeln!(text, "          ...");
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let line = out::plain(change.value().trim_end_matches('\n'));
            let line = match change.tag() {
                ChangeTag::Equal => format!("  {line}"),
                ChangeTag::Delete => paint.red(&format!("- {line}")),
                ChangeTag::Insert => paint.green(&format!("+ {line}")),
            };
            let _ = writeln!(text, "        {line}");
        }
    }
    text
}

fn indented(outcome: &str) -> String {
    outcome.lines().map(|line| format!("          {}", out::plain(line)).trim_end().to_owned() + "\n").collect()
}

/// Colours, where a person reads.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    fn with(self, colour: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
