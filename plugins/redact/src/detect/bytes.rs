//! How detectors look at the bytes of a text: what belongs to a word, and what stands beside a place.

/// The byte at a place; 0, which belongs to nothing, outside the text.
pub(super) fn at(text: &[u8], place: usize) -> u8 {
    text.get(place).copied().unwrap_or_default()
}

/// The byte before a place; 0 at the beginning.
pub(super) fn before(text: &[u8], place: usize) -> u8 {
    place.checked_sub(1).map_or(0, |place| at(text, place))
}

/// Letters, digits and the underscore: what names in programs are made of.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// What tokens in base64url are made of.
pub(super) fn is_token(byte: u8) -> bool {
    is_word(byte) || byte == b'-'
}

/// Where a run of such bytes that goes through a place begins.
pub(super) fn run_start(text: &[u8], place: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let before = text.get(..place).unwrap_or_default();
    place - before.iter().rev().take_while(|byte| belongs(**byte)).count()
}

/// Where a run of such bytes ends that begins at a place.
pub(super) fn run_end(text: &[u8], place: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let after = text.get(place..).unwrap_or_default();
    place + after.iter().take_while(|byte| belongs(**byte)).count()
}
