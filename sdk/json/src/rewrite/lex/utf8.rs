//! UTF-8 (RFC 3629) that comes in parts.

/// How much of `bytes` is UTF-8: all of it, or all but a character that is cut at the end, where more `may_follow`. An
/// error is the offset of what is none.
pub(crate) fn utf8(bytes: &[u8], may_follow: bool) -> Result<usize, usize> {
    match std::str::from_utf8(bytes) {
        Ok(_) => Ok(bytes.len()),
        Err(error) if may_follow && error.error_len().is_none() => Ok(error.valid_up_to()),
        Err(error) => Err(error.valid_up_to()),
    }
}
