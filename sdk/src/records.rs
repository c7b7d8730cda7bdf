//! A batch of finished exchanges, column by column, as an observer sees and rewrites it.

use std::borrow::Cow;
use std::collections::HashMap;

/// Exchanges that ended lately. What they have in common is there once: a column is a table of distinct values.
#[derive(Clone, Debug)]
pub struct Records {
    count: usize,
    columns: Vec<Column>,
}

/// One property of all exchanges of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) values: Vec<u8>,
    /// Where each value ends.
    pub(crate) ends: Vec<u32>,
    /// Counted from 1; 0 for none.
    pub(crate) of: Vec<u32>,
    written: bool,
}

impl Records {
    #[cfg_attr(not(target_family = "wasm"), allow(dead_code, reason = "made by generated exports only"))]
    pub(crate) fn new(count: u32, columns: Vec<Column>) -> Self {
        Self { count: count as usize, columns }
    }

    /// How many exchanges there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// What the exchange at `at` has in a column: none where it has nothing, or the column is not there.
    pub fn get(&self, at: usize, name: &str) -> Option<&str> {
        let column = self.column(name)?;
        column.value(*column.of.get(at)?)
    }

    /// What each exchange has in a column.
    pub fn values(&self, name: &str) -> impl Iterator<Item = Option<&str>> {
        let column = self.column(name);
        (0..self.count).map(move |at| column.and_then(|column| column.value(*column.of.get(at)?)))
    }

    /// Put another value in the place of each distinct value of a column, or nothing; `rewrite` is called once for each of them. A
    /// column that is not there stays so.
    ///
    /// # Errors
    /// The first that `rewrite` returns.
    pub fn rewrite<'a, E>(
        &mut self,
        name: &str,
        rewrite: impl FnMut(&str) -> Result<Option<Cow<'a, str>>, E>,
    ) -> Result<(), E> {
        let Some(column) = self.columns.iter_mut().find(|column| column.name == name) else { return Ok(()) };
        let new: Vec<_> = column.all().map(rewrite).collect::<Result<_, E>>()?;
        let of = |old: u32| Some(new.get(at(old)?)?.as_deref()?.to_owned());
        *column = Column::new(name, column.of.iter().map(|old| of(*old)));
        column.written = true;
        Ok(())
    }

    /// Write a column, which need not be there: a value, or none, for each exchange.
    pub fn write<V: Into<String>>(&mut self, name: &str, values: impl IntoIterator<Item = Option<V>>) {
        let values = values.into_iter().map(|value| value.map(Into::into));
        let column =
            Column { written: true, ..Column::new(name, values.chain(std::iter::repeat(None)).take(self.count)) };
        self.columns.retain(|column| column.name != name);
        self.columns.push(column);
    }

    /// The columns that were written.
    #[cfg_attr(not(target_family = "wasm"), allow(dead_code, reason = "called by generated exports only"))]
    pub(crate) fn written(self) -> Vec<Column> {
        self.columns.into_iter().filter(|column| column.written).collect()
    }

    fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl Column {
    /// What has the same value is told once.
    fn new(name: &str, rows: impl Iterator<Item = Option<String>>) -> Self {
        let mut known = HashMap::new();
        let mut column =
            Self { name: name.to_owned(), values: Vec::new(), ends: Vec::new(), of: Vec::new(), written: false };
        for row in rows {
            let of = row.map_or(0, |value| {
                *known.entry(value).or_insert_with_key(|value| {
                    column.values.extend_from_slice(value.as_bytes());
                    column.ends.push(column.values.len() as u32);
                    column.ends.len() as u32
                })
            });
            column.of.push(of);
        }
        column
    }

    fn value(&self, of: u32) -> Option<&str> {
        let at = at(of)?;
        let end = *self.ends.get(at)? as usize;
        let begin = at.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        str::from_utf8(self.values.get(begin..end)?).ok()
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        (1..=self.ends.len() as u32).map(|of| self.value(of).unwrap_or_default())
    }
}

/// The place of what is counted from 1.
fn at(of: u32) -> Option<usize> {
    usize::try_from(of.checked_sub(1)?).ok()
}

/// Batches to call [`on_records`](crate::Observer::on_records) with, in tests.
#[cfg(not(target_family = "wasm"))]
impl Records {
    /// So many exchanges of which nothing is known.
    pub fn of(count: usize) -> Self {
        Self { count, columns: Vec::new() }
    }

    /// With a column: what each exchange has in it.
    #[must_use]
    pub fn with<'v>(mut self, name: &str, values: impl IntoIterator<Item = Option<&'v str>>) -> Self {
        let values = values.into_iter().map(|value| value.map(str::to_owned));
        self.columns.push(Column::new(name, values.chain(std::iter::repeat(None)).take(self.count)));
        self
    }
}

#[cfg(target_family = "wasm")]
mod guest {
    use super::Column;
    use crate::bindings::observer;

    impl From<observer::Column> for Column {
        fn from(column: observer::Column) -> Self {
            let observer::Column { name, values, ends, of } = column;
            Self { name, values, ends, of, written: false }
        }
    }

    impl From<Column> for observer::Column {
        fn from(column: Column) -> Self {
            let Column { name, values, ends, of, .. } = column;
            Self { name, values, ends, of }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn batch() -> Records {
        Records::of(4).with("client", [Some("192.0.2.1"), None, Some("192.0.2.1"), Some("192.0.2.9")])
    }

    #[test]
    fn a_value_is_there_once_and_each_exchange_has_its_own() {
        let records = batch();
        assert_eq!(records.column("client").unwrap().of, [1, 0, 1, 2]);
        assert_eq!(
            records.values("client").collect::<Vec<_>>(),
            [Some("192.0.2.1"), None, Some("192.0.2.1"), Some("192.0.2.9")]
        );
        assert_eq!(
            (records.get(3, "client"), records.get(4, "client"), records.get(0, "id")),
            (Some("192.0.2.9"), None, None)
        );
    }

    #[test]
    fn each_distinct_value_is_rewritten_once_and_what_becomes_the_same_is_one() {
        let (mut records, mut calls) = (batch(), 0);
        let rewritten = records.rewrite::<Infallible>("client", |value| {
            calls += 1;
            Ok(value.strip_prefix("192").map(|_| "there".into()))
        });
        assert_eq!((rewritten, calls), (Ok(()), 2));
        let written = records.written();
        assert_eq!((written[0].values.as_slice(), written[0].of.as_slice()), (&b"there"[..], &[1, 0, 1, 1][..]));
    }

    #[test]
    fn what_was_not_written_is_not_returned_and_what_was_is_there_for_each_exchange() {
        let mut records = batch();
        records.write("consumer", [Some("a"), None, Some("b")]);
        let written = records.written();
        assert_eq!(written.len(), 1);
        assert_eq!((written[0].name.as_str(), written[0].of.as_slice()), ("consumer", &[1, 0, 2, 0][..]));
    }

    #[test]
    fn columns_that_make_no_sense_have_no_values() {
        let column = Column {
            values: b"ab".to_vec(),
            ends: vec![2, 1, 9],
            of: vec![1, 2, 3, 4, 0],
            ..Column::new("x", [].into_iter())
        };
        let records = Records::new(6, vec![column]);
        assert_eq!(records.values("x").collect::<Vec<_>>(), [Some("ab"), None, None, None, None, None]);
    }
}
