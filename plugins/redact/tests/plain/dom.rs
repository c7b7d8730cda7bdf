//! A document in memory, as it is written: names, scalars and white space as they stand, members that come twice twice.

use serde::de::IgnoredAny;

/// A value, and the white space around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) before: String,
    pub(crate) value: Node,
    pub(crate) after: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    /// A string, number or literal as it stands.
    Scalar(String),
    Array(Children),
    Object(Children),
    /// Expected: `null` in the place of something.
    Null,
    /// Expected: a number written so in the place of another.
    Number(String),
    /// Expected: a string of this text, however it is escaped.
    Text(String),
    /// Expected: a string whose text is this document.
    Embedded(Box<Document>),
}

/// What is between brackets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Children {
    pub(crate) all: Vec<Child>,
    /// White space of brackets with nothing between them.
    pub(crate) white: String,
    /// Expected: some went, and nothing is said of the white space that was around them.
    pub(crate) some_went: bool,
}

/// An item or member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Child {
    pub(crate) white: [String; 2],
    /// The name, and what stands between that and the value.
    pub(crate) name: Option<(Node, String)>,
    pub(crate) value: Node,
}

impl Node {
    /// Whether this is what was expected.
    pub(crate) fn is(&self, expected: &Self) -> bool {
        match (self, expected) {
            (Self::Array(came), Self::Array(expected)) | (Self::Object(came), Self::Object(expected)) => {
                came.are(expected)
            }
            (Self::Scalar(raw), Self::Null) => raw == "null",
            (Self::Scalar(raw), Self::Number(digits)) => raw == digits,
            (Self::Scalar(raw), Self::Text(text)) => raw.starts_with('"') && decoded(raw) == *text,
            (Self::Scalar(raw), Self::Embedded(expected)) => {
                raw.starts_with('"') && Document::read(&decoded(raw)).is_some_and(|came| came.is(expected))
            }
            _ => self == expected,
        }
    }

    fn tight(&self) -> Self {
        let tight = |children: &Children| {
            let child = |child: &Child| {
                let name = child.name.as_ref().map(|(name, _)| (name.clone(), String::new()));
                Child { white: Default::default(), name, value: child.value.tight() }
            };
            Children { all: children.all.iter().map(child).collect(), white: String::new(), ..children.clone() }
        };
        match self {
            Self::Array(children) => Self::Array(tight(children)),
            Self::Object(children) => Self::Object(tight(children)),
            other => other.clone(),
        }
    }

    /// All that can be read in it: names and scalars, with escapes undone.
    pub(crate) fn texts(&self) -> Vec<String> {
        match self {
            Self::Scalar(raw) => vec![decoded(raw)],
            Self::Array(children) | Self::Object(children) => {
                let both =
                    |child: &Child| [child.name.as_ref().map(|(name, _)| name.texts()), Some(child.value.texts())];
                children.all.iter().flat_map(both).flatten().flatten().collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Children {
    fn are(&self, expected: &Self) -> bool {
        let is = |(came, expected): (&Child, &Child)| {
            let is_name = match (&came.name, &expected.name) {
                (Some((came, colon)), Some((expected, as_before))) => came.is(expected) && colon == as_before,
                (came, expected) => came.is_none() && expected.is_none(),
            };
            is_name && came.value.is(&expected.value) && (expected.white == came.white)
        };
        let is_loose = |(came, expected): (&Child, &Child)| {
            is((&Child { white: expected.white.clone(), ..came.clone() }, expected))
        };
        let mut pairs = self.all.iter().zip(&expected.all);
        self.all.len() == expected.all.len()
            && if expected.some_went { pairs.all(is_loose) } else { self.white == expected.white && pairs.all(is) }
    }
}

impl Document {
    /// The same with no white space, but in strings of documents.
    pub(crate) fn tight(&self) -> Self {
        Self { before: String::new(), value: self.value.tight(), after: String::new() }
    }

    pub(crate) fn is(&self, expected: &Self) -> bool {
        [&self.before, &self.after] == [&expected.before, &expected.after] && self.value.is(&expected.value)
    }

    /// Reads JSON; none where it is malformed.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut rest = Rest(text);
        let document = Self { before: rest.white(), value: rest.value()?, after: rest.white() };
        rest.0.is_empty().then_some(document)
    }
}

/// What is yet to be read.
struct Rest<'t>(&'t str);

impl<'t> Rest<'t> {
    fn take(&mut self, length: usize) -> &'t str {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn white(&mut self) -> String {
        let rest = self.0.trim_start_matches([' ', '\t', '\n', '\r']);
        self.take(self.0.len() - rest.len()).to_owned()
    }

    fn value(&mut self) -> Option<Node> {
        match self.0.chars().next()? {
            '[' => self.children(']', |_| Some(None)).map(Node::Array),
            '{' => self.children('}', |rest| rest.name().map(Some)).map(Node::Object),
            _ => self.scalar().map(Node::Scalar),
        }
    }

    fn children(
        &mut self,
        close: char,
        name: impl Fn(&mut Self) -> Option<Option<(Node, String)>>,
    ) -> Option<Children> {
        self.take(1);
        let mut children = Children::default();
        let mut white = self.white();
        if self.0.starts_with(close) {
            self.take(1);
            return Some(Children { white, ..children });
        }
        loop {
            let (name, value) = (name(self)?, self.value()?);
            children.all.push(Child { white: [white, self.white()], name, value });
            match self.0.chars().next()? {
                ',' => self.take(1),
                other if other == close => {
                    self.take(1);
                    return Some(children);
                }
                _ => return None,
            };
            white = self.white();
        }
    }

    fn name(&mut self) -> Option<(Node, String)> {
        let name = self.scalar().filter(|raw| raw.starts_with('"'))?;
        let before = self.white();
        self.0 = self.0.strip_prefix(':')?;
        Some((Node::Scalar(name), [&before, ":", &self.white()].concat()))
    }

    fn scalar(&mut self) -> Option<String> {
        let raw = match self.0.strip_prefix('"') {
            Some(text) => {
                let mut is_escaped = false;
                let end = text.find(|letter| {
                    let is_end = letter == '"' && !is_escaped;
                    is_escaped = letter == '\\' && !is_escaped;
                    is_end
                })?;
                self.take(end + 2)
            }
            None => self.take(self.0.find([' ', '\t', '\n', '\r', ',', ':', ']', '}']).unwrap_or(self.0.len())),
        };
        is_scalar(raw).then(|| raw.to_owned())
    }
}

/// Whether a text is one string, number or literal, as another reader says.
pub(crate) fn is_scalar(raw: &str) -> bool {
    let is_trimmed = raw.trim() == raw && !raw.starts_with(['[', '{']);
    is_trimmed && serde_json::from_str::<IgnoredAny>(raw).is_ok()
}

/// The text of a string, each half of a pair of surrogates that is alone being U+FFFD; everything else as it stands.
pub(crate) fn decoded(raw: &str) -> String {
    let Some(text) = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) else { return raw.to_owned() };
    let mut units: Vec<u16> = Vec::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let letter = match letter {
            '\\' => match letters.next().unwrap() {
                'u' => {
                    let digits: String = letters.by_ref().take(4).collect();
                    units.push(u16::from_str_radix(&digits, 16).unwrap());
                    continue;
                }
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                itself => itself,
            },
            itself => itself,
        };
        units.extend(letter.encode_utf16(&mut [0; 2]).iter());
    }
    String::from_utf16_lossy(&units)
}
