//! Content codings (RFC 9110 section 8.4.1), undone piece by piece and within bounds.

#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;

use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use zstd::stream::raw::{self, DParameter, InBuffer, Operation, OutBuffer};

/// Most bytes of window that are kept for Zstandard, as a power of two: what RFC 9659 allows.
const ZSTD_WINDOW: u32 = 23;
/// Bytes that are decoded at once inside.
const STEP: usize = 16 * 1024;

/// A coding that can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// RFC 1952, of several members too.
    Gzip,
    /// RFC 1950, as RFC 9110 has it.
    Deflate,
    /// RFC 7932.
    Brotli,
    /// RFC 8878, of several frames too.
    Zstd,
}

/// A coding that is not known, or one upon another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("in a coding that is not known, or in several")]
pub(crate) struct UnknownCoding;

/// Why bytes cannot be decoded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CodingError {
    #[error("not in the coding it is said to be in")]
    Malformed(#[source] io::Error),
    /// More comes out than may.
    #[error("longer than allowed once it is decoded")]
    Expanded,
}

/// How much may come out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Bytes, whatever has gone in.
    pub(crate) free: u64,
    /// Bytes more for each that has gone in.
    pub(crate) ratio: u64,
}

/// Takes the bytes of a body piece by piece.
pub(crate) struct Decoder {
    inner: Inner,
    ratio: u64,
    is_begun: bool,
}

enum Inner {
    Gzip(Box<MultiGzDecoder<Out>>),
    Deflate(Box<ZlibDecoder<Out>>),
    Brotli(Box<DecompressorWriter<Out>>),
    Zstd(Box<Zstd>),
}

impl Coding {
    /// What the fields of a message say; none where it is not coded.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>, UnknownCoding> {
        let mut fields = headers.get_all(CONTENT_ENCODING).iter();
        let Some(field) = fields.next() else { return Ok(None) };
        if fields.next().is_some() {
            return Err(UnknownCoding);
        }
        match field.as_bytes().trim_ascii().to_ascii_lowercase().as_slice() {
            b"" | b"identity" => Ok(None),
            b"gzip" | b"x-gzip" => Ok(Some(Self::Gzip)),
            b"deflate" => Ok(Some(Self::Deflate)),
            b"br" => Ok(Some(Self::Brotli)),
            b"zstd" => Ok(Some(Self::Zstd)),
            _ => Err(UnknownCoding),
        }
    }
}

impl Decoder {
    pub(crate) fn new(coding: Coding, bounds: Bounds) -> Result<Self, CodingError> {
        let out = Out { bytes: Vec::new(), room: bounds.free, is_full: false };
        let inner = match coding {
            Coding::Gzip => Inner::Gzip(Box::new(MultiGzDecoder::new(out))),
            Coding::Deflate => Inner::Deflate(Box::new(ZlibDecoder::new(out))),
            Coding::Brotli => Inner::Brotli(Box::new(DecompressorWriter::new(out, STEP))),
            Coding::Zstd => Inner::Zstd(Box::new(Zstd::new(out).map_err(CodingError::Malformed)?)),
        };
        Ok(Self { inner, ratio: bounds.ratio, is_begun: false })
    }

    /// Decode a piece, all that can be told of it so far. What comes out is at most what the bounds leave, so short
    /// pieces make short work.
    pub(crate) fn write(&mut self, piece: &[u8]) -> Result<(), CodingError> {
        self.is_begun |= !piece.is_empty();
        let more = self.ratio.saturating_mul(piece.len() as u64);
        let out = self.out();
        out.room = out.room.saturating_add(more);
        let written = match &mut self.inner {
            Inner::Gzip(decoder) => decoder.write_all(piece).and_then(|()| decoder.flush()),
            Inner::Deflate(decoder) => decoder.write_all(piece).and_then(|()| decoder.flush()),
            Inner::Brotli(decoder) => decoder.write_all(piece),
            Inner::Zstd(decoder) => decoder.write(piece),
        };
        written.map_err(|error| self.blame(error))
    }

    /// Nothing more comes: what has come must be whole. A body of no bytes is in no coding, as the answer to HEAD has
    /// the fields of another.
    pub(crate) fn finish(&mut self) -> Result<(), CodingError> {
        let ended = match &mut self.inner {
            _ if !self.is_begun => Ok(()),
            Inner::Gzip(decoder) => decoder.try_finish(),
            Inner::Deflate(decoder) => decoder.try_finish(),
            Inner::Brotli(decoder) => decoder.close(),
            Inner::Zstd(decoder) => decoder.finish(),
        };
        ended.map_err(|error| self.blame(error))
    }

    /// What has come out since the last time.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out().bytes)
    }

    /// How many bytes that would be.
    pub(crate) fn len(&mut self) -> usize {
        self.out().bytes.len()
    }

    fn blame(&mut self, error: io::Error) -> CodingError {
        if self.out().is_full { CodingError::Expanded } else { CodingError::Malformed(error) }
    }

    fn out(&mut self) -> &mut Out {
        match &mut self.inner {
            Inner::Gzip(decoder) => decoder.get_mut(),
            Inner::Deflate(decoder) => decoder.get_mut(),
            Inner::Brotli(decoder) => decoder.get_mut(),
            Inner::Zstd(decoder) => &mut decoder.out,
        }
    }
}

/// Frames of Zstandard, one after the other.
struct Zstd {
    decoder: raw::Decoder<'static>,
    buffer: Box<[u8]>,
    out: Out,
    /// Whether all frames that began have ended.
    is_whole: bool,
}

impl Zstd {
    fn new(out: Out) -> io::Result<Self> {
        let mut decoder = raw::Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW))?;
        Ok(Self { decoder, buffer: vec![0; STEP].into(), out, is_whole: false })
    }

    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        let mut input = InBuffer::around(piece);
        loop {
            let mut output = OutBuffer::around(&mut self.buffer[..]);
            let wanted = self.decoder.run(&mut input, &mut output)?;
            let decoded = output.pos();
            self.out.write_all(&self.buffer[..decoded])?;
            // Where all was used up and the buffer has room, nothing more can be told.
            self.is_whole = wanted == 0;
            if input.pos() == piece.len() && (self.is_whole || decoded < self.buffer.len()) {
                return Ok(());
            }
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.is_whole { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

/// Bytes, as many as there may be.
struct Out {
    bytes: Vec<u8>,
    /// How many more may come.
    room: u64,
    is_full: bool,
}

impl Write for Out {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let Some(room) = self.room.checked_sub(piece.len() as u64) else {
            self.is_full = true;
            return Err(io::ErrorKind::StorageFull.into());
        };
        self.room = room;
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use http::HeaderValue;

    const ALL: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];
    const AMPLE: Bounds = Bounds { free: 1 << 30, ratio: 0 };

    fn encoded(coding: Coding, bytes: &[u8]) -> Vec<u8> {
        match coding {
            Coding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Coding::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Coding::Brotli => {
                let mut out = Vec::new();
                let mut encoder = brotli::CompressorWriter::new(&mut out, 4096, 9, 22);
                encoder.write_all(bytes).unwrap();
                drop(encoder);
                out
            }
            Coding::Zstd => zstd::bulk::compress(bytes, 9).unwrap(),
        }
    }

    /// Decode in pieces of so many bytes.
    fn decoded(coding: Coding, bytes: &[u8], piece: usize, bounds: Bounds) -> Result<Vec<u8>, CodingError> {
        let mut decoder = Decoder::new(coding, bounds)?;
        let mut out = Vec::new();
        for piece in bytes.chunks(piece) {
            decoder.write(piece)?;
            out.extend(decoder.take());
        }
        decoder.finish()?;
        out.extend(decoder.take());
        Ok(out)
    }

    fn text() -> Vec<u8> {
        (0..20_000).flat_map(|n| format!("{{\"n\":{n},\"m\":{}}}\n", n * 7919 % 1009).into_bytes()).collect()
    }

    #[test]
    fn every_coding_is_undone_however_it_arrives() {
        for coding in ALL {
            for text in [text(), b"a".to_vec(), Vec::new()] {
                let bytes = encoded(coding, &text);
                for piece in [1, 7, 512, bytes.len().max(1)] {
                    assert!(decoded(coding, &bytes, piece, AMPLE).unwrap() == text, "{coding:?} by {piece}");
                }
            }
        }
    }

    #[test]
    fn what_has_come_is_decoded_at_once_where_it_was_flushed() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(b"data: 1\n\n").unwrap();
        encoder.flush().unwrap();
        let mut decoder = Decoder::new(Coding::Gzip, AMPLE).unwrap();
        decoder.write(encoder.get_ref()).unwrap();
        assert_eq!(decoder.take(), b"data: 1\n\n");
    }

    #[test]
    fn what_is_cut_or_broken_or_followed_by_more_is_refused() {
        for coding in ALL {
            let bytes = encoded(coding, &text());
            let malformed = |bytes: &[u8]| {
                for piece in [1, 512, bytes.len()] {
                    let decoded = decoded(coding, bytes, piece, AMPLE);
                    assert!(matches!(decoded, Err(CodingError::Malformed(_))), "{coding:?} by {piece}: {decoded:?}");
                }
            };
            malformed(&bytes[..bytes.len() - 1]);
            malformed(&bytes[..bytes.len() / 2]);
            malformed(&[&bytes, &b"more"[..]].concat());
            malformed(b"{\"n\":1}");
        }
        // A sum at the end tells what the rest does not.
        for coding in [Coding::Gzip, Coding::Deflate] {
            let mut bytes = encoded(coding, b"hello");
            let last = bytes.len() - 5;
            bytes[last] ^= 1;
            assert!(decoded(coding, &bytes, 1, AMPLE).is_err(), "{coding:?}");
        }
    }

    #[test]
    fn no_more_comes_out_than_the_bounds_leave() {
        let zeros = vec![0; 8 << 20];
        for coding in ALL {
            let bytes = encoded(coding, &zeros);
            for piece in [1, 512, bytes.len()] {
                let mut decoder = Decoder::new(coding, Bounds { free: 1 << 20, ratio: 200 }).unwrap();
                let mut most = 0;
                let decoded: Result<(), _> = bytes.chunks(piece).try_for_each(|piece| {
                    let written = decoder.write(piece);
                    most += decoder.take().len() as u64;
                    written
                });
                assert!(matches!(decoded, Err(CodingError::Expanded)), "{coding:?} by {piece}");
                assert!(most <= (1 << 20) + 200 * bytes.len() as u64, "{coding:?} by {piece}: {most}");
            }
            assert_eq!(decoded(coding, &bytes, 512, Bounds { free: 8 << 20, ratio: 0 }).unwrap().len(), zeros.len());
        }
    }

    #[test]
    fn a_window_beyond_what_may_be_asked_for_is_refused() {
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(24).unwrap();
        encoder.write_all(&vec![7; 32 << 20]).unwrap();
        let bytes = encoder.finish().unwrap();
        assert!(matches!(decoded(Coding::Zstd, &bytes, 512, AMPLE), Err(CodingError::Malformed(_))));
    }

    #[test]
    fn the_coding_is_read_from_one_field_with_one_name() {
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_ENCODING, HeaderValue::from_static(value));
            }
            Coding::of(&headers)
        };
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&["identity"]), Ok(None));
        assert_eq!(of(&[" GZip "]), Ok(Some(Coding::Gzip)));
        assert_eq!(of(&["br"]), Ok(Some(Coding::Brotli)));
        for unknown in [&["compress"][..], &["gzip, br"], &["gzip", "gzip"]] {
            assert_eq!(of(unknown), Err(UnknownCoding), "{unknown:?}");
        }
    }
}
