//! Any bytes, rewritten in whatever pieces, come out alike, and as JSON.

use crate::rewrite::{Framing, Guide, Limits, Position, Replacement, Rewriter, Scalar, Stop, Treatment};
use crate::select::State;

/// Limits that short inputs reach.
const LIMITS: Option<Limits> = Limits::new(12, 24, 40);

/// Takes a framing, a seed of what is asked for, a size of pieces, and a body.
pub fn rewriting(data: &[u8]) {
    let [framing, seed, piece, body @ ..] = data else { return };
    let framing = match framing % 3 {
        0 => Framing::Single,
        1 => Framing::Lines,
        _ => Framing::Events,
    };
    let whole = rewritten(framing, &mut Seeded(*seed), body, body.len().max(1));
    let cut = rewritten(framing, &mut Seeded(*seed), body, usize::from(*piece).max(1));
    assert_eq!(cut, whole, "in pieces of {piece}");
    let untouched = rewritten(framing, &mut Seeded(0), body, usize::from(*piece).max(1));
    if let Ok(untouched) = &untouched {
        assert_eq!(untouched, body, "nothing was asked for");
    }
    if let Framing::Single = framing {
        let is_json =
            str::from_utf8(body).is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok());
        let is_refused = matches!(untouched, Err(Stop::Malformed { .. } | Stop::Incomplete));
        let is_beyond = matches!(untouched, Err(Stop::Beyond(_)));
        assert!(is_beyond || is_refused != is_json, "{untouched:?} of {}", body.escape_ascii());
        if let Ok(whole) = whole {
            assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&whole).is_ok(), "{}", whole.escape_ascii());
        }
    }
}

/// What comes out of a body in pieces of so many bytes.
fn rewritten(framing: Framing, guide: &mut Seeded, body: &[u8], piece: usize) -> Result<Vec<u8>, Stop> {
    let limits = LIMITS.unwrap_or_default();
    let mut rewriter = Rewriter::new(limits, framing, Position::start(State::from_bits(1)));
    let (mut out, mut held) = (Vec::new(), Vec::new());
    let mut left = body;
    loop {
        let (now, later) = left.split_at(piece.min(left.len()));
        left = later;
        let chunk = [std::mem::take(&mut held), now.to_vec()].concat();
        let done = rewriter.piece(guide, &chunk, left.is_empty())?;
        assert!(done.hold <= limits.held() && (done.hold == 0 || !left.is_empty()), "{} held", done.hold);
        let (sent, kept) = chunk.split_at(chunk.len() - done.hold);
        out.extend(done.splices.apply(sent));
        held = kept.to_vec();
        if left.is_empty() {
            return Ok(out);
        }
        let position = Position::decode(&rewriter.position().encode());
        assert_eq!(position.as_ref(), Some(rewriter.position()), "carried, it is another");
        rewriter = Rewriter::new(limits, framing, position.unwrap_or_else(|| Position::start(State::QUIET)));
    }
}

/// All that is inside has this state, but for members by some names.
const EVEN: State = State::from_bits(2);

/// Asks for what its seed says, and for nothing if that is 0.
struct Seeded(u8);

impl Seeded {
    fn draw(&self, at: State, of: &[u8]) -> u16 {
        let start = u32::from(at.to_bits()) << 8 | u32::from(self.0);
        let mixed = of.iter().fold(start, |mixed, byte| (mixed ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
        (mixed >> 7) as u16
    }

    fn below(&self, at: State, of: &[u8]) -> State {
        let drawn = self.draw(at, of);
        match drawn % 4 {
            _ if self.0 == 0 || at == State::QUIET => State::QUIET,
            0..3 if at == EVEN => EVEN,
            0 => State::QUIET,
            1 => EVEN,
            _ => State::from_bits(drawn | 1),
        }
    }

    fn replacement(&self, drawn: u16) -> Replacement {
        match drawn % 8 {
            0 | 1 => Replacement::Keep,
            2 => Replacement::Null,
            3 => Replacement::Number(drawn.to_string()),
            4 if drawn.is_multiple_of(32) => Replacement::Block,
            _ => Replacement::Text(format!("\"{drawn}\\\n")),
        }
    }
}

impl Guide for Seeded {
    fn member(&self, at: State, name: &str) -> State {
        self.below(at, name.as_bytes())
    }

    fn item(&self, at: State, index: u32) -> State {
        if at == EVEN { EVEN } else { self.below(at, &index.to_le_bytes()) }
    }

    fn is_quiet(&self, at: State) -> bool {
        self.0 == 0 || at == State::QUIET
    }

    fn is_even(&self, at: State) -> bool {
        at == EVEN
    }

    fn treatment(&self, at: State) -> Treatment {
        match self.draw(at, b"treatment") % 8 {
            _ if self.is_quiet(at) || at == EVEN => Treatment::Keep,
            0 | 1 => Treatment::Remove,
            2 => Treatment::Null,
            3 => Treatment::Rewrite,
            4 => Treatment::Embedded,
            5 if at.to_bits().is_multiple_of(5) => Treatment::Block,
            _ => Treatment::Keep,
        }
    }

    fn rewrite(&mut self, at: State, value: Scalar<'_>) -> Replacement {
        self.replacement(match value {
            Scalar::Text(text) | Scalar::Number(text) => self.draw(at, text.as_bytes()),
            Scalar::Bool(value) => self.draw(at, &[value.into()]),
            Scalar::TooLong => self.draw(at, b"long"),
        })
    }

    fn inspects(&self) -> bool {
        self.0.is_multiple_of(4) && self.0 > 0
    }

    fn inspect(&mut self, text: &str) -> Replacement {
        self.replacement(self.draw(State::QUIET, text.as_bytes()))
    }
}
