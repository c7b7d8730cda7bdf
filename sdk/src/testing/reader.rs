//! Readers of what a policy returned, for assertions.

use crate::edits::{APPEND, ATTRIBUTE, REMOVE, SET};
use crate::{BodyEdits, Change, ChunkEdits, Edits, Failure, Head, Response, Verdict};

impl<E> Verdict<E> {
    /// The edits, if it is [`Verdict::Edit`].
    pub fn edits(&self) -> Option<&E> {
        match self {
            Self::Edit(edits) => Some(edits),
            _ => None,
        }
    }

    /// The answer, if it is [`Verdict::Respond`].
    pub fn response(&self) -> Option<&Response> {
        match self {
            Self::Respond(response) => Some(response),
            _ => None,
        }
    }

    /// The failure, if it is [`Verdict::Fail`].
    pub fn failure(&self) -> Option<Failure> {
        match self {
            Self::Fail(failure) => Some(*failure),
            _ => None,
        }
    }
}

impl BodyEdits {
    /// What becomes of the bytes.
    pub fn bytes(&self) -> &Change {
        &self.bytes
    }

    /// What becomes of the head, if anything.
    pub fn head_edits(&self) -> Option<&Edits> {
        self.head.as_ref()
    }
}

impl ChunkEdits {
    /// What becomes of the bytes.
    pub fn bytes(&self) -> &Change {
        &self.bytes
    }

    /// What is carried from here on, if that changes.
    pub fn new_state(&self) -> Option<&[u8]> {
        self.state.as_deref()
    }

    /// How many bytes are held back.
    pub fn held(&self) -> usize {
        self.hold as usize
    }
}

impl Change {
    /// The bytes as they will be sent on, given what came in.
    ///
    /// Panics where splices overlap, descend or leave the body, which is a plugin fault in the gateway.
    pub fn apply(&self, body: &[u8]) -> Vec<u8> {
        match self {
            Self::Keep => body.to_vec(),
            Self::Replace(bytes) => bytes.clone(),
            Self::Splice(splices) => {
                let mut kept = 0;
                for (offset, remove, _) in splices.iter() {
                    let (start, end) = (offset as usize, offset as usize + remove as usize);
                    assert!(
                        kept <= start && end <= body.len(),
                        "splice {start}..{end} overlaps, descends or leaves the body"
                    );
                    kept = end;
                }
                splices.apply(body)
            }
        }
    }
}

impl Edits {
    /// The values a field is set to.
    pub fn sets(&self, name: &str) -> Vec<String> {
        self.changed(SET, name)
    }

    /// The values added to a field.
    pub fn appends(&self, name: &str) -> Vec<String> {
        self.changed(APPEND, name)
    }

    /// Whether a field is removed.
    pub fn removes(&self, name: &str) -> bool {
        !self.changed(REMOVE, name).is_empty()
    }

    /// The value written to an attribute.
    pub fn attribute_value(&self, name: &str) -> Option<String> {
        self.changed(ATTRIBUTE, name).pop()
    }

    /// The new path and query.
    pub fn new_target(&self) -> Option<&str> {
        self.target.as_deref()
    }

    /// The new status.
    pub fn new_status(&self) -> Option<u16> {
        self.status
    }

    /// The carried state.
    pub fn new_state(&self) -> Option<&[u8]> {
        self.state.as_deref()
    }

    /// The values of the changes of one kind and name, in order.
    fn changed(&self, kind: &[u8], name: &str) -> Vec<String> {
        values(&self.changes, &format!("{}{name}", String::from_utf8_lossy(kind)))
    }
}

impl Response {
    /// The status.
    pub fn status_code(&self) -> u16 {
        self.status
    }

    /// The values of a header field.
    pub fn values(&self, name: &str) -> Vec<String> {
        values(&self.fields, name)
    }

    /// The body.
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The body as text; bytes that are not UTF-8 are shown as U+FFFD.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn values(packed: &[u8], name: &str) -> Vec<String> {
    Head::new(packed).all(name).map(|value| String::from_utf8_lossy(value).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Splices;

    fn splices(pieces: &[(u32, u32, &[u8])]) -> Change {
        let mut splices = Splices::new();
        pieces.iter().for_each(|(offset, remove, insert)| splices.put(*offset, *remove, insert));
        Change::Splice(splices)
    }

    #[test]
    fn splices_are_applied_in_order() {
        assert_eq!(splices(&[(0, 1, b"J"), (5, 0, b"!")]).apply(b"hello"), b"Jello!");
        assert_eq!(splices(&[(0, 1, b"J"), (1, 2, b""), (3, 2, b"b")]).apply(b"hello"), b"Jb");
        assert_eq!(Change::Keep.apply(b"a"), b"a");
        assert_eq!(Change::Replace(b"b".to_vec()).apply(b"a"), b"b");
    }

    #[test]
    #[should_panic(expected = "overlaps")]
    fn overlapping_splices_panic() {
        splices(&[(0, 2, b""), (1, 1, b"")]).apply(b"abc");
    }
}
