//! The body of an answer as it grows: decoded, and never longer than it may be.

use http::HeaderMap;

use super::EgressError;
use super::error::ProtocolError;
use crate::exchange::coding::{Bounds, Coding, CodingError, Decoder};

/// Takes a body piece by piece.
pub(super) struct Decoding {
    /// None where the body is in no coding.
    decoder: Option<Decoder>,
    bytes: Vec<u8>,
    /// Bytes that may still come, as they are sent: what decodes to nothing could come without end.
    left: u64,
}

impl Decoding {
    /// Of an answer with these fields; at most `max` bytes will come out.
    pub(super) fn new(fields: &HeaderMap, max: u64) -> Result<Self, EgressError> {
        let coding = Coding::of(fields).map_err(|_| ProtocolError::Coding)?;
        let bounds = Bounds { free: max, ratio: 0 };
        let decoder = coding.map(|coding| Decoder::new(coding, bounds)).transpose()?;
        // What cannot be made shorter becomes a little longer.
        let left = if decoder.is_some() { max + max / 64 + 1024 } else { max };
        Ok(Self { decoder, bytes: Vec::new(), left })
    }

    /// Bytes that may still come.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    pub(super) fn is_identity(&self) -> bool {
        self.decoder.is_none()
    }

    pub(super) fn write(&mut self, piece: &[u8]) -> Result<(), EgressError> {
        self.left = self.left.checked_sub(piece.len() as u64).ok_or(EgressError::TooLarge)?;
        match &mut self.decoder {
            None => self.bytes.extend_from_slice(piece),
            Some(decoder) => decoder.write(piece)?,
        }
        Ok(())
    }

    /// The whole body.
    pub(super) fn finish(self) -> Result<Vec<u8>, EgressError> {
        let Some(mut decoder) = self.decoder else { return Ok(self.bytes) };
        decoder.finish()?;
        Ok(decoder.take())
    }
}

impl From<CodingError> for EgressError {
    fn from(error: CodingError) -> Self {
        match error {
            CodingError::Expanded => Self::TooLarge,
            CodingError::Malformed(error) => ProtocolError::Encoded(error).into(),
        }
    }
}
