//! Configurations, documents and cuts made up: what passes is what the README says of the whole document.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panic")]

mod action;
mod arbitrary;
mod config;
mod dom;
mod made;
#[path = "../../../../sdk/json/tests/testing/path.rs"]
mod path;
mod policy;
mod select;
#[path = "../support/mod.rs"]
mod support;
#[path = "../../../../sdk/json/tests/testing/written.rs"]
mod written;

use arbitrary::{config, detecting, who};
use config::{Config, Who};
use dom::Document;
use lockgate_sdk::Direction;
use lockgate_sdk::testing::{self, crypto};
use made::{findable, long, made};
use policy::{Blocked, Policy};
use proptest::prelude::*;
use std::ops::Range;
use written::{Made, WHITE, Writer, undone};

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

fn holds(
    config: &Config,
    passage: &Passage,
    texts: &[String],
    words: &[String],
    as_a: As,
) -> Result<(), TestCaseError> {
    let body = as_a.body(texts);
    let Some(came) = passage.judged(config, as_a.media_type(), &body) else {
        return Err(TestCaseError::reject("too complex"));
    };
    let documents: Option<Vec<Document>> = texts.iter().map(|text| Document::read(text)).collect();
    // Of one that is malformed it matters only whether it is looked at.
    let (expected, hidden) = expected(config, passage, documents.as_deref().unwrap_or_default());
    let Some(expected) = expected else {
        prop_assert_eq!(came, Ok(body), "not looked at");
        return Ok(());
    };
    if documents.is_none() {
        prop_assert!(came.is_err(), "{} is malformed", body);
        return Ok(());
    }
    let Ok(expected) = expected else {
        prop_assert_eq!(came, Err(403), "{}", body);
        return Ok(());
    };
    prop_assert!(came.is_ok(), "{:?} for {}", came, body);
    let came = came.unwrap();
    let is_so = as_a.documents(&came).is_some_and(|came| {
        came.len() == expected.len() && came.iter().zip(&expected).all(|(came, expected)| as_a.is(came, expected))
    });
    prop_assert!(is_so, "{}\nbecame\n{}\nexpected {:?}", body, came, expected);
    let came = undone(&came);
    for word in words.iter().filter(|word| hidden.iter().any(|hidden| hidden.contains(*word))) {
        prop_assert!(!came.contains(word), "{} is still there: {}", word, came);
    }
    Ok(())
}

/// What documents are part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum As {
    Document,
    Lines,
    Events,
}

impl As {
    fn media_type(self) -> &'static str {
        match self {
            Self::Document => "application/json",
            Self::Lines => "application/x-ndjson",
            Self::Events => "text/event-stream",
        }
    }

    fn body(self, documents: &[String]) -> String {
        let one = |document: &String| match self {
            Self::Document => document.clone(),
            Self::Lines => format!("{document}\n"),
            Self::Events => format!("id: 7\ndata: {}\n\n", document.replace('\n', "\ndata: ")),
        };
        documents.iter().map(one).collect()
    }

    /// The documents of a body.
    fn documents(self, body: &str) -> Option<Vec<Document>> {
        let document = |text: &str| match self {
            Self::Document | Self::Lines => Document::read(text),
            Self::Events => Document::read(&text.strip_prefix("id: 7\ndata: ")?.replace("\ndata: ", "\n")),
        };
        match self {
            Self::Document => Some(vec![document(body)?]),
            Self::Lines => body.strip_suffix('\n')?.split('\n').map(document).collect(),
            Self::Events => body.strip_suffix("\n\n")?.split("\n\n").map(document).collect(),
        }
    }

    /// Whether a document is as expected. In an event a comma may go to the next line.
    fn is(self, came: &Document, expected: &Document) -> bool {
        if self == Self::Events { came.tight().is(&expected.tight()) } else { came.is(expected) }
    }
}

fn written(made: &[Made], chance: u64, spaces: u64, white: &'static [char]) -> (Vec<String>, Vec<String>) {
    let mut writer = Writer::new(chance, spaces, white);
    (made.iter().map(|made| writer.document(made)).collect(), writer.words)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_passes_of_a_document_is_what_the_readme_says(
        (made, config) in case(made(), 1..2), passage in passage(), chance in any::<u64>(), spaces in 0_u64..3,
    ) {
        let (texts, words) = written(&made, chance, spaces, WHITE);
        holds(&config, &passage, &texts, &words, As::Document)?;
    }

    #[test]
    fn what_is_found_in_texts_is_what_the_readme_says(
        config in detecting(), made in findable(), passage in passage(), chance in any::<u64>(),
    ) {
        let (texts, words) = written(&[made], chance, 0, WHITE);
        holds(&config, &passage, &texts, &words, As::Document)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_passes_of_lines_and_events_is_what_the_readme_says(
        (made, config) in case(made(), 1..4), passage in passage(),
        chance in any::<u64>(), spaces in 0_u64..3, are_lines in any::<bool>(),
    ) {
        let (as_a, white) = if are_lines { (As::Lines, &[' ', '\t'][..]) } else { (As::Events, &[' ', '\n'][..]) };
        let (texts, words) = written(&made, chance, spaces, white);
        holds(&config, &passage, &texts, &words, as_a)?;
    }

    #[test]
    fn a_document_that_breaks_off_does_not_pass(
        (made, config) in case(made(), 1..2), passage in passage(), chance in any::<u64>(), at in any::<prop::sample::Index>(),
    ) {
        let (texts, words) = written(&made, chance, 1, WHITE);
        let letters: Vec<char> = texts[0].chars().collect();
        let body: String = letters[..1 + at.index(letters.len())].iter().collect();
        holds(&config, &passage, &[body], &words, As::Document)?;
    }

    #[test]
    fn what_passes_of_long_values_is_what_the_readme_says(
        (made, config) in case(long(), 1..2), mut passage in passage(), pieces in prop::collection::vec(1_usize..9_000, 8),
    ) {
        passage.pieces = pieces;
        let (texts, words) = written(&made, 0, 0, WHITE);
        holds(&config, &passage, &texts, &words, As::Document)?;
    }
}
