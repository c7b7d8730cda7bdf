//! Numbers for the gateway's `/metrics`, and for what it writes down of the request. Needs no grant.

use super::host::metrics as host;

/// Add to a counter, `labels` being names and values.
///
/// Names are `[a-z][a-z0-9_]*`, at most 64 bytes, with at most 4 labels; anything else is a plugin fault. Label values
/// beyond 256 sets per counter are counted under `other`. They stand in the access log, too: no place for data of persons.
pub fn count(name: &str, by: u64, labels: &[(&str, &str)]) {
    let labels: Vec<host::Label<'_>> = labels.iter().map(|&(name, value)| host::Label { name, value }).collect();
    host::count(name, by, &labels);
}
