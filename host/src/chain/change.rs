//! What becomes of the bytes a body hook was given, whether they are a whole body or a piece.

use bytes::{Bytes, BytesMut};

use crate::sandbox::{Change, PluginFault, Splice, Splices};

/// The bytes after a change; none where they stay. Bytes change only where `may_edit`.
pub(super) fn changed(change: Change, may_edit: bool, bytes: &[u8]) -> Result<Option<Bytes>, PluginFault> {
    match change {
        Change::Keep => Ok(None),
        Change::Replace(_) | Change::Splice(_) if !may_edit => {
            Err(PluginFault::Answer("it changed a body it only declared to inspect".into()))
        }
        Change::Replace(new) => Ok(Some(new.into())),
        Change::Splice(splices) => spliced(splices, bytes).map(Some),
    }
}

fn spliced(Splices { pieces, inserted }: Splices, bytes: &[u8]) -> Result<Bytes, PluginFault> {
    let wrong = || PluginFault::Answer("splices overlap, or leave the body or what is put in".into());
    let mut new = BytesMut::with_capacity(bytes.len() + inserted.len());
    let (mut done, mut inserted) = (0, &inserted[..]);
    for Splice { offset, remove, insert } in pieces {
        let offset = offset as usize;
        new.extend_from_slice(bytes.get(done..offset).ok_or_else(wrong)?);
        let (put, left) = inserted.split_at_checked(insert as usize).ok_or_else(wrong)?;
        new.extend_from_slice(put);
        inserted = left;
        done = offset.checked_add(remove as usize).filter(|end| *end <= bytes.len()).ok_or_else(wrong)?;
    }
    if !inserted.is_empty() {
        return Err(wrong());
    }
    new.extend_from_slice(&bytes[done..]);
    Ok(new.freeze())
}
