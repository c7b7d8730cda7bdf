//! Splices make of a body what they say one by one, or are refused.

use crate::chain::change::changed;
use crate::sandbox::{Change, Splice, Splices};

/// A step that is written as this byte is followed by four of a number.
const GREAT: u8 = 255;

/// Takes a body, what is put in, and a list of splices: for each where it is, how much it removes and puts in.
pub fn splices(data: &[u8]) {
    let mut input = data.iter().copied();
    let edit = input.next().is_none_or(|byte| byte != 0);
    let length = input.next().unwrap_or_default();
    let body: Vec<u8> = input.by_ref().take(length.into()).collect();
    let length = input.next().unwrap_or_default();
    let inserted: Vec<u8> = input.by_ref().take(length.into()).collect();
    let mut pieces = Vec::new();
    while let Some(offset) = number(&mut input) {
        let (remove, insert) = (number(&mut input).unwrap_or_default(), number(&mut input).unwrap_or_default());
        pieces.push(Splice { offset, remove, insert });
    }
    let expected = model(&body, &pieces, &inserted).filter(|_| edit);
    let found = changed(Change::Splice(Splices { pieces, inserted }), edit, &body);
    assert_eq!(
        found.as_ref().ok().and_then(|bytes| bytes.as_deref()),
        expected.as_deref(),
        "{:?}",
        found.as_ref().err()
    );
}

/// A small number, or any.
fn number(input: &mut impl Iterator<Item = u8>) -> Option<u32> {
    match input.next()? {
        GREAT => Some(input.by_ref().take(4).fold(0, |number, byte| number << 8 | u32::from(byte))),
        small => Some(small.into()),
    }
}

/// From the last to the first, so that none moves what others are about.
fn model(body: &[u8], list: &[Splice], inserted: &[u8]) -> Option<Vec<u8>> {
    let range = |splice: &Splice| {
        let start = u64::from(splice.offset);
        start..start + u64::from(splice.remove)
    };
    let ordered = list.windows(2).all(|two| range(&two[0]).end <= range(&two[1]).start);
    if !ordered || list.iter().any(|splice| range(splice).end > body.len() as u64) {
        return None;
    }
    if list.iter().map(|splice| u64::from(splice.insert)).sum::<u64>() != inserted.len() as u64 {
        return None;
    }
    let mut inserted = inserted.to_vec();
    let mut body = body.to_vec();
    for splice in list.iter().rev() {
        let start = splice.offset as usize;
        let put = inserted.split_off(inserted.len() - splice.insert as usize);
        body.splice(start..start + splice.remove as usize, put);
    }
    Some(body)
}

#[cfg(test)]
mod tests {
    use crate::fuzz::play::play;

    #[test]
    fn whatever_becomes_of_splices_they_make_what_they_say_or_nothing() {
        play("splices", super::splices, 500_000);
    }
}
