//! JSONPath queries (RFC 9535): segments and their selectors.

use super::cursor::Cursor;
use super::items::Items;
use super::{PathError, Segment, Selector, filter, literal};

/// Why a stream cannot answer filters.
const FILTER: &str = "a filter looks at members that may come after what it selects; name the members or indices that \
                      are meant";
/// Why a stream cannot answer what counts from the end.
const FROM_THE_END: &str = "what counts from the end of an array is known only when the array has ended; count from \
                            the start, or select all items with [*]";
/// Why a filter is not read further.
pub(super) const NESTED: &str = "filters are not answered, and this one is nested deeper than it is read";

/// How deep filters and brackets may be nested in one another.
const DEEPEST: usize = 64;

/// What reads a query: where it is, and what it has met.
pub(super) struct Parser<'t> {
    pub(super) cursor: Cursor<'t>,
    /// The first selector that a stream cannot answer.
    refused: Option<(usize, &'static str)>,
    depth: usize,
}

/// A query, or a part of one, as it is read.
pub(super) struct Query {
    segments: Vec<Segment>,
    /// Whether it can select no more than one value (RFC 9535 section 2.3.5.1).
    pub(super) is_singular: bool,
}

pub(super) fn parse(text: &str) -> Result<Vec<Segment>, PathError> {
    let mut parser = Parser { cursor: Cursor::new(text), refused: None, depth: 0 };
    parser.cursor.expect("$", "a JSONPath begins with $")?;
    let query = parser.query()?;
    if !parser.cursor.rest().is_empty() {
        return Err(parser.cursor.invalid("not the beginning of a segment: there are .name, [...] and ..name"));
    }
    match parser.refused {
        Some((at, reason)) => Err(PathError::NotStreamable { at, reason }),
        None => Ok(query.segments),
    }
}

impl Parser<'_> {
    /// The segments that follow a `$` or `@`.
    pub(super) fn query(&mut self) -> Result<Query, PathError> {
        let mut query = Query { segments: Vec::new(), is_singular: true };
        loop {
            let end = self.cursor.at();
            self.cursor.skip_blanks();
            let descends = self.cursor.eat("..");
            let (selectors, is_singular) = if self.cursor.peek() == Some('[') {
                self.bracketed()?
            } else if descends || self.cursor.eat(".") {
                self.shorthand()?
            } else {
                self.cursor.back_to(end);
                return Ok(query);
            };
            query.is_singular &= is_singular && !descends;
            query.segments.push(Segment { descends, selectors });
        }
    }

    fn shorthand(&mut self) -> Result<(Vec<Selector>, bool), PathError> {
        if self.cursor.eat("*") {
            return Ok((vec![Selector::Every], false));
        }
        let is_first = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
        if !self.cursor.peek().is_some_and(is_first) {
            return Err(self
                .cursor
                .invalid("a name or * comes here; other names are written in brackets: ['my-name']"));
        }
        let name = self.cursor.take_while(|c| is_first(c) || c.is_ascii_digit());
        Ok((vec![Selector::Member(name.into())], true))
    }

    fn bracketed(&mut self) -> Result<(Vec<Selector>, bool), PathError> {
        self.cursor.expect("[", "[ comes here")?;
        let (mut selectors, mut is_singular) = (Vec::new(), true);
        loop {
            self.cursor.skip_blanks();
            let (selector, is_single) = self.selector()?;
            is_singular &= is_single;
            selectors.extend(selector);
            self.cursor.skip_blanks();
            if self.cursor.eat("]") {
                return Ok((selectors, is_singular));
            }
            self.cursor.expect(",", "a comma or ] comes here")?;
            is_singular = false;
        }
    }

    /// A selector, and whether it selects no more than one value. None where it selects nothing, or nothing that a
    /// stream can tell.
    fn selector(&mut self) -> Result<(Option<Selector>, bool), PathError> {
        let at = self.cursor.at();
        if let Some(name) = literal::string(&mut self.cursor)? {
            return Ok((Some(Selector::Member(name.into())), true));
        }
        if self.cursor.eat("*") {
            return Ok((Some(Selector::Every), false));
        }
        if self.cursor.eat("?") {
            self.refuse(at, FILTER);
            self.cursor.skip_blanks();
            filter::logical(self)?;
            return Ok((None, false));
        }
        let start = literal::integer(&mut self.cursor)?;
        self.cursor.skip_blanks();
        let (items, is_single) = match start {
            _ if self.cursor.eat(":") => {
                let (end, step) = self.end_and_step()?;
                (Items::of_slice(start, end, step), false)
            }
            Some(index) => (Items::of_index(index), true),
            None => {
                self.cursor.back_to(at);
                return Err(self.cursor.invalid("a name in quotes, an index, a slice, * or a filter comes here"));
            }
        };
        let items = items.unwrap_or_else(|_| {
            self.refuse(at, FROM_THE_END);
            None
        });
        Ok((items.map(Selector::Items), is_single))
    }

    /// What follows the first colon of a slice.
    fn end_and_step(&mut self) -> Result<(Option<i64>, i64), PathError> {
        self.cursor.skip_blanks();
        let end = literal::integer(&mut self.cursor)?;
        self.cursor.skip_blanks();
        if !self.cursor.eat(":") {
            return Ok((end, 1));
        }
        self.cursor.skip_blanks();
        Ok((end, literal::integer(&mut self.cursor)?.unwrap_or(1)))
    }

    fn refuse(&mut self, at: usize, reason: &'static str) {
        self.refused.get_or_insert((at, reason));
    }

    /// Reads something that may hold its like, unless that has gone too deep.
    pub(super) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, PathError>) -> Result<T, PathError> {
        if self.depth == DEEPEST {
            return Err(PathError::NotStreamable { at: self.cursor.at(), reason: NESTED });
        }
        self.depth += 1;
        let read = read(self)?;
        self.depth -= 1;
        Ok(read)
    }
}
