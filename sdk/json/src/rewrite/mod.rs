//! Rewrites JSON as it passes, piece by piece, as changes to the bytes that came.
//!
//! A [`Rewriter`] reads each piece of a body once, checks all of it (RFC 8259, in UTF-8), and asks a [`Guide`] what is to
//! become of each value. It keeps nothing of the body: a name or value that is cut at the end of a piece is *held*, which
//! means that whoever feeds the rewriter gives it again, in front of what comes next. What comes out is the same however
//! a body was cut.

mod embedded;
mod escape;
mod frame;
mod guide;
mod level;
mod lex;
mod limits;
mod pass;
mod position;
mod scalar;
mod skip;
mod stop;
mod sweep;
mod walk;

pub use frame::Framing;
pub use guide::{Guide, Replacement, Scalar, Treatment};
pub use limits::{DEEPEST, LONGEST, Limit, Limits};
pub use position::{LARGEST, Position};
pub use stop::Stop;

use lockgate_sdk::Splices;
use pass::Pass;

/// Rewrites one body.
pub struct Rewriter {
    limits: Limits,
    framing: Framing,
    position: Position,
    scratch: String,
    embedded: u8,
}

/// What becomes of a piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What changes in it.
    pub splices: Splices,
    /// How many of its last bytes are not to be sent on yet, but given again in front of the next piece: at most
    /// [`Limits::held`], and none of the last one.
    pub hold: usize,
}

impl Rewriter {
    /// Begin a body, or go on with one from where a rewriter of the same limits and framing stood.
    pub fn new(limits: Limits, framing: Framing, position: Position) -> Self {
        Self { limits, framing, position, scratch: String::new(), embedded: 0 }
    }

    /// Where it stands, after a piece.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// Read the next piece, which begins with what was held of the one before; it is the `last` of the body if no other
    /// follows, and shorter than 4 GiB. After an error the rewriter is of no more use.
    pub fn piece<G: Guide>(&mut self, guide: &mut G, bytes: &[u8], last: bool) -> Result<Piece, Stop> {
        let mut pass = Pass {
            limits: self.limits,
            inspects: guide.inspects(),
            embedded: self.embedded,
            guide,
            position: &mut self.position,
            scratch: &mut self.scratch,
            splices: Splices::default(),
        };
        let read = pass.framed(self.framing, bytes, last)?;
        let splices = pass.splices;
        self.position.offset = self.position.offset.saturating_add(read as u64);
        Ok(Piece { splices, hold: bytes.len() - read })
    }
}
