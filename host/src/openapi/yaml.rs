//! Reads YAML 1.2 into nodes, event by event: aliases are shared, and counted as if they were copies.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::Number;

use super::fault::Wrong;
use super::json::ordered;
use super::nodes::{Id, Nodes, Value};
use super::read::{Budget, DEEPEST, Unreadable};

/// Read a text that is one document.
pub(super) fn read(text: &str, nodes: &mut Nodes, budget: &mut Budget) -> Result<Id, Unreadable> {
    let mut reader = Reader { nodes, budget, open: Vec::new(), anchors: HashMap::new(), root: None };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| Unreadable {
            line: last_line(text).min(u32::try_from(error.marker().line()).ok().filter(|line| *line > 0)),
            wrong: Wrong::new(format!("is not YAML: {}", error.info()), "correct the syntax"),
        })?;
        let line = line(span);
        reader.take(event, line).map_err(|wrong| Unreadable { line, wrong })?;
    }
    let empty = || Unreadable { line: None, wrong: Wrong::new("is empty", "write an OpenAPI document") };
    reader.root.ok_or_else(empty)
}

/// The reader may say that something is wrong behind the end.
fn last_line(text: &str) -> Option<u32> {
    u32::try_from(1 + text.bytes().filter(|byte| matches!(byte, b'\n' | b'\r')).count()).ok()
}

fn line(span: Span) -> Option<u32> {
    u32::try_from(span.start.line()).ok()
}

struct Reader<'a> {
    nodes: &'a mut Nodes,
    budget: &'a mut Budget,
    /// From the outermost on.
    open: Vec<Open>,
    /// How many values each anchor stands for; none as long as what it names is open.
    anchors: HashMap<usize, Option<(Id, u32)>>,
    root: Option<Id>,
}

/// A list or map that has not ended.
struct Open {
    id: Id,
    anchor: usize,
    /// What was left of the budget when it began.
    before: u32,
    items: Vec<Id>,
    /// None in a list.
    members: Option<Vec<(Arc<str>, Id)>>,
    /// Read, and waiting for its value.
    key: Option<Arc<str>>,
}

impl Reader<'_> {
    fn take(&mut self, event: Event<'_>, line: Option<u32>) -> Result<(), Wrong> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(Wrong::new("holds several YAML documents", "keep one of them"))
            }
            Event::DocumentStart(_) => Ok(()),
            Event::Scalar(text, style, anchor, _) => self.scalar(text, style, anchor, line),
            Event::Alias(anchor) => self.alias(anchor),
            Event::SequenceStart(anchor, _) => self.begin(anchor, line, None),
            Event::MappingStart(anchor, _) => self.begin(anchor, line, Some(Vec::new())),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
        }
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        anchor: usize,
        line: Option<u32>,
    ) -> Result<(), Wrong> {
        self.budget.take(1)?;
        let is_key = self.open.last().is_some_and(|open| open.members.is_some() && open.key.is_none());
        let id = self.nodes.add(self.open.last().map(|open| open.id), line);
        let value = if style == ScalarStyle::Plain && !is_key { plain(&text) } else { Value::Text(Arc::from(&*text)) };
        self.nodes.put(id, value);
        self.anchors.insert(anchor, Some((id, 1)));
        self.hand(id)
    }

    fn alias(&mut self, anchor: usize) -> Result<(), Wrong> {
        let advice = "write it out, or a `$ref`";
        let known = self.anchors.get(&anchor).copied().flatten();
        let (id, size) = known.ok_or_else(|| Wrong::new("has an alias of what it stands in", advice))?;
        self.budget.take(size)?;
        self.hand(id)
    }

    fn begin(&mut self, anchor: usize, line: Option<u32>, members: Option<Vec<(Arc<str>, Id)>>) -> Result<(), Wrong> {
        let before = self.budget.left();
        self.budget.take(1)?;
        if self.open.len() >= DEEPEST {
            return Err(Wrong::new(format!("has values more than {DEEPEST} deep"), "write it flatter, by `$ref`"));
        }
        let id = self.nodes.add(self.open.last().map(|open| open.id), line);
        self.anchors.insert(anchor, None);
        self.open.push(Open { id, anchor, before, items: Vec::new(), members, key: None });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Wrong> {
        let Some(Open { id, anchor, before, items, members, .. }) = self.open.pop() else { return Ok(()) };
        let value = match members {
            None => Value::List(items.into()),
            Some(members) => ordered(members)?,
        };
        self.nodes.put(id, value);
        self.anchors.insert(anchor, Some((id, before - self.budget.left())));
        self.hand(id)
    }

    /// A value is complete: it goes into what it stands in.
    fn hand(&mut self, id: Id) -> Result<(), Wrong> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(id);
            return Ok(());
        };
        match (&mut open.members, open.key.take()) {
            (None, _) => open.items.push(id),
            (Some(members), Some(key)) => members.push((key, id)),
            (Some(_), None) => open.key = Some(key(self.nodes.value(id))?),
        }
        Ok(())
    }
}

fn key(value: &Value) -> Result<Arc<str>, Wrong> {
    match value {
        Value::Text(text) if &**text == "<<" => Err(Wrong::new(
            "has a merge key `<<`, which is no part of YAML 1.2",
            "write what it merges in, or `allOf` with a `$ref`",
        )),
        Value::Text(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string().into()),
        Value::Bool(flag) => Ok(flag.to_string().into()),
        Value::Null => Ok("null".into()),
        Value::List(_) | Value::Map(_) => Err(Wrong::new("has a key that is no text", "write a name")),
    }
}

/// A scalar without quotes, by the core schema of YAML 1.2 (section 10.3.2) as far as JSON has such values.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        text => {
            serde_json::from_str(text).map_or_else(|_| Value::Text(text.into()), |number: Number| Value::Number(number))
        }
    }
}
