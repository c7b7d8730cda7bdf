//! Feeds a rewriter as a host does: held bytes come again, and each piece meets another instance.

use lockgate_json::rewrite::{Framing, Guide, LARGEST, Limits, Position, Rewriter, Stop};
use lockgate_json::select::State;

/// What comes out of a body, cut after each of these offsets, of which those within it count.
pub(crate) fn cut<G: Guide>(
    guide: &mut G,
    limits: Limits,
    framing: Framing,
    body: &[u8],
    cuts: &[usize],
) -> Result<Vec<u8>, Stop> {
    let mut cuts: Vec<usize> = cuts.iter().copied().filter(|cut| *cut < body.len()).collect();
    cuts.push(body.len());
    cuts.sort_unstable();
    let mut carried = Position::start(State::from_bits(1)).encode();
    let (mut out, mut held, mut begin) = (Vec::new(), Vec::new(), 0);
    for (index, end) in cuts.iter().enumerate() {
        let last = index + 1 == cuts.len();
        let piece = [&held, &body[begin..*end]].concat();
        begin = *end;
        let position = Position::decode(&carried).unwrap();
        assert_eq!(position.encode(), carried);
        let mut rewriter = Rewriter::new(limits, framing, position);
        let done = rewriter.piece(guide, &piece, last)?;
        carried = rewriter.position().encode();
        assert!(carried.len() <= LARGEST, "a position of {}", carried.len());
        assert!(done.hold <= limits.held() && !(last && done.hold > 0), "{} held of {}", done.hold, piece.len());
        let sent = piece.len() - done.hold;
        let mut free = 0;
        for (offset, remove, _) in done.splices.iter() {
            assert!(offset as usize >= free, "ascending, and no neighbours");
            free = (offset + remove) as usize + 1;
            assert!(free - 1 <= sent, "what is held is not touched");
        }
        let mut changed = done.splices.apply(&piece);
        held = changed.split_off(changed.len() - done.hold);
        assert_eq!(held, piece[sent..]);
        out.extend(changed);
    }
    Ok(out)
}

/// What comes out of a body that comes whole.
pub(crate) fn whole<G: Guide>(guide: &mut G, limits: Limits, framing: Framing, body: &[u8]) -> Result<Vec<u8>, Stop> {
    cut(guide, limits, framing, body, &[])
}

/// Every offset within a body.
pub(crate) fn everywhere(body: &[u8]) -> Vec<usize> {
    (1..body.len()).collect()
}
