//! Owns walking one TOML document with a place for every value; collects faults instead of stopping.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::fault::{Faults, Place, quoted};
use super::section::Section;

/// More syntax faults of one file than this help nobody.
const MOST_SYNTAX_FAULTS: usize = 20;

/// Parse a document and hand its root to `read`; none when the text is not TOML, which is a fault. `elsewhere` knows
/// better advice than a section has about keys that belong into another file.
pub(super) fn with_document<T>(
    file: &Path,
    bytes: &[u8],
    elsewhere: Elsewhere,
    faults: &mut Faults,
    read: impl FnOnce(Table<'_>, &mut Faults) -> T,
) -> Option<T> {
    let file: Arc<Path> = file.into();
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let place = Lines::new(file, before, elsewhere).place(before.len(), String::new());
            faults.push(place.fault("is not UTF-8", "save the file as UTF-8"));
            return None;
        }
    };
    let lines = Lines::new(file, bytes, elsewhere);
    let (root, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        let place = Place { line: None, ..lines.place(0, String::new()) };
        return Some(read(Table { entries: Some((root.get_ref(), &lines)), place }, faults));
    }
    for error in errors.iter().take(MOST_SYNTAX_FAULTS) {
        let start = error.span().map_or(text.len(), |span| span.start);
        let reason = format!("is not TOML: {}", error.message());
        faults.push(lines.place(start, String::new()).fault(reason, "correct the syntax"));
    }
    None
}

/// Looks at one value and the names it stands under.
pub(super) type Visit<'v> = dyn FnMut(&[&str], &Value, &Place, &mut Faults) + 'v;

/// What to do about a key a section does not have, if that is known.
pub(super) type Elsewhere = fn(&Section, &str) -> Option<String>;

/// Finds lines in one file.
#[derive(Debug)]
pub(super) struct Lines {
    file: Arc<Path>,
    starts: Vec<usize>,
    elsewhere: Elsewhere,
}

impl Lines {
    fn new(file: Arc<Path>, bytes: &[u8], elsewhere: Elsewhere) -> Self {
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        Self { file, starts: ends.map(|(at, _)| at + 1).collect(), elsewhere }
    }

    fn place(&self, offset: usize, key: String) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset) + 1;
        Place { file: Arc::clone(&self.file), line: u32::try_from(line).ok(), key }
    }
}

/// One value of the document.
pub(super) struct Node<'a> {
    value: &'a DeValue<'a>,
    lines: &'a Lines,
    pub(super) place: Place,
}

impl<'a> Node<'a> {
    pub(super) fn as_str(&self) -> Option<&'a str> {
        self.value.as_str()
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        self.value.as_bool()
    }

    /// None for anything but an integer that fits.
    pub(super) fn as_integer(&self) -> Option<i64> {
        let integer = self.value.as_integer()?;
        i64::from_str_radix(integer.as_str(), integer.radix()).ok()
    }

    /// Of an integer or a float that is a number.
    pub(super) fn as_number(&self) -> Option<f64> {
        match self.value {
            DeValue::Integer(_) => self.as_integer().map(|integer| integer as f64),
            DeValue::Float(float) => float.as_str().parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }

    pub(super) fn as_table(&self) -> Option<Table<'a>> {
        let entries = self.value.as_table()?;
        Some(Table { entries: Some((entries, self.lines)), place: self.place.clone() })
    }

    pub(super) fn as_items(&self) -> Option<Vec<Node<'a>>> {
        let array = self.value.as_array()?;
        Some(
            array
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    let key = format!("{}[{index}]", self.place.key);
                    Node { value: item.get_ref(), lines: self.lines, place: self.lines.place(item.span().start, key) }
                })
                .collect(),
        )
    }

    /// A fault that says what was expected and found; never shows the value.
    pub(super) fn mistaken(&self, expected: &str, faults: &mut Faults) {
        let found = match self.value.type_str() {
            kind @ ("integer" | "array") => format!("an {kind}"),
            kind => format!("a {kind}"),
        };
        faults.push(self.place.fault(format!("is {found}"), format!("write {expected}")));
    }

    /// The value as JSON; datetimes become strings, numbers JSON cannot hold are faults. `visit` sees everything that
    /// is neither a list nor a table, with the names it stands under from the outermost on.
    pub(super) fn to_json(&self, faults: &mut Faults, visit: &mut Visit<'_>) -> Value {
        self.json_under(&mut Vec::new(), faults, visit)
    }

    fn json_under(&self, names: &mut Vec<&'a str>, faults: &mut Faults, visit: &mut Visit<'_>) -> Value {
        let value = match self.value {
            DeValue::String(text) => Value::String(text.clone().into_owned()),
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::Datetime(moment) => Value::String(moment.to_string()),
            DeValue::Integer(_) => self.as_integer().map_or_else(|| self.no_number(faults), Value::from),
            DeValue::Float(float) => {
                let number = float.as_str().parse().ok().and_then(Number::from_f64);
                number.map_or_else(|| self.no_number(faults), Value::Number)
            }
            DeValue::Array(_) => {
                let items = self.as_items().unwrap_or_default();
                return Value::Array(items.iter().map(|item| item.json_under(names, faults, visit)).collect());
            }
            DeValue::Table(_) => {
                let mut members = Map::new();
                for (name, node) in self.as_table().map(|table| table.entries()).unwrap_or_default() {
                    names.push(name);
                    members.insert(name.to_owned(), node.json_under(names, faults, visit));
                    names.pop();
                }
                return Value::Object(members);
            }
        };
        visit(names, &value, &self.place, faults);
        value
    }

    fn no_number(&self, faults: &mut Faults) -> Value {
        faults.push(
            self.place
                .fault("is a number JSON cannot hold", "write a finite number, integers within 64 bits, or a string"),
        );
        Value::Null
    }
}

/// One table of the document, or the absence of one.
pub(super) struct Table<'a> {
    entries: Option<(&'a DeTable<'a>, &'a Lines)>,
    pub(super) place: Place,
}

impl<'a> Table<'a> {
    /// A table nobody wrote: every key takes its default.
    pub(super) fn absent(place: Place) -> Self {
        Self { entries: None, place }
    }

    /// Open the table as `section`: keys the section does not have, and the wrong number of exclusive keys, are faults.
    pub(super) fn open(self, section: &'static Section, faults: &mut Faults) -> Fields<'a> {
        for (name, node) in self.entries() {
            if !section.has(name) {
                let advice = (node.lines.elsewhere)(section, name).unwrap_or_else(|| section.advice_for_unknown(name));
                faults.push(node.place.fault("is not a known key", advice));
            }
        }
        let given = section.one_of.iter().filter(|name| self.find(name).is_some()).count();
        if !section.one_of.is_empty() && given != 1 {
            let names = section.one_of.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let reason = if given == 0 { "lacks its kind" } else { "is of several kinds at once" };
            faults.push(self.place.fault(reason, format!("give exactly one of {names}")));
        }
        Fields { table: self }
    }

    /// All entries in the order of their names.
    pub(super) fn entries(&self) -> Vec<(&'a str, Node<'a>)> {
        let Some((entries, lines)) = self.entries else {
            return Vec::new();
        };
        entries.iter().map(|(key, value)| (key.get_ref().as_ref(), self.node(key, value, lines))).collect()
    }

    fn find(&self, name: &str) -> Option<Node<'a>> {
        let (entries, lines) = self.entries?;
        let (key, value) = entries.get_key_value(name)?;
        Some(self.node(key, value, lines))
    }

    fn node(&self, key: &Spanned<DeString<'a>>, value: &'a Spanned<DeValue<'a>>, lines: &'a Lines) -> Node<'a> {
        let path = self.place.below(&spelled(key.get_ref())).key;
        Node { value: value.get_ref(), lines, place: lines.place(key.span().start, path) }
    }
}

/// A table opened as a section. Only the code `section!` generates reads from it, so a key that is read is a key that
/// is declared.
pub(super) struct Fields<'a> {
    table: Table<'a>,
}

impl<'a> Fields<'a> {
    pub(super) fn place(&self) -> Place {
        self.table.place.clone()
    }

    pub(super) fn optional(&self, name: &str) -> Option<Node<'a>> {
        self.table.find(name)
    }

    pub(super) fn required(&self, name: &str, expected: &str, faults: &mut Faults) -> Option<Node<'a>> {
        let found = self.table.find(name);
        if found.is_none() {
            faults.push(self.table.place.below(name).fault("is missing", format!("write {expected}")));
        }
        found
    }

    /// The table under `name`; an empty one when it is absent or, which is a fault, no table.
    pub(super) fn nested(&self, name: &str, faults: &mut Faults) -> Table<'a> {
        let absent = || Table::absent(self.table.place.below(name));
        match self.table.find(name) {
            None => absent(),
            Some(node) => node.as_table().unwrap_or_else(|| {
                node.mistaken("a table", faults);
                absent()
            }),
        }
    }
}

/// A key as it stands in a path: bare where TOML allows that.
fn spelled(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if bare { key.to_owned() } else { quoted(key) }
}
