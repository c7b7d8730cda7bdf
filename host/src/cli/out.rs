//! Writing to the terminal: results to standard output, complaints to standard error, colours only where a person reads.

use std::io::{IsTerminal, Write};

use crate::config::ConfigFault;
pub(super) use crate::config::plain;

/// One line of result. A reader that has gone is no error.
pub(super) fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Text that ends its own lines.
pub(super) fn text(text: &str) {
    let _ = write!(std::io::stdout(), "{text}");
}

/// Lines of cells, each column as wide as its widest.
pub(super) fn table<const COLUMNS: usize>(lines: Vec<[String; COLUMNS]>) {
    let widths: [usize; COLUMNS] =
        std::array::from_fn(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default());
    for cells in lines {
        let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        line(cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// What takes its time, for whoever waits.
pub(super) fn progress(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Something went wrong.
pub(super) fn error(text: &str) {
    let mut stderr = std::io::stderr();
    let (red, plain) = if stderr.is_terminal() { ("\x1b[31m", "\x1b[0m") } else { ("", "") };
    let _ = writeln!(stderr, "{red}error:{plain} {text}");
}

/// All faults of a configuration, a line each.
pub(super) fn faults(folder: &std::path::Path, faults: &[ConfigFault]) {
    for fault in faults {
        let _ = writeln!(std::io::stderr(), "{fault}");
    }
    error(&format!("{} in {}", counted(faults.len(), "fault"), folder.display()));
}

/// So many of what a word that takes an `s` stands for.
pub(super) fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn text_of_strangers_moves_no_cursor() {
        assert_eq!(plain("it's \"so\" in Zürich"), "it's \"so\" in Zürich");
        assert_eq!(plain("a\nb\u{1b}[2J\u{202e}"), "a\\nb\\u{1b}[2J\\u{202e}");
    }
}
