//! The body of an answer as it grows: decoded, and never longer than it may be.

use std::io::{self, Write};

use flate2::write::{MultiGzDecoder, ZlibDecoder};

use super::EgressError;
use super::error::ProtocolError;

/// Takes a body piece by piece.
pub(super) struct Decoder {
    coding: Coding,
    /// Bytes that may still come, as they are sent: what decodes to nothing could come without end.
    left: u64,
    is_begun: bool,
}

enum Coding {
    Identity(Capped),
    Gzip(Box<MultiGzDecoder<Capped>>),
    Deflate(Box<ZlibDecoder<Capped>>),
}

impl Decoder {
    /// At most `max` bytes will come out. None for a coding that is not known, or one upon another.
    pub(super) fn new(coding: &[u8], max: u64) -> Option<Self> {
        let out = Capped { bytes: Vec::new(), left: max, is_full: false };
        let coding = match coding.trim_ascii().to_ascii_lowercase().as_slice() {
            b"" | b"identity" => Coding::Identity(out),
            b"gzip" | b"x-gzip" => Coding::Gzip(Box::new(MultiGzDecoder::new(out))),
            b"deflate" => Coding::Deflate(Box::new(ZlibDecoder::new(out))),
            _ => return None,
        };
        // What cannot be made shorter becomes a little longer.
        Some(Self { coding, left: max + max / 64 + 1024, is_begun: false })
    }

    /// Bytes that may still come.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    pub(super) fn is_identity(&self) -> bool {
        matches!(self.coding, Coding::Identity(_))
    }

    pub(super) fn write(&mut self, piece: &[u8]) -> Result<(), EgressError> {
        self.is_begun |= !piece.is_empty();
        self.left = self.left.checked_sub(piece.len() as u64).ok_or(EgressError::TooLarge)?;
        let written = match &mut self.coding {
            Coding::Identity(out) => out.write_all(piece),
            Coding::Gzip(decoder) => decoder.write_all(piece),
            Coding::Deflate(decoder) => decoder.write_all(piece),
        };
        written.map_err(|error| self.blame(error))
    }

    /// The whole body. One of no bytes is in no coding: the answer to HEAD has the fields of another.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, EgressError> {
        let ended = match &mut self.coding {
            _ if !self.is_begun => Ok(()),
            Coding::Identity(_) => Ok(()),
            Coding::Gzip(decoder) => decoder.try_finish(),
            Coding::Deflate(decoder) => decoder.try_finish(),
        };
        ended.map_err(|error| self.blame(error))?;
        Ok(std::mem::take(&mut self.out().bytes))
    }

    fn blame(&mut self, error: io::Error) -> EgressError {
        if self.out().is_full { EgressError::TooLarge } else { ProtocolError::Encoded(error).into() }
    }

    fn out(&mut self) -> &mut Capped {
        match &mut self.coding {
            Coding::Identity(out) => out,
            Coding::Gzip(decoder) => decoder.get_mut(),
            Coding::Deflate(decoder) => decoder.get_mut(),
        }
    }
}

/// Bytes, as many as there may be.
struct Capped {
    bytes: Vec<u8>,
    left: u64,
    is_full: bool,
}

impl Write for Capped {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let Some(left) = self.left.checked_sub(piece.len() as u64) else {
            self.is_full = true;
            return Err(io::ErrorKind::StorageFull.into());
        };
        self.left = left;
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
