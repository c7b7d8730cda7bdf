//! The flat list behind `fields` of the contract: writing an entry, reading entries back.

use std::fmt;

/// Bytes before the name of an entry: a `u16` for its length and a `u32` for that of the value.
const LENGTHS: usize = 6;

/// Append one entry, its name in lower case unless it is a fact.
pub(crate) fn push(list: &mut Vec<u8>, name: &str, value: &[u8]) {
    push_prefixed(list, b"", name, value);
}

/// Append an entry whose name is `prefix` and `name` joined.
///
/// The format holds names up to 65,535 bytes. A longer one is cut there, far above what any host accepts, so that it is
/// refused as a plugin fault and never read as something else.
pub(crate) fn push_prefixed(list: &mut Vec<u8>, prefix: &[u8], name: &str, value: &[u8]) {
    let name = &name.as_bytes()[..name.len().min(usize::from(u16::MAX) - prefix.len())];
    let value = &value[..value.len().min(u32::MAX as usize)];
    list.reserve(LENGTHS + prefix.len() + name.len() + value.len());
    list.extend_from_slice(&((prefix.len() + name.len()) as u16).to_le_bytes());
    list.extend_from_slice(&(value.len() as u32).to_le_bytes());
    list.extend_from_slice(prefix);
    let start = list.len();
    list.extend_from_slice(name);
    if name.first() != Some(&b':') {
        list[start..].make_ascii_lowercase();
    }
    list.extend_from_slice(value);
}

/// The entry at the front of `list` and what follows it; none at the end and from the first malformed entry on.
pub(crate) fn split_first(list: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (lengths, rest) = list.split_first_chunk::<LENGTHS>()?;
    let name_length = u16::from_le_bytes([lengths[0], lengths[1]]);
    let value_length = u32::from_le_bytes([lengths[2], lengths[3], lengths[4], lengths[5]]);
    let (name, rest) = rest.split_at_checked(usize::from(name_length))?;
    let (value, rest) = rest.split_at_checked(usize::try_from(value_length).ok()?)?;
    Some((name, value, rest))
}

/// Shows the names of a list and never its values, which may be personal data.
pub(crate) struct Names<'a>(pub(crate) &'a [u8]);

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = f.debug_list();
        let mut list = self.0;
        while let Some((name, _, rest)) = split_first(list) {
            names.entry(&String::from_utf8_lossy(name));
            list = rest;
        }
        names.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entries(mut list: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut entries = Vec::new();
        while let Some((name, value, rest)) = split_first(list) {
            entries.push((String::from_utf8_lossy(name).into_owned(), value.to_vec()));
            list = rest;
        }
        entries
    }

    #[test]
    fn an_entry_is_laid_out_as_the_contract_says() {
        let mut list = Vec::new();
        push(&mut list, "X-A", b"1\xff");
        assert_eq!(list, b"\x03\0\x02\0\0\0x-a1\xff");
    }

    #[test]
    fn an_overlong_name_is_cut_and_leaves_the_next_entry_readable() {
        let mut list = Vec::new();
        push(&mut list, &"n".repeat(70_000), b"");
        push(&mut list, "b", b"2");
        let entries = entries(&list);
        assert_eq!(entries[0].0.len(), 65_535);
        assert_eq!(entries[1], ("b".to_owned(), b"2".to_vec()));
    }

    #[test]
    fn names_are_shown_and_values_are_not() {
        let mut list = Vec::new();
        push(&mut list, "authorization", b"Bearer abc");
        assert_eq!(format!("{:?}", Names(&list)), r#"["authorization"]"#);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(pairs in prop::collection::vec(("[a-z-]{0,12}", any::<Vec<u8>>()), 0..8)) {
            let mut list = Vec::new();
            for (name, value) in &pairs {
                push(&mut list, name, value);
            }
            prop_assert_eq!(entries(&list), pairs);
        }

        #[test]
        fn arbitrary_bytes_are_read_without_panic(bytes in any::<Vec<u8>>()) {
            entries(&bytes);
        }
    }
}
