//! Frames of HTTP/2 that bring nothing, counted as they arrive. The h2 crate answers them one by one and keeps none, so they
//! fill no memory; a client that sends them without end still costs time and gets nothing done (CVE-2019-9512, -9515,
//! -9518).

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

use super::inspect::Inspect;
use super::pulse::Pulse;

/// Bytes before the first frame (RFC 9113 section 3.4).
const PREFACE: u32 = 24;
/// Bytes of the head of a frame (RFC 9113 section 4.1).
const HEAD: usize = 9;

const DATA: u8 = 0;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const PADDED: u8 = 8;
/// Bytes of padding at most, with their length (RFC 9113 section 6.1).
const PADDING: u32 = 256;

/// Tells a pulse of the frames on a stream of HTTP/2 that bring nothing.
pub(super) struct FrameCounter {
    pulse: Rc<Pulse>,
    frames: Frames,
}

impl FrameCounter {
    pub(super) fn new(pulse: Rc<Pulse>) -> Self {
        Self { pulse, frames: Frames::default() }
    }
}

impl Inspect for FrameCounter {
    fn poll_read(
        &mut self,
        stream: Pin<&mut impl AsyncRead>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = stream.poll_read(cx, buffer);
        match self.frames.follow(buffer.filled().get(before..).unwrap_or_default()) {
            0 => {}
            idle => self.pulse.idle_frames(idle),
        }
        polled
    }
}

/// Where in the stream of frames we are.
struct Frames {
    head: [u8; HEAD],
    held: usize,
    /// Bytes until the next head begins.
    payload: u32,
}

impl Default for Frames {
    fn default() -> Self {
        Self { head: [0; HEAD], held: 0, payload: PREFACE }
    }
}

impl Frames {
    /// Go through what has arrived; how many frames in it bring nothing.
    fn follow(&mut self, mut bytes: &[u8]) -> u32 {
        let mut idle = 0;
        while !bytes.is_empty() {
            let skipped = usize::try_from(self.payload).unwrap_or(usize::MAX).min(bytes.len());
            self.payload -= u32::try_from(skipped).unwrap_or(self.payload);
            bytes = bytes.get(skipped..).unwrap_or_default();
            let (now, later) = bytes.split_at(bytes.len().min(HEAD - self.held));
            if let Some(free) = self.head.get_mut(self.held..self.held + now.len()) {
                free.copy_from_slice(now);
            }
            self.held += now.len();
            bytes = later;
            if self.held == HEAD {
                idle += u32::from(self.head_ends());
            }
        }
        idle
    }

    /// Begin with the payload; whether the frame brings nothing.
    fn head_ends(&mut self) -> bool {
        let [a, b, c, kind, flags, ..] = self.head;
        self.payload = u32::from_be_bytes([0, a, b, c]);
        self.held = 0;
        match kind {
            // Padding may be all there is.
            DATA => flags & END_STREAM == 0 && (self.payload == 0 || flags & PADDED != 0 && self.payload <= PADDING),
            // How long a head may be is another matter.
            CONTINUATION => false,
            // A head that begins a request is forgiven then; one beyond the streams there may be is not.
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
        let size = (length as u32).to_be_bytes();
        [&size[1..], &[kind, flags, 0, 0, 0, 1], &vec![6; length]].concat()
    }

    proptest! {
        #[test]
        fn frames_are_counted_however_they_are_cut(
            frames in prop::collection::vec((0..12_u8, 0..2_u8, 0..50_usize), 0..20),
            cut in 1..100_usize,
        ) {
            let idle = frames.iter().filter(|(kind, flags, length)| match *kind {
                0 => *length == 0 && *flags == 0,
                9 => false,
                _ => true,
            });
            let idle = idle.count() as u32;
            let sent = frames.iter().flat_map(|(kind, flags, length)| frame(*kind, *flags, *length));
            let bytes: Vec<u8> = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".iter().copied().chain(sent).collect();
            let mut follower = Frames::default();
            prop_assert_eq!(bytes.chunks(cut).map(|piece| follower.follow(piece)).sum::<u32>(), idle);
        }
    }
}
