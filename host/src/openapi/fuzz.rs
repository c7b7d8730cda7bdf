//! OpenAPI documents of any kind are read alike each time, or refused with a reason and advice for each fault.

use std::path::Path;

use super::{Document, Fault, MOST_FAULTS};

/// Takes a document, which names no other files.
pub fn openapi(data: &[u8]) {
    for name in ["openapi.yaml", "openapi.json"] {
        let read = || Document::read(Path::new(name), data, &|_, _| None);
        match read() {
            Ok(document) => assert_eq!(Ok(document), read(), "read again it is another"),
            Err(faults) => {
                assert!((1..=MOST_FAULTS).contains(&faults.len()), "{} faults", faults.len());
                faults.iter().for_each(|fault| check(fault, data));
            }
        }
    }
}

fn check(fault: &Fault, data: &[u8]) {
    assert!(!fault.reason.is_empty() && !fault.advice.is_empty(), "{fault:?}");
    let lines = 1 + data.iter().filter(|byte| **byte == b'\n' || **byte == b'\r').count();
    assert!(fault.line.is_none_or(|line| line >= 1 && line as usize <= lines), "{fault:?} of {lines} lines");
}

#[cfg(test)]
mod tests {
    use crate::fuzz::play::play;

    #[test]
    fn whatever_is_written_is_read_alike_or_refused_with_advice() {
        play("openapi", super::openapi, 20_000);
    }
}
