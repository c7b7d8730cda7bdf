//! Documents, guides and cuts made up: what comes out is what a plain implementation makes, and nothing else.

use crate::support::document::made;
use crate::support::dom::{self, Dom, Tree};
use crate::support::drive::{cut, everywhere, whole};
use crate::support::guide::Chance;
use crate::written::{Made, WHITE, Writer, undone};
use lockgate_json::rewrite::{Framing, Limits, Stop};
use lockgate_json::select::State;
use proptest::prelude::*;

const LONGEST: u16 = 40;

fn limits() -> Limits {
    Limits::new(100, 100, LONGEST).unwrap()
}

fn chance() -> impl Strategy<Value = Chance> {
    (any::<u64>(), any::<bool>(), prop::bool::weighted(0.1)).prop_map(|(seed, inspects, blocks)| Chance {
        seed,
        inspects,
        blocks,
    })
}

fn holds(document: &str, words: &[String], guide: &Chance, cuts: &[usize]) -> Result<(), TestCaseError> {
    let mut dom = Dom { guide: &mut guide.clone(), longest: usize::from(LONGEST), gone: Vec::new() };
    let expected = dom.document(dom::parse(document).unwrap(), State::from_bits(1), 0);
    let gone = dom.gone;
    let came = whole(&mut guide.clone(), limits(), Framing::Single, document.as_bytes());
    for cuts in [cuts, &everywhere(document.as_bytes())] {
        let cut = cut(&mut guide.clone(), limits(), Framing::Single, document.as_bytes(), cuts);
        prop_assert_eq!(&cut, &came);
    }
    let Ok(expected) = expected else {
        prop_assert_eq!(came, Err(Stop::Blocked));
        return Ok(());
    };
    let came = String::from_utf8(came.unwrap()).unwrap();
    let tree = dom::parse(&came);
    prop_assert!(tree.is_some(), "no JSON: {}", came);
    let is_same = tree.is_some_and(|tree| dom::is_same(&tree, &expected));
    prop_assert!(is_same, "{}\nexpected {:?}", came, expected);
    let (left, gone) = (undone(&came), undone(&gone.join("\n")));
    for word in words.iter().filter(|word| gone.contains(*word)) {
        prop_assert!(!left.contains(word), "{} is still there: {}", word, came);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_comes_out_is_what_a_plain_implementation_makes_however_it_was_cut(
        made in made(),
        guide in chance(),
        writing in any::<u64>(),
        spaces in 0_u64..4,
        cuts in prop::collection::vec(1_usize..300, 0..12),
    ) {
        let mut writer = Writer::new(writing, spaces, WHITE);
        let document = writer.document(&made);
        holds(&document, &writer.words, &guide, &cuts)?;
    }

    #[test]
    fn a_document_nobody_asks_about_passes_as_it_came(
        made in made(),
        writing in any::<u64>(),
        spaces in 0_u64..4,
    ) {
        let document = Writer::new(writing, spaces, WHITE).document(&made);
        let mut nobody = crate::support::guide::NOBODY;
        let came = cut(&mut nobody, limits(), Framing::Single, document.as_bytes(), &everywhere(document.as_bytes()));
        prop_assert_eq!(came, Ok(document.into_bytes()));
    }
}

#[test]
fn deep_documents_come_out_as_shallow_ones_do() {
    for seed in 0..200 {
        let mut made = Made::Text(vec![120; 10]);
        for level in 0..80_u64 {
            let other = Made::Text(vec![121; 3]);
            made = if (seed >> (level % 8)) & 1 == 0 {
                Made::Array(vec![other, made])
            } else {
                Made::Object(vec![(vec![97], made), (vec![98], other)])
            };
        }
        let document = Writer::new(seed, 1, WHITE).document(&made);
        let guide = Chance { seed, inspects: seed % 2 == 0, blocks: false };
        holds(&document, &[], &guide, &[10, 30, 100, 101]).unwrap();
    }
}

#[test]
fn the_tree_of_the_tests_reads_what_it_should() {
    let tree = dom::parse(r#" {"a" : [1, "\"", {}] } "#).unwrap();
    let items = ["1", r#""\"""#].map(|raw| Tree::Scalar(raw.to_owned()));
    let items = items.into_iter().chain([Tree::Object(Vec::new())]).collect();
    assert_eq!(tree, Tree::Object(vec![("\"a\"".to_owned(), Tree::Array(items))]));
    assert_eq!(dom::parse("[1,]"), None);
}
