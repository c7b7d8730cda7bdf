//! How detectors look at the bytes of a text: what belongs to a word, and what stands beside a place.

/// The byte at a place; 0, which belongs to nothing, outside the text.
pub(super) fn at(text: &[u8], place: usize) -> u8 {
    text.get(place).copied().unwrap_or_default()
}

/// The byte before a place; 0 at the beginning.
pub(super) fn before(text: &[u8], place: usize) -> u8 {
    place.checked_sub(1).map_or(0, |place| at(text, place))
}

/// Letters and digits. Asked of nearly every byte beside a digit, and so looked up.
pub(super) fn is_alphanumeric(byte: u8) -> bool {
    static ALPHANUMERIC: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = 0;
        while byte < 128 {
            table[byte] = (byte as u8).is_ascii_alphanumeric();
            byte += 1;
        }
        table
    };
    ALPHANUMERIC[usize::from(byte)]
}

/// Letters, digits and the underscore: what names in programs are made of.
pub(super) fn is_word(byte: u8) -> bool {
    is_alphanumeric(byte) || byte == b'_'
}

/// What tokens in base64url are made of.
pub(super) fn is_token(byte: u8) -> bool {
    is_word(byte) || byte == b'-'
}

/// Where a run of such bytes that goes through a place begins.
pub(super) fn run_start(text: &[u8], place: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let before = text.get(..place).unwrap_or_default();
    before.iter().rposition(|byte| !belongs(*byte)).map_or(0, |last| last + 1)
}

/// Where a run of such bytes ends that begins at a place.
pub(super) fn run_end(text: &[u8], place: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let after = text.get(place..).unwrap_or_default();
    after.iter().position(|byte| !belongs(*byte)).map_or(text.len(), |length| place + length)
}
