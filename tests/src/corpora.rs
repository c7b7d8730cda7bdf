//! Test material of others, which is not part of this repository.

use std::io::{self, Write};
use std::path::PathBuf;

use crate::guests::workspace;

/// A folder of it, below `LOCKGATE_CORPORA` or else beside the repository; none, after saying so, where it is not
/// there.
pub fn corpus(name: &str) -> Option<PathBuf> {
    let root =
        std::env::var_os("LOCKGATE_CORPORA").map_or_else(|| workspace().join("../shared/corpora"), PathBuf::from);
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    // Written past the test harness, which hides what passing tests print.
    let _ = writeln!(io::stderr(), "skipped: there is no {}; set LOCKGATE_CORPORA", folder.display());
    None
}
