//! Coded bodies of any kind: in whatever pieces they arrive, the same comes out, and no more than may.

use super::{Bounds, Coding, CodingError, Decoder};

const BOUNDS: Bounds = Bounds { free: 4096, ratio: 20 };
const CODINGS: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];

/// Takes which coding, a size of pieces, and a body.
pub fn codings(data: &[u8]) {
    let [coding, piece, body @ ..] = data else { return };
    let coding = CODINGS[usize::from(*coding) % CODINGS.len()];
    let whole = decoded(coding, body, body.len().max(1));
    let cut = decoded(coding, body, usize::from(*piece).max(1));
    if let (Ok(whole), Ok(cut)) = (&whole, &cut) {
        assert_eq!(whole, cut, "in pieces of {piece}");
        return;
    }
    // What is allowed grows with what has come, so that in pieces less may come out at first.
    let is_alike = matches!((&whole, &cut), (_, Err(CodingError::Expanded)) | (Err(_), Err(CodingError::Malformed(_))));
    assert!(is_alike, "whole it is {whole:?}, in pieces of {piece} {cut:?}");
}

fn decoded(coding: Coding, body: &[u8], piece: usize) -> Result<Vec<u8>, CodingError> {
    let mut decoder = Decoder::new(coding, BOUNDS)?;
    let (mut out, mut came) = (Vec::new(), 0);
    for piece in body.chunks(piece) {
        decoder.write(piece)?;
        came += piece.len() as u64;
        assert_eq!(decoder.len(), decoder.out().bytes.len());
        out.extend(decoder.take());
        assert!(out.len() as u64 <= BOUNDS.free + BOUNDS.ratio * came, "{} of {came}", out.len());
    }
    decoder.finish()?;
    out.extend(decoder.take());
    Ok(out)
}

#[cfg(test)]
mod tests {
    use crate::fuzz::play::play;

    #[test]
    fn whatever_is_decoded_is_the_same_in_any_pieces_and_within_bounds() {
        play("codings", super::codings, 20_000);
    }
}
