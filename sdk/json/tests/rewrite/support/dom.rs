//! The plain way: read a document as a tree, treat the tree. It shares no code with the rewriter.

use lockgate_json::rewrite::{Guide, Replacement, Scalar, Treatment};
use lockgate_json::select::State;

/// A document, its scalars and names as they stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tree {
    Scalar(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
    /// A string of this text, however it is escaped.
    Text(String),
    /// A string whose text is this document.
    Embedded(Box<Tree>),
}

/// The guide wants the document blocked.
#[derive(Debug)]
pub(crate) struct Blocked;

/// Read well-formed JSON; none where it is not.
pub(crate) fn parse(text: &str) -> Option<Tree> {
    let (tree, rest) = value(text.trim_start_matches(WHITE))?;
    rest.trim_start_matches(WHITE).is_empty().then_some(tree)
}

/// The characters of a string, between its quotation marks.
pub(crate) fn decode(raw: &str) -> String {
    let mut units = Vec::new();
    let mut chars = raw.chars();
    while let Some(char) = chars.next() {
        let plain = match char {
            '\\' => match chars.next().unwrap() {
                'u' => {
                    let digits: String = chars.by_ref().take(4).collect();
                    units.push(u16::from_str_radix(&digits, 16).unwrap());
                    continue;
                }
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'b' => '\u{8}',
                'f' => '\u{c}',
                other => other,
            },
            other => other,
        };
        units.extend(plain.encode_utf16(&mut [0; 2]).iter());
    }
    String::from_utf16_lossy(&units)
}

/// Treats a document, and gathers the strings that are gone, as they stood.
pub(crate) struct Dom<'a, G> {
    pub(crate) guide: &'a mut G,
    pub(crate) longest: usize,
    pub(crate) gone: Vec<String>,
}

impl<G: Guide> Dom<'_, G> {
    pub(crate) fn document(&mut self, tree: Tree, root: State, embedded: usize) -> Result<Tree, Blocked> {
        if self.guide.treatment(root) == Treatment::Remove {
            self.is_gone(&tree);
            return Ok(Tree::Scalar("null".into()));
        }
        self.treat(tree, root, embedded)
    }

    fn treat(&mut self, tree: Tree, at: State, embedded: usize) -> Result<Tree, Blocked> {
        let treatment = self.guide.treatment(at);
        match treatment {
            Treatment::Block => return Err(Blocked),
            Treatment::Null => {
                self.is_gone(&tree);
                return Ok(Tree::Scalar("null".into()));
            }
            _ => {}
        }
        Ok(match tree {
            Tree::Object(members) => Tree::Object(self.members(members, at, embedded)?),
            Tree::Array(items) => Tree::Array(self.items(items, at, embedded)?),
            Tree::Scalar(raw) => match (treatment, raw.as_bytes()[0]) {
                (Treatment::Embedded, b'"') => self.embedded(raw, at, embedded)?,
                (Treatment::Rewrite, b'"') => {
                    let text = decode(inner(&raw));
                    self.replace(raw, at, |guide| guide.rewrite(at, Scalar::Text(&text)))?
                }
                (Treatment::Rewrite | Treatment::Embedded, b't' | b'f') => {
                    let value = Scalar::Bool(raw == "true");
                    self.replace(raw, at, |guide| guide.rewrite(at, value))?
                }
                (Treatment::Keep, b'-' | b'0'..=b'9') if self.guide.inspects() => {
                    let number = raw.clone();
                    self.replace(raw, at, |guide| guide.inspect(&number))?
                }
                (Treatment::Rewrite | Treatment::Embedded, b'-' | b'0'..=b'9') => {
                    let number = raw.clone();
                    self.replace(raw, at, |guide| guide.rewrite(at, Scalar::Number(&number)))?
                }
                (Treatment::Keep, b'"') if self.guide.inspects() => {
                    let text = decode(inner(&raw));
                    self.replace(raw, at, |guide| guide.inspect(&text))?
                }
                _ => Tree::Scalar(raw),
            },
            Tree::Text(_) | Tree::Embedded(_) => panic!("nothing that was parsed"),
        })
    }

    fn members(
        &mut self,
        members: Vec<(String, Tree)>,
        at: State,
        embedded: usize,
    ) -> Result<Vec<(String, Tree)>, Blocked> {
        let mut kept = Vec::new();
        for (raw, tree) in members {
            let name = decode(inner(&raw));
            let below = self.guide.member(at, &name);
            if self.guide.treatment(below) == Treatment::Remove {
                self.gone.push(raw);
                self.is_gone(&tree);
                continue;
            }
            let replacement = if self.guide.inspects() { self.guide.inspect(&name) } else { Replacement::Keep };
            if replacement != Replacement::Keep {
                self.gone.push(raw.clone());
            }
            let name = match replacement {
                Replacement::Keep => raw,
                Replacement::Null => "\"\"".to_owned(),
                Replacement::Text(text) | Replacement::Number(text) => serde_json::to_string(&text).unwrap(),
                Replacement::Block => return Err(Blocked),
            };
            kept.push((name, self.treat(tree, below, embedded)?));
        }
        Ok(kept)
    }

    fn items(&mut self, items: Vec<Tree>, at: State, embedded: usize) -> Result<Vec<Tree>, Blocked> {
        let mut kept = Vec::new();
        for (index, tree) in items.into_iter().enumerate() {
            let below = self.guide.item(at, index as u32);
            if self.guide.treatment(below) == Treatment::Remove {
                self.is_gone(&tree);
            } else {
                kept.push(self.treat(tree, below, embedded)?);
            }
        }
        Ok(kept)
    }

    fn embedded(&mut self, raw: String, at: State, embedded: usize) -> Result<Tree, Blocked> {
        let text = decode(inner(&raw));
        let is_read = inner(&raw).len() <= self.longest && embedded < 4;
        match parse(&text).filter(|tree| is_read && !matches!(tree, Tree::Scalar(raw) if !raw.starts_with('"'))) {
            Some(tree) => Ok(Tree::Embedded(Box::new(self.document(tree, at, embedded + 1)?))),
            None => self.replace(raw, at, |guide| guide.rewrite(at, Scalar::Text(&text))),
        }
    }

    fn replace(&mut self, raw: String, at: State, ask: impl FnOnce(&mut G) -> Replacement) -> Result<Tree, Blocked> {
        let length = if raw.starts_with('"') { raw.len() - 2 } else { raw.len() };
        let replacement = if length > self.longest { self.guide.rewrite(at, Scalar::TooLong) } else { ask(self.guide) };
        if replacement != Replacement::Keep {
            self.gone.push(raw.clone());
        }
        match replacement {
            Replacement::Keep => Ok(Tree::Scalar(raw)),
            Replacement::Null => Ok(Tree::Scalar("null".into())),
            Replacement::Text(text) => Ok(Tree::Text(text)),
            Replacement::Number(digits) => Ok(Tree::Scalar(digits)),
            Replacement::Block => Err(Blocked),
        }
    }

    fn is_gone(&mut self, tree: &Tree) {
        match tree {
            Tree::Scalar(raw) => self.gone.push(raw.clone()),
            Tree::Array(items) => items.iter().for_each(|item| self.is_gone(item)),
            Tree::Object(members) => members.iter().for_each(|(name, tree)| {
                self.gone.push(name.clone());
                self.is_gone(tree);
            }),
            Tree::Text(_) | Tree::Embedded(_) => {}
        }
    }
}

/// Whether what came out is what was expected.
pub(crate) fn is_same(came: &Tree, expected: &Tree) -> bool {
    match (came, expected) {
        (Tree::Array(came), Tree::Array(expected)) => {
            came.len() == expected.len() && came.iter().zip(expected).all(|(came, expected)| is_same(came, expected))
        }
        (Tree::Object(came), Tree::Object(expected)) => {
            let is_same = |(came, expected): (&(String, Tree), &(String, Tree))| {
                let is_same_name = came.0 == expected.0 || decode(&came.0) == decode(&expected.0);
                is_same_name && is_same(&came.1, &expected.1)
            };
            came.len() == expected.len() && came.iter().zip(expected).all(is_same)
        }
        (Tree::Scalar(raw), Tree::Text(text)) => raw.starts_with('"') && decode(inner(raw)) == *text,
        (Tree::Scalar(raw), Tree::Embedded(expected)) => {
            let text = decode(inner(raw));
            raw.starts_with('"') && parse(&text).is_some_and(|came| is_same(&came, expected))
        }
        _ => came == expected,
    }
}

const WHITE: [char; 4] = [' ', '\t', '\n', '\r'];

fn inner(raw: &str) -> &str {
    &raw[1..raw.len() - 1]
}

fn value(text: &str) -> Option<(Tree, &str)> {
    match text.chars().next()? {
        '[' => {
            let (items, rest) = list(&text[1..], ']', value)?;
            Some((Tree::Array(items), rest))
        }
        '{' => {
            let (members, rest) = list(&text[1..], '}', |text| {
                let (name, rest) = scalar(text).filter(|(name, _)| name.starts_with('"'))?;
                let rest = rest.trim_start_matches(WHITE).strip_prefix(':')?;
                let (tree, rest) = value(rest.trim_start_matches(WHITE))?;
                Some(((name, tree), rest))
            })?;
            Some((Tree::Object(members), rest))
        }
        _ => scalar(text).map(|(raw, rest)| (Tree::Scalar(raw), rest)),
    }
}

fn list<'a, T>(text: &'a str, close: char, one: impl Fn(&'a str) -> Option<(T, &'a str)>) -> Option<(Vec<T>, &'a str)> {
    let mut all = Vec::new();
    let mut rest = text.trim_start_matches(WHITE);
    if let Some(rest) = rest.strip_prefix(close) {
        return Some((all, rest));
    }
    loop {
        let (read, behind) = one(rest)?;
        all.push(read);
        let behind = behind.trim_start_matches(WHITE);
        if let Some(rest) = behind.strip_prefix(close) {
            return Some((all, rest));
        }
        rest = behind.strip_prefix(',')?.trim_start_matches(WHITE);
    }
}

/// A scalar is what another reader takes for one.
fn scalar(text: &str) -> Option<(String, &str)> {
    let end = match text.strip_prefix('"') {
        Some(rest) => {
            let mut is_escaped = false;
            let is_end = |char| {
                let is_end = char == '"' && !is_escaped;
                is_escaped = char == '\\' && !is_escaped;
                is_end
            };
            rest.find(is_end)? + 2
        }
        None => text.find(|char: char| WHITE.contains(&char) || ",]}:".contains(char)).unwrap_or(text.len()),
    };
    let raw = &text[..end];
    let is_scalar = serde_json::from_str::<&serde_json::value::RawValue>(raw).is_ok();
    is_scalar.then(|| (raw.to_owned(), &text[end..]))
}
