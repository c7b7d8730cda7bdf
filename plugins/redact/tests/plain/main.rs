//! Configurations, documents and cuts made up: what passes is what the README says of the whole document.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panic")]

mod action;
mod arbitrary;
mod config;
mod dom;
mod made;
mod policy;
mod select;
#[path = "../support/mod.rs"]
mod support;

use arbitrary::{config, who};
use config::{Config, Who};
use dom::Document;
use lockgate_sdk::Direction;
use lockgate_sdk::testing::{self, crypto};
use made::{Made, Writer, long, made, undone};
use policy::{Blocked, Policy};
use proptest::prelude::*;
use std::ops::Range;

const WHITE: &[char] = &[' ', '\n', '\t', '\r'];
/// Where lines have a meaning.
const WHITE_OF_A_LINE: &[char] = &[' ', '\t'];

/// Who sends or asks for what, and how it comes.
#[derive(Clone, Debug)]
struct Passage {
    direction: Direction,
    who: Who,
    /// How long the pieces are, again and again.
    pieces: Vec<usize>,
}

fn passage() -> impl Strategy<Value = Passage> {
    let direction = prop_oneof![6 => Just(Direction::Response), 1 => Just(Direction::Request)];
    let pieces = prop_oneof![1 => Just(vec![1]), 4 => prop::collection::vec(1_usize..60, 1..8)];
    (direction, who(), pieces).prop_map(|(direction, who, pieces)| Passage { direction, who, pieces })
}

/// Documents, and a configuration that selects some of what is in them.
fn case(made: impl Strategy<Value = Made>, count: Range<usize>) -> impl Strategy<Value = (Vec<Made>, Config)> {
    prop::collection::vec(made, count).prop_flat_map(|made| {
        let places = made.iter().flat_map(Made::places).collect();
        (Just(made), config(places))
    })
}

impl Passage {
    /// What becomes of a body; none where the configuration asks for more than is taken.
    fn judged(&self, config: &Config, media_type: &str, body: &str) -> Option<Result<String, u16>> {
        let policy = match testing::configure(&config.written()) {
            Ok(policy) => policy,
            Err(faults) if faults.iter().all(|fault| fault.path.is_empty()) => return None,
            Err(faults) => panic!("{faults:?} of {}", config.written()),
        };
        // What was counted is not asked for.
        testing::reset();
        crypto::sign_with(|asked| Ok(action::signed(asked.message)));
        let message = support::Message { direction: self.direction, who: &self.who, media_type, ..Default::default() };
        let whole = message.judged_whole(&policy, body);
        assert_eq!(message.judged_in(&policy, body, &self.pieces), whole, "in pieces of {:?}", self.pieces);
        Some(whole)
    }
}

/// What is expected of some documents: none where they are not looked at, `Err` where they are blocked.
type Expected = Option<Result<Vec<Document>, Blocked>>;

/// What is expected, and which of the words may not be left.
fn expected(config: &Config, passage: &Passage, documents: &[Document]) -> (Expected, Vec<String>) {
    let Some(mut policy) = Policy::of(config, passage.direction, &passage.who) else { return (None, Vec::new()) };
    let left = documents.iter().map(|document| policy.document(document)).collect();
    (Some(left), policy.hidden.iter().map(|hidden| undone(hidden)).collect())
}

fn holds(config: &Config, passage: &Passage, bodies: &[String], words: &[String], as_a: &As) -> Result<(), TestCaseError> {
    let body: String = bodies.iter().map(|body| [as_a.before, body, as_a.after].concat()).collect();
    let Some(came) = passage.judged(config, as_a.media_type, &body) else {
        return Err(TestCaseError::reject("too complex"));
    };
    let documents: Option<Vec<Document>> = bodies.iter().map(|body| Document::read(body)).collect();
    let (expected, hidden) = match &documents {
        Some(documents) => expected(config, passage, documents),
        // Whether it is looked at is all that matters of one that is malformed.
        None => expected(config, passage, &[]),
    };
    {
        let what = match (&expected, &documents) { (None, _) => "inactive".to_owned(), (_, None) => "malformed".to_owned(), (Some(Err(_)), _) => "blocked".to_owned(),
            (Some(Ok(all)), Some(d)) => if all == d { "same".to_owned() } else { let t = format!("{all:?}"); format!("changed {} {} {} {}", t.matches("Text(").count() > 0, t.matches("Embedded(").count() > 0, t.matches("some_went: true").count() > 0, t.matches("null").count() > 0) } };
        eprintln!("STAT {} {} {}", body.len(), hidden.len().min(1), what);
    }
    let Some(expected) = expected else {
        prop_assert_eq!(came, Ok(body), "not looked at");
        return Ok(());
    };
    if documents.is_none() {
        prop_assert!(came.is_err(), "{} is malformed", body);
        return Ok(());
    }
    let Ok(expected) = expected else {
        prop_assert_eq!(came, Err(403));
        return Ok(());
    };
    prop_assert!(came.is_ok(), "{:?} for {}", came, body);
    let came = came.unwrap();
    let mut rest = &*came;
    for expected in &expected {
        let (document, next) = as_a.next(rest).ok_or_else(|| TestCaseError::fail(format!("no document: {rest}")))?;
        let is_so = Document::read(document).is_some_and(|came| came.is(expected));
        prop_assert!(is_so, "{}\nbecame\n{}\nexpected {:?}", body, came, expected);
        rest = next;
    }
    prop_assert_eq!(rest, "");
    let came = undone(&came);
    for word in words.iter().filter(|word| hidden.iter().any(|hidden| hidden.contains(*word))) {
        prop_assert!(!came.contains(word), "{} is still there: {}", word, came);
    }
    Ok(())
}

/// What documents are part of.
struct As {
    media_type: &'static str,
    before: &'static str,
    after: &'static str,
}

const DOCUMENT: As = As { media_type: "application/json", before: "", after: "" };
const LINES: As = As { media_type: "application/x-ndjson", before: "", after: "\n" };
const EVENTS: As = As { media_type: "text/event-stream", before: "id: 7\ndata: ", after: "\n\n" };

impl As {
    /// The first document, and what comes after it.
    fn next<'b>(&self, body: &'b str) -> Option<(&'b str, &'b str)> {
        let body = body.strip_prefix(self.before)?;
        if self.after.is_empty() { Some((body, "")) } else { body.split_once(self.after) }
    }
}

fn written(made: &[Made], chance: u64, spaces: u64, white: &'static [char]) -> (Vec<String>, Vec<String>) {
    let mut writer = Writer { chance, spaces, white, words: Vec::new() };
    (made.iter().map(|made| writer.document(made)).collect(), writer.words)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: std::env::var("SOAK").map_or(2_000, |soak| soak.parse().unwrap()), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_passes_of_a_document_is_what_the_readme_says(
        (made, config) in case(made(), 1..2), passage in passage(), chance in any::<u64>(), spaces in 0_u64..3,
    ) {
        let (bodies, words) = written(&made, chance, spaces, WHITE);
        holds(&config, &passage, &bodies, &words, &DOCUMENT)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_passes_of_lines_and_events_is_what_the_readme_says(
        (made, config) in case(made(), 1..4), passage in passage(),
        chance in any::<u64>(), spaces in 0_u64..3, are_lines in any::<bool>(),
    ) {
        let (bodies, words) = written(&made, chance, spaces, WHITE_OF_A_LINE);
        holds(&config, &passage, &bodies, &words, if are_lines { &LINES } else { &EVENTS })?;
    }

    #[test]
    fn a_document_that_breaks_off_does_not_pass(
        (made, config) in case(made(), 1..2), passage in passage(), chance in any::<u64>(), at in any::<prop::sample::Index>(),
    ) {
        let (bodies, words) = written(&made, chance, 1, WHITE);
        let letters: Vec<char> = bodies[0].chars().collect();
        let body: String = letters[..1 + at.index(letters.len())].iter().collect();
        holds(&config, &passage, &[body], &words, &DOCUMENT)?;
    }

    #[test]
    fn what_passes_of_long_values_is_what_the_readme_says(
        (made, config) in case(long(), 1..2), mut passage in passage(), pieces in prop::collection::vec(1_usize..9_000, 8),
    ) {
        passage.pieces = pieces;
        let (bodies, words) = written(&made, 0, 0, WHITE);
        holds(&config, &passage, &bodies, &words, &DOCUMENT)?;
    }
}
