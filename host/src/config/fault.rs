//! Owns what a configuration fault is, and the place in a file it points to.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Something wrong in the policies folder, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error)]
pub(crate) struct ConfigFault {
    /// Relative to the policies folder.
    pub file: PathBuf,
    /// Counted from 1; none when the fault concerns the whole file.
    pub line: Option<u32>,
    /// Dotted path of the key, `route[0].match.path`; empty for the whole file.
    pub key: String,
    /// What is wrong.
    pub reason: String,
    /// What to write instead.
    pub advice: String,
}

impl ConfigFault {
    /// A fault of a whole file.
    pub(super) fn of_file(file: &Path, reason: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, key: String::new(), reason: reason.into(), advice: advice.into() }
    }
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&plain(&self.file.to_string_lossy()))?;
        if let Some(line) = self.line {
            write!(out, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(out, ": {}", plain(&self.key))?;
        }
        // Names of files, and what components complain of, are text of strangers.
        write!(out, ": {}; {}", plain(&self.reason), plain(&self.advice))
    }
}

/// Text of strangers on one line, without what a terminal would act on.
pub(crate) fn plain(text: &str) -> String {
    let plain = |letter: char| match letter {
        '\'' | '"' | '\\' => letter.to_string(),
        _ => letter.escape_debug().to_string(),
    };
    text.chars().map(plain).collect()
}

/// Where something was configured, so that later stages can complain about it as precisely as the parser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Relative to the policies folder.
    pub file: Arc<Path>,
    /// Counted from 1.
    pub line: Option<u32>,
    /// Dotted path of the key.
    pub key: String,
}

impl Place {
    /// A fault at this place.
    pub(crate) fn fault(&self, reason: impl Into<String>, advice: impl Into<String>) -> ConfigFault {
        ConfigFault {
            file: self.file.to_path_buf(),
            line: self.line,
            key: self.key.clone(),
            reason: reason.into(),
            advice: advice.into(),
        }
    }

    /// A place below this one, for faults inside a value whose lines are not known any more.
    pub(crate) fn below(&self, path: &str) -> Place {
        let join = if self.key.is_empty() || path.is_empty() || path.starts_with('[') { "" } else { "." };
        Place { file: Arc::clone(&self.file), line: self.line, key: format!("{}{join}{path}", self.key) }
    }
}

/// Something read from a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At<T> {
    pub value: T,
    pub place: Place,
}

/// The faults found so far.
pub(super) type Faults = Vec<ConfigFault>;

/// Whether a value at or below `place` is already known to be faulty, so that what follows from that need not be said.
pub(crate) fn complained_below(faults: &[ConfigFault], place: &Place) -> bool {
    faults.iter().any(|fault| {
        let rest = fault.key.strip_prefix(place.key.as_str());
        fault.file == *place.file && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    })
}

/// User text fit for a message: short, without control characters, and without what stands before an `@`, which in a
/// URL may be a password.
pub(super) fn quoted(text: &str) -> String {
    const MOST: usize = 60;
    let text = match text.rsplit_once('@') {
        Some((before, host)) => {
            let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
            &format!("{scheme}{}…@{host}", if scheme.is_empty() { "" } else { "://" })
        }
        None => text,
    };
    let mut shown: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    format!("\"{shown}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place { file: Path::new("petstore/api.toml").into(), line: Some(7), key: "route[0]".into() }
    }

    #[test]
    fn what_strangers_say_moves_no_cursor() {
        let fault = place().fault("\u{1b}[2Jfine\n\u{202e}", "say \"it\", not \\n");
        let text = "petstore/api.toml:7: route[0]: \\u{1b}[2Jfine\\n\\u{202e}; say \"it\", not \\n";
        assert_eq!(fault.to_string(), text);
    }

    #[test]
    fn a_fault_reads_file_line_key_reason_advice() {
        let fault = place().below("match.path").fault("is missing", "add it");
        assert_eq!(fault.to_string(), "petstore/api.toml:7: route[0].match.path: is missing; add it");
    }

    #[test]
    fn a_fault_of_a_whole_file_has_neither_line_nor_key() {
        let fault = ConfigFault::of_file(Path::new("gateway.toml"), "is missing", "create it");
        assert_eq!(fault.to_string(), "gateway.toml: is missing; create it");
    }

    #[test]
    fn a_fault_can_be_serialised() {
        let json = serde_json::to_value(place().fault("r", "a")).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"file": "petstore/api.toml", "line": 7, "key": "route[0]", "reason": "r", "advice": "a"})
        );
    }

    #[test]
    fn quoted_text_is_short_and_printable() {
        assert_eq!(quoted("a\nb"), "\"a\\nb\"");
        assert!(quoted(&"x".repeat(1000)).len() < 80);
    }

    #[test]
    fn quoted_text_holds_no_password() {
        assert_eq!(quoted("http://user:hunter2@pets:80"), "\"http://…@pets:80\"");
        assert_eq!(quoted("user:hunt/er@2@pets"), "\"…@pets\"");
    }
}
