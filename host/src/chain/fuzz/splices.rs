//! Splices make of a body what they say one by one, or are refused.

use bytes::Bytes;

use crate::chain::act::{Acted, act};
use crate::chain::edits::Writes;
use crate::chain::media::MediaTypes;
use crate::chain::step::BodyHook;
use crate::sandbox::{Action, BodyInterest, PluginFault, Splice};

/// A step that is written as this byte is followed by four of a number.
const GREAT: u8 = 255;

/// Takes a body and a list of splices: for each how far it is from the last, how much it removes and inserts.
pub fn splices(data: &[u8]) {
    let mut input = data.iter().copied();
    let edit = input.next().is_none_or(|byte| byte != 0);
    let length = input.next().unwrap_or_default();
    let body: Vec<u8> = input.by_ref().take(length.into()).collect();
    let mut list = Vec::new();
    while let Some(offset) = number(&mut input) {
        let (remove, length) = (number(&mut input).unwrap_or_default(), input.next().unwrap_or_default());
        let insert: Vec<u8> = input.by_ref().take(usize::from(length % 16)).collect();
        list.push(Splice { offset, remove, insert });
    }
    let expected = model(&body, &list).filter(|_| edit);
    let found = spliced(&body, list, edit);
    assert_eq!(found.as_deref().ok(), expected.as_deref(), "{:?}", found.as_ref().err());
}

/// A small number, or any.
fn number(input: &mut impl Iterator<Item = u8>) -> Option<u32> {
    match input.next()? {
        GREAT => Some(input.by_ref().take(4).fold(0, |number, byte| number << 8 | u32::from(byte))),
        small => Some(small.into()),
    }
}

/// From the last to the first, so that none moves what others are about.
fn model(body: &[u8], list: &[Splice]) -> Option<Vec<u8>> {
    let range = |splice: &Splice| {
        let start = u64::from(splice.offset);
        start..start + u64::from(splice.remove)
    };
    let ordered = list.windows(2).all(|two| range(&two[0]).end <= range(&two[1]).start);
    if !ordered || list.iter().any(|splice| range(splice).end > body.len() as u64) {
        return None;
    }
    let mut body = body.to_vec();
    for splice in list.iter().rev() {
        let start = splice.offset as usize;
        body.splice(start..start + splice.remove as usize, splice.insert.iter().copied());
    }
    Some(body)
}

/// What becomes of a body at a hook that may edit it, or may not.
fn spliced(body: &[u8], list: Vec<Splice>, edit: bool) -> Result<Bytes, PluginFault> {
    let interest =
        BodyInterest { buffered: true, edit, max_bytes: u64::MAX, content_types: Vec::new(), refuse_others: false };
    let hook = BodyHook { interest, types: MediaTypes::default(), writes: Writes::default() };
    match act(Action::Splice(list), &hook, body)? {
        Acted::Bytes(new) => Ok(new),
        _ => Ok(Bytes::copy_from_slice(body)),
    }
}

#[cfg(test)]
mod tests {
    use crate::fuzz::play::play;

    #[test]
    fn whatever_becomes_of_splices_they_make_what_they_say_or_nothing() {
        play("splices", super::splices, 500_000);
    }
}
