//! The messages llhttp is tested with: refused, or passed on in one way only.

mod corpus;

use std::io::{self, Write};

use lockgate_tests::{Gateway, Message, Recorder};

use crate::strictness::answering::{Answering, Outcome, Then};
use crate::strictness::{MARKER, exchange};
use corpus::Block;

/// File, heading, and why it is right to pass on what llhttp refuses.
type Known = &'static [(&'static str, &'static str, &'static str)];

const REQUESTS: Known = &[
    ("invalid", "HTTP protocol and ANNOUNCE method", "every token is a method (RFC 9110 section 9.1)"),
    ("invalid", "Invalid method", "every token is a method (RFC 9110 section 9.1)"),
    ("transfer-encoding", "No extension after semicolon", "extensions go no further, whatever they are"),
];

const RESPONSES: Known = &[
    (
        "invalid",
        "Only LFs present and no body",
        "LF may be taken for the end of a line (RFC 9112 section 2.2); CRLF goes on",
    ),
    ("invalid", "Only LFs present", "LF may be taken for the end of a line (RFC 9112 section 2.2); CRLF goes on"),
    ("sample", "No carriage ret", "LF may be taken for the end of a line (RFC 9112 section 2.2); CRLF goes on"),
    ("transfer-encoding", "Trailing space on chunked body", "some servers pad sizes; chunks of our own go on"),
    ("transfer-encoding", "No extension after semicolon", "extensions go no further, whatever they are"),
];

/// Counts for people who wonder what this test saw.
#[derive(Default)]
struct Counts {
    known: Known,
    blocks: usize,
    refused: usize,
    passed: usize,
    errors: usize,
    errors_passed: usize,
    surprises: Vec<String>,
}

impl Counts {
    /// Enter what became of a block. One that llhttp refuses has to be refused, or to be listed.
    fn enter(&mut self, block: &Block, refused: bool, seen: &str) {
        self.blocks += 1;
        *(if refused { &mut self.refused } else { &mut self.passed }) += 1;
        let Some(error) = &block.error else { return };
        self.errors += 1;
        let listed = self.known.iter().any(|(file, heading, _)| (*file, *heading) == (&block.file, &block.heading));
        self.errors_passed += usize::from(!refused);
        if refused == listed {
            self.surprises.push(format!("{block} is an error ({error}), listed: {listed}, and became {seen}"));
        }
    }

    /// Fail on surprises, or say what was seen: past the test harness, which hides what passing tests print.
    fn tell(&self, what: &str) {
        let Self { blocks, refused, passed, errors, errors_passed, surprises, .. } = self;
        assert!(surprises.is_empty(), "{}", surprises.join("\n"));
        let _ = writeln!(
            io::stderr(),
            "llhttp: {blocks} {what}: {refused} refused, {passed} passed on; of {errors} errors {errors_passed} passed on knowingly"
        );
    }
}

#[test]
fn requests_are_refused_or_passed_on_in_one_way() {
    let Some(blocks) = corpus::blocks("request") else { return };
    let upstream = Recorder::start();
    let gateway = Gateway::folder().gateway_toml("[runtime]\nworkers = 1").proxy_to(upstream.address()).start();
    // What is incomplete is completed by it, and what is complete is followed by it.
    let markers = MARKER.repeat(20);
    let mut counts = Counts { known: REQUESTS, ..Counts::default() };
    for block in &blocks {
        let responses = exchange(&gateway, &[&block.with_host()[..], markers.as_bytes()].concat());
        let requests = upstream.take();
        let answered = responses.iter().filter(|response| response.status() == 200).count();
        assert_eq!(requests.len(), answered, "{block}: {responses:?}");
        let own: Vec<_> = requests.iter().filter(|request| !request.start.contains("/marker")).collect();
        // Of a message that is an error nothing arrives. What follows it does only where its end was beyond doubt.
        let declined = responses.get(block.complete).is_some_and(|response| response.status() >= 400);
        let refused = match &block.error {
            Some(_) => own.len() <= block.complete && (declined || requests.len() == own.len()),
            None => own.is_empty(),
        };
        counts.enter(block, refused, &format!("{requests:?}"));
        let after = exchange(&gateway, MARKER.as_bytes());
        assert_eq!((after.len(), after[0].status(), upstream.take().len()), (1, 200, 1), "after {block}");
    }
    counts.tell("requests");
}

#[test]
fn responses_are_refused_or_passed_on_in_one_way() {
    let Some(blocks) = corpus::blocks("response") else { return };
    let answering = Answering::start();
    let mut counts = Counts { known: RESPONSES, ..Counts::default() };
    for block in &blocks {
        let outcome = answering.outcome("GET", &block.bytes, Then::Closes);
        // The first response is the answer. Whatever is wrong with what follows it, nobody gets that.
        let about_the_rest = block.complete > 0 && block.error.is_some();
        let refused = about_the_rest || !matches!(outcome, Outcome::Message(_));
        counts.enter(block, refused, &format!("{outcome:?}"));
        if let Outcome::Message(Message { start, .. }) = outcome {
            assert!(start.starts_with("HTTP/1.1 "), "{block}: {start}");
        }
    }
    counts.tell("responses");
}
