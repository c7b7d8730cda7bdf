//! Where the frames of a WebSocket begin and end (RFC 6455 section 5.2), so that a close frame can be put between two.

/// Who sends the frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Client,
    Server,
}

/// Follows one direction of a WebSocket.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: [u8; 14],
    held: usize,
    payload: u64,
}

impl Frames {
    /// These bytes were passed on.
    pub(super) fn passed(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.payload > 0 {
                let here = usize::try_from(self.payload).unwrap_or(usize::MAX).min(bytes.len());
                self.payload -= here as u64;
                bytes = bytes.get(here..).unwrap_or_default();
                continue;
            }
            bytes = rest;
            if let Some(place) = self.head.get_mut(self.held) {
                *place = byte;
            }
            self.held += 1;
            if let Some(payload) = self.payload_after_head() {
                (self.payload, self.held) = (payload, 0);
            }
        }
    }

    /// Whether the next byte begins a frame.
    pub(super) fn between_two(&self) -> bool {
        self.held == 0 && self.payload == 0
    }

    /// The length of what follows, once the head is complete.
    fn payload_after_head(&self) -> Option<u64> {
        let [_, second, rest @ ..] = &self.head;
        if self.held < 2 {
            return None;
        }
        let (extended, payload) = match second & 0x7f {
            126 => (2, rest.first_chunk().map(|length| u64::from(u16::from_be_bytes(*length)))?),
            127 => (8, rest.first_chunk().map(|length| u64::from_be_bytes(*length))?),
            length => (0, u64::from(length)),
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        (self.held == 2 + extended + mask).then_some(payload)
    }

    /// A close frame that says the endpoint is going away (status 1001).
    pub(super) fn going_away(role: Role) -> Vec<u8> {
        const CLOSE: u8 = 0x88;
        let status = 1001_u16.to_be_bytes();
        match role {
            Role::Server => [&[CLOSE, 2], &status[..]].concat(),
            Role::Client => {
                let mut mask = [0; 4];
                // Without randomness the frame is as valid; the mask protects caches from what clients choose to send.
                let _ = getrandom::fill(&mut mask);
                let masked: Vec<_> = status.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
                [&[CLOSE, 0x82], &mask[..], &masked].concat()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(length: usize, masked: bool) -> Vec<u8> {
        let bit = if masked { 0x80 } else { 0 };
        let mut bytes = vec![0x82];
        match length {
            0..126 => bytes.push(bit | length as u8),
            126..65536 => {
                bytes.push(bit | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
            _ => {
                bytes.push(bit | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        if masked {
            bytes.extend([1, 2, 3, 4]);
        }
        bytes.resize(bytes.len() + length, 0xff);
        bytes
    }

    proptest! {
        #[test]
        fn a_frame_ends_where_it_ends_however_it_is_cut(
            lengths in prop::collection::vec((prop_oneof![0..200_usize, 60_000..70_000_usize], any::<bool>()), 1..5),
            cut in 1..5_000_usize,
        ) {
            for piece in [1, cut] {
                let mut frames = Frames::default();
                for (length, masked) in &lengths {
                    let bytes = frame(*length, *masked);
                    let (last, before) = bytes.split_last().unwrap();
                    for piece in before.chunks(piece) {
                        frames.passed(piece);
                        prop_assert!(!frames.between_two());
                    }
                    frames.passed(&[*last]);
                    prop_assert!(frames.between_two());
                }
            }
        }
    }

    #[test]
    fn a_close_frame_is_a_whole_frame() {
        for role in [Role::Client, Role::Server] {
            let bytes = Frames::going_away(role);
            let mut frames = Frames::default();
            frames.passed(&bytes[..bytes.len() - 1]);
            assert!(!frames.between_two());
            frames.passed(&bytes[bytes.len() - 1..]);
            assert!(frames.between_two());
        }
    }
}
