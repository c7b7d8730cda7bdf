//! Guides: one of paths written out, and one by chance.

use lockgate_json::rewrite::{Guide, Replacement, Scalar, Treatment};
use lockgate_json::select::State;
use std::hash::{DefaultHasher, Hash, Hasher};

const QUIET: State = State::from_bits(0);
/// All that is inside has this state, but for members by some names.
const EVEN: State = State::from_bits(2);

/// Decides by names alone: a member is treated as the name that leads to it says, wherever it is.
pub(crate) struct ByName {
    pub(crate) names: Vec<(&'static str, Treatment)>,
    /// Items at these indices are removed.
    pub(crate) removed_items: Vec<u32>,
    pub(crate) inspects: bool,
}

pub(crate) const NOBODY: ByName = ByName { names: Vec::new(), removed_items: Vec::new(), inspects: false };

impl ByName {
    pub(crate) fn of(names: impl Into<Vec<(&'static str, Treatment)>>) -> Self {
        Self { names: names.into(), ..NOBODY }
    }
}

impl Guide for ByName {
    fn member(&self, _at: State, name: &str) -> State {
        let found = self.names.iter().position(|(selected, _)| *selected == name);
        State::from_bits(found.map_or(1, |index| index as u16 + 3))
    }

    fn item(&self, _at: State, index: u32) -> State {
        State::from_bits(if self.removed_items.contains(&index) { 2 } else { 1 })
    }

    fn is_quiet(&self, _at: State) -> bool {
        self.names.is_empty() && self.removed_items.is_empty()
    }

    fn treatment(&self, at: State) -> Treatment {
        match at.to_bits() {
            0 | 1 => Treatment::Keep,
            2 => Treatment::Remove,
            bits => self.names[usize::from(bits) - 3].1,
        }
    }

    fn rewrite(&mut self, _at: State, value: Scalar<'_>) -> Replacement {
        Replacement::Text(match value {
            Scalar::Text(text) => format!("<{}>", text.chars().count()),
            Scalar::Number(number) => format!("<number of {}>", number.len()),
            Scalar::Bool(_) => "<bool>".to_owned(),
            Scalar::TooLong => "<long>".to_owned(),
        })
    }

    fn inspects(&self) -> bool {
        self.inspects
    }

    fn inspect(&mut self, text: &str) -> Replacement {
        match text {
            _ if text.contains("4111") => Replacement::Text("<card>".to_owned()),
            "lines" => Replacement::Text("two\r\nlines".to_owned()),
            _ => Replacement::Keep,
        }
    }
}

/// Decides by the hash of the path, and of what is rewritten.
#[derive(Clone, Debug)]
pub(crate) struct Chance {
    pub(crate) seed: u64,
    pub(crate) inspects: bool,
    pub(crate) blocks: bool,
}

impl Chance {
    fn draw(&self, of: impl Hash) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.seed, of).hash(&mut hasher);
        hasher.finish()
    }

    fn below(&self, at: State, step: impl Hash) -> State {
        let drawn = self.draw((at, step));
        match drawn % 4 {
            _ if at == QUIET => QUIET,
            0..3 if at == EVEN => EVEN,
            0 => QUIET,
            1 => EVEN,
            _ => State::from_bits((drawn >> 16) as u16 | 1),
        }
    }

    fn replacement(&self, drawn: u64) -> Replacement {
        match drawn % 16 {
            0..4 => Replacement::Keep,
            4..7 => Replacement::Null,
            8 => Replacement::Number(format!("-{}.5e3", drawn >> 40)),
            7 if self.blocks && drawn >> 8 & 3 == 0 => Replacement::Block,
            _ => Replacement::Text(format!("\u{1}\"masked\\é\n{}", drawn >> 60)),
        }
    }
}

impl Guide for Chance {
    fn member(&self, at: State, name: &str) -> State {
        self.below(at, name)
    }

    fn item(&self, at: State, index: u32) -> State {
        if at == EVEN { EVEN } else { self.below(at, index) }
    }

    fn is_quiet(&self, at: State) -> bool {
        at == QUIET
    }

    fn is_even(&self, at: State) -> bool {
        [QUIET, EVEN].contains(&at)
    }

    fn treatment(&self, at: State) -> Treatment {
        if [QUIET, EVEN].contains(&at) {
            return Treatment::Keep;
        }
        match self.draw((at, "treatment")) % 16 {
            0..3 => Treatment::Remove,
            3..5 => Treatment::Null,
            5..8 => Treatment::Rewrite,
            8..11 => Treatment::Embedded,
            11 if self.blocks => Treatment::Block,
            _ => Treatment::Keep,
        }
    }

    fn rewrite(&mut self, at: State, value: Scalar<'_>) -> Replacement {
        self.replacement(match value {
            Scalar::Text(text) => self.draw((at, text)),
            Scalar::Number(number) => self.draw((at, 1, number)),
            Scalar::Bool(bool) => self.draw((at, bool)),
            Scalar::TooLong => self.draw((at, 2)),
        })
    }

    fn inspects(&self) -> bool {
        self.inspects
    }

    fn inspect(&mut self, text: &str) -> Replacement {
        self.replacement(self.draw(text))
    }
}
