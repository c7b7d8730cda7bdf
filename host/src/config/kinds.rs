//! Owns the general kinds of values a section may declare.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::Duration;

use super::fault::{At, Faults, quoted};
use super::reader::Node;
use super::section::Section;
use super::units;

/// A kind of value: what it is called, how it is read, what it becomes.
pub(super) trait Kind {
    /// What the value becomes.
    type Out;
    /// The section inside, for the reference.
    const SECTION: Option<&'static Section> = None;

    /// The kind in words that complete "write ...".
    fn describe() -> String;

    /// Read a value; none when it is faulty, and then `faults` says why.
    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self::Out>;
}

/// A kind whose values can be defaults.
pub(super) trait Shown: Kind {
    /// The value as it would be written in TOML.
    fn show(value: &Self::Out) -> String;
}

/// Longest name of anything an operator may name.
const LONGEST_NAME: usize = 128;

/// `true` or `false`.
pub(super) struct Flag;

impl Kind for Flag {
    type Out = bool;

    fn describe() -> String {
        "`true` or `false`".to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<bool> {
        let flag = node.as_bool();
        if flag.is_none() {
            node.mistaken(&Self::describe(), faults);
        }
        flag
    }
}

impl Shown for Flag {
    fn show(value: &bool) -> String {
        value.to_string()
    }
}

/// An integer within bounds, both included.
pub(super) struct Integer<const LEAST: u32, const MOST: u32>;

impl<const LEAST: u32, const MOST: u32> Kind for Integer<LEAST, MOST> {
    type Out = u32;

    fn describe() -> String {
        format!("an integer from {LEAST} to {MOST}")
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<u32> {
        let Some(number) = node.as_integer() else {
            node.mistaken(&Self::describe(), faults);
            return None;
        };
        let fitting = u32::try_from(number).ok().filter(|number| (LEAST..=MOST).contains(number));
        if fitting.is_none() {
            faults.push(node.place.fault(format!("is {number}"), format!("write {}", Self::describe())));
        }
        fitting
    }
}

impl<const LEAST: u32, const MOST: u32> Shown for Integer<LEAST, MOST> {
    fn show(value: &u32) -> String {
        value.to_string()
    }
}

/// A duration within bounds in milliseconds, both included.
pub(super) struct Time<const LEAST: u64, const MOST: u64>;

impl<const LEAST: u64, const MOST: u64> Kind for Time<LEAST, MOST> {
    type Out = Duration;

    fn describe() -> String {
        format!("a duration from \"{}\" to \"{}\"", units::show_millis(LEAST), units::show_millis(MOST))
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Duration> {
        let bounds = Duration::from_millis(LEAST)..=Duration::from_millis(MOST);
        let parse = |text: &str| units::parse_duration(text).filter(|time| bounds.contains(time));
        read_text(node, &Self::describe(), faults, parse)
    }
}

impl<const LEAST: u64, const MOST: u64> Shown for Time<LEAST, MOST> {
    fn show(value: &Duration) -> String {
        format!("\"{}\"", units::show_millis(u64::try_from(value.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// A size within bounds in bytes, both included.
pub(super) struct Size<const LEAST: u64, const MOST: u64>;

impl<const LEAST: u64, const MOST: u64> Kind for Size<LEAST, MOST> {
    type Out = u64;

    fn describe() -> String {
        format!("a size from \"{}\" to \"{}\"", units::show_size(LEAST), units::show_size(MOST))
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<u64> {
        let parse = |text: &str| units::parse_size(text).filter(|bytes| (LEAST..=MOST).contains(bytes));
        read_text(node, &Self::describe(), faults, parse)
    }
}

impl<const LEAST: u64, const MOST: u64> Shown for Size<LEAST, MOST> {
    fn show(value: &u64) -> String {
        format!("\"{}\"", units::show_size(*value))
    }
}

/// A type with a spelling of its own.
pub(super) trait Spelled: FromStr<Err: Display> {
    /// The spelling in words that complete "write ...".
    const SPELLING: &'static str;
}

impl Spelled for String {
    const SPELLING: &'static str = "a string that is not empty";
}

/// A string read by `FromStr`; the fault says what that said.
pub(super) struct Spelling<T>(PhantomData<T>);

/// Any text but the empty one.
pub(super) type Text = Spelling<String>;

impl<T: Spelled> Kind for Spelling<T> {
    type Out = T;

    fn describe() -> String {
        T::SPELLING.to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<T> {
        let text = read_text(node, T::SPELLING, faults, |text| Some(text.to_owned()).filter(|text| !text.is_empty()))?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                let reason = format!("{} is not valid: {error}", quoted(&text));
                faults.push(node.place.fault(reason, format!("write {}", T::SPELLING)));
                None
            }
        }
    }
}

impl<T: Spelled + Display> Shown for Spelling<T> {
    fn show(value: &T) -> String {
        format!("\"{value}\"")
    }
}

/// A value with its place.
pub(super) struct Placed<K>(PhantomData<K>);

impl<K: Kind> Kind for Placed<K> {
    type Out = At<K::Out>;
    const SECTION: Option<&'static Section> = K::SECTION;

    fn describe() -> String {
        K::describe()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<At<K::Out>> {
        K::read(node, faults).map(|value| At { value, place: node.place.clone() })
    }
}

/// A list; faulty items are left out.
pub(super) struct List<K>(PhantomData<K>);

impl<K: Kind> Kind for List<K> {
    type Out = Vec<K::Out>;
    const SECTION: Option<&'static Section> = K::SECTION;

    fn describe() -> String {
        format!("a list, each item {}", K::describe())
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Vec<K::Out>> {
        let Some(items) = node.as_items() else {
            node.mistaken(&Self::describe(), faults);
            return None;
        };
        Some(items.iter().filter_map(|item| K::read(item, faults)).collect())
    }
}

impl<K: Shown> Shown for List<K> {
    fn show(value: &Vec<K::Out>) -> String {
        format!("[{}]", value.iter().map(K::show).collect::<Vec<_>>().join(", "))
    }
}

/// A list or table that is not empty: what limits a match to nothing is a mistake.
pub(super) struct Filled<K>(PhantomData<K>);

impl<K: Kind> Kind for Filled<K> {
    type Out = K::Out;
    const SECTION: Option<&'static Section> = K::SECTION;

    fn describe() -> String {
        format!("{}; not empty", K::describe())
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<K::Out> {
        let no_items = node.as_items().is_some_and(|items| items.is_empty());
        if no_items || node.as_table().is_some_and(|table| table.entries().is_empty()) {
            faults.push(node.place.fault("is empty", "leave it out for any"));
            return None;
        }
        K::read(node, faults)
    }
}

/// A table whose keys are names the operator chooses; faulty entries are left out.
pub(super) struct Named<K>(PhantomData<K>);

impl<K: Kind> Kind for Named<K> {
    type Out = BTreeMap<String, K::Out>;
    const SECTION: Option<&'static Section> = K::SECTION;

    fn describe() -> String {
        format!("a table of names, each {}", K::describe())
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self::Out> {
        let Some(table) = node.as_table() else {
            node.mistaken(&Self::describe(), faults);
            return None;
        };
        let mut named = BTreeMap::new();
        for (name, node) in table.entries() {
            if !is_name(name, b"_-") {
                faults.push(node.place.fault("is not a name", "use letters, digits, `_` and `-`, at most 128 of them"));
            }
            if let Some(value) = K::read(&node, faults) {
                named.insert(name.to_owned(), value);
            }
        }
        Some(named)
    }
}

/// Read a string that `parse` accepts; the fault otherwise shows the string and says what was `expected`.
pub(super) fn read_text<T>(
    node: &Node<'_>,
    expected: &str,
    faults: &mut Faults,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    let Some(text) = node.as_str() else {
        node.mistaken(expected, faults);
        return None;
    };
    let value = parse(text);
    if value.is_none() {
        faults.push(node.place.fault(format!("{} does not fit", quoted(text)), format!("write {expected}")));
    }
    value
}

/// Whether `text` is a name of ASCII letters, digits and `others`.
pub(super) fn is_name(text: &str, others: &[u8]) -> bool {
    (1..=LONGEST_NAME).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
}
