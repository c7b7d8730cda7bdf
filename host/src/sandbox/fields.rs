//! The flat list of named byte strings that crosses the boundary (`types.fields` in `wit/types.wit`).

const HEADER: usize = 6;

/// A list was not laid out as the contract says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed field list")]
pub(crate) struct Malformed;

/// Append one entry. Names and values beyond the format's reach (64 KiB, 4 GiB) do not occur: both
/// come from messages whose heads are bounded far below.
pub(crate) fn push(list: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    push_prefixed(list, b"", name, value);
}

/// Append an entry whose name is `prefix` and `name` joined.
pub(crate) fn push_prefixed(list: &mut Vec<u8>, prefix: &[u8], name: &[u8], value: &[u8]) {
    let (Ok(name_length), Ok(value_length)) = (u16::try_from(prefix.len() + name.len()), u32::try_from(value.len()))
    else {
        return;
    };
    list.reserve(HEADER + prefix.len() + name.len() + value.len());
    list.extend_from_slice(&name_length.to_le_bytes());
    list.extend_from_slice(&value_length.to_le_bytes());
    list.extend_from_slice(prefix);
    list.extend_from_slice(name);
    list.extend_from_slice(value);
}

/// Append an entry whose value is a text, written in place.
pub(crate) fn push_display(list: &mut Vec<u8>, name: &[u8], value: impl std::fmt::Display) {
    use std::io::Write;
    let start = list.len();
    push(list, name, b"");
    let text = list.len();
    // Writing to memory does not fail, and a value this side makes is short.
    let _ = write!(list, "{value}");
    let length = u32::try_from(list.len() - text).unwrap_or_default();
    if let Some(field) = list.get_mut(start + 2..start + HEADER) {
        field.copy_from_slice(&length.to_le_bytes());
    }
}

/// The entries of a list, in order; after a malformed one, nothing more.
pub(crate) fn entries(list: &[u8]) -> Entries<'_> {
    Entries { rest: list }
}

#[derive(Clone)]
pub(crate) struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<(&'a [u8], &'a [u8]), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = split(self.rest);
        match entry {
            Some((name, value, rest)) => {
                self.rest = rest;
                Some(Ok((name, value)))
            }
            None => {
                self.rest = &[];
                Some(Err(Malformed))
            }
        }
    }
}

fn split(list: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (header, rest) = list.split_first_chunk::<HEADER>()?;
    let [n0, n1, v0, v1, v2, v3] = *header;
    let name_length = usize::from(u16::from_le_bytes([n0, n1]));
    let value_length = usize::try_from(u32::from_le_bytes([v0, v1, v2, v3])).ok()?;
    let (name, rest) = rest.split_at_checked(name_length)?;
    let (value, rest) = rest.split_at_checked(value_length)?;
    Some((name, value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_comes_back_in_order() {
        let mut list = Vec::new();
        push(&mut list, b"a", b"1");
        push_prefixed(&mut list, b"@", b"auth.sub", b"");
        push_display(&mut list, b":id", format_args!("{:04x}", 255));
        push(&mut list, b"b", b"2");
        let back: Vec<_> = entries(&list).map(Result::unwrap).collect();
        assert_eq!(back, [(&b"a"[..], &b"1"[..]), (b"@auth.sub", b""), (b":id", b"00ff"), (b"b", b"2")]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_panic_and_end(list: Vec<u8>) {
            let all: Vec<_> = entries(&list).collect();
            let malformed = all.iter().filter(|entry| entry.is_err()).count();
            proptest::prop_assert!(malformed <= 1);
        }
    }
}
