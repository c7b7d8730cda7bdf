//! Reads the Markdown files of llhttp's tests: what is sent, and what llhttp makes of it.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use lockgate_tests::corpus;

/// One message, or several in a row.
pub(super) struct Block {
    pub(super) file: String,
    pub(super) heading: String,
    pub(super) bytes: Vec<u8>,
    /// Messages that are complete before the error, or all of them.
    pub(super) complete: usize,
    /// Why llhttp refuses it, where it is as strict as it can be.
    pub(super) error: Option<String>,
}

/// The blocks below a folder of the corpus; none, after saying so, where it is not there.
pub(super) fn blocks(folder: &str) -> Option<Vec<Block>> {
    let folder = corpus("llhttp")?.join(folder);
    let mut paths: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: &PathBuf| {
        let file = path.file_stem().unwrap().to_string_lossy().into_owned();
        parse(&file, &fs::read_to_string(path).unwrap())
    };
    let blocks: Vec<_> = paths.iter().flat_map(read).collect();
    assert!(blocks.len() > 50, "{} blocks in {} are not all there were", blocks.len(), folder.display());
    Some(blocks)
}

impl Block {
    /// With a Host field in the first head, so that its absence is not why a request is refused.
    pub(super) fn with_host(&self) -> Vec<u8> {
        let text = String::from_utf8_lossy(&self.bytes).to_ascii_lowercase();
        let head = text.trim_start().split("\r\n\r\n").next().unwrap_or_default();
        let authority = head.split("http://").nth(1).and_then(|rest| rest.split(['/', '?', ' ']).next()).unwrap_or("a");
        let begin = self.bytes.len() - self.bytes.trim_ascii_start().len();
        let line = self.bytes[begin..].windows(2).position(|pair| pair == b"\r\n");
        match line.filter(|_| !head.contains("\r\nhost:")) {
            Some(line) => {
                let (line, rest) = self.bytes.split_at(begin + line);
                [line, format!("\r\nHost: {authority}").as_bytes(), rest].concat()
            }
            None => self.bytes.clone(),
        }
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {:?} ({:?})", self.file, self.heading, String::from_utf8_lossy(&self.bytes))
    }
}

/// Each `http` fence and the `log` fence after it.
fn parse(file: &str, text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut heading, mut lenient) = (String::new(), false);
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with('#') {
            heading = line.trim_start_matches('#').trim().to_owned();
        } else if line.starts_with("<!-- meta") {
            lenient = line.contains("lenient");
        } else if line == "```http" {
            let fenced: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            let bytes = unescape(&fenced.join("\n"));
            blocks.push(Block { file: file.to_owned(), heading: heading.clone(), bytes, complete: 0, error: None });
        } else if line == "```log"
            && let Some(block) = blocks.last_mut()
        {
            for line in lines.by_ref().take_while(|line| *line != "```") {
                block.complete += usize::from(line.ends_with(" message complete"));
                // A pause is what llhttp makes of an upgrade.
                if line.contains(" error code=") && !line.contains("\"Pause on") && !lenient {
                    block.error = Some(line.to_owned());
                }
            }
        }
    }
    blocks
}

/// Ends of lines are CRLF; one after a backslash is none; the rest is as in C.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'\n', _) => bytes.extend(b"\r\n"),
            (b'\\', []) => {}
            (b'\\', [escaped, tail @ ..]) => {
                let digits = |most: usize, radix: u32, tail: &[u8]| {
                    let is_digit = |byte: &&u8| char::from(**byte).is_digit(radix);
                    let count = tail.iter().take(most).take_while(is_digit).count();
                    (u8::from_str_radix(std::str::from_utf8(&tail[..count]).unwrap(), radix), count)
                };
                let plain = match escaped {
                    b'\n' => None,
                    b'r' => Some(b'\r'),
                    b'n' => Some(b'\n'),
                    b't' => Some(b'\t'),
                    b'f' => Some(b'\x0c'),
                    b'x' => {
                        let (value, count) = digits(2, 16, tail);
                        rest = &tail[count..];
                        bytes.push(value.unwrap());
                        continue;
                    }
                    b'0'..=b'7' => {
                        let (value, count) = digits(3, 8, rest);
                        rest = &rest[count..];
                        bytes.push(value.unwrap());
                        continue;
                    }
                    _ => {
                        bytes.push(b'\\');
                        continue;
                    }
                };
                rest = tail;
                bytes.extend(plain);
            }
            _ => bytes.push(*first),
        }
    }
    bytes
}
