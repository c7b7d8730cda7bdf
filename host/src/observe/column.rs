//! The columns of records, as observers read and write them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::names::LONGEST;
use crate::report::{Client, Finished};
use crate::sandbox::RecordColumn;
use crate::telemetry::metrics::Label;

/// Finished exchanges that are looked at together, and the addresses they came from, which are never kept.
#[derive(Debug, Default)]
pub(super) struct Batch {
    records: Vec<Finished>,
    /// As many. None where an observer has written something else.
    addresses: Vec<Option<IpAddr>>,
}

impl Batch {
    /// Records of one batch at most: what observers are told of at once.
    pub(super) const MOST: usize = 512;

    pub(super) fn push(&mut self, record: Finished, address: Option<IpAddr>) {
        self.records.push(record);
        self.addresses.push(address);
    }

    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= Self::MOST
    }

    pub(super) fn records(&self) -> &[Finished] {
        &self.records
    }

    /// Begin anew, in the same memory.
    pub(super) fn clear(&mut self) {
        self.records.clear();
        self.addresses.clear();
    }

    fn each(&mut self) -> impl Iterator<Item = (&mut Finished, &mut Option<IpAddr>)> {
        self.records.iter_mut().zip(&mut self.addresses)
    }
}

/// What there is to read of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Id,
    Trace,
    Ended,
    Api,
    Version,
    Operation,
    Consumer,
    Application,
    Client,
    Method,
    Pattern,
    Status,
    Class,
    Blame,
    Total,
    Upstream,
    Policy,
    Gateway,
    BytesIn,
    BytesOut,
    Retries,
    Generation,
}

impl Column {
    const ALL: [(&'static str, Self); 22] = [
        ("id", Self::Id),
        ("trace", Self::Trace),
        ("ended-ms", Self::Ended),
        ("api", Self::Api),
        ("version", Self::Version),
        ("operation", Self::Operation),
        ("consumer", Self::Consumer),
        ("application", Self::Application),
        ("client", Self::Client),
        ("method", Self::Method),
        ("pattern", Self::Pattern),
        ("status", Self::Status),
        ("class", Self::Class),
        ("blame", Self::Blame),
        ("total-us", Self::Total),
        ("upstream-us", Self::Upstream),
        ("policy-us", Self::Policy),
        ("gateway-us", Self::Gateway),
        ("bytes-in", Self::BytesIn),
        ("bytes-out", Self::BytesOut),
        ("retries", Self::Retries),
        ("generation", Self::Generation),
    ];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, column)| *column)
    }

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, column)| *column == self).map_or("", |(name, _)| name)
    }

    /// Whether observers may write it: what says who asked, and nothing else.
    pub(super) fn is_writable(self) -> bool {
        matches!(self, Self::Consumer | Self::Application | Self::Client)
    }

    /// What a record has in it.
    fn of(self, finished: &Finished, address: Option<IpAddr>) -> Option<Cow<'_, str>> {
        let number = |number: u64| Some(number.to_string().into());
        match self {
            Self::Id => Some(finished.request.to_string().into()),
            Self::Trace => finished.trace.map(|trace| format!("{trace:032x}").into()),
            Self::Ended => {
                let since = finished.time.duration_since(UNIX_EPOCH).unwrap_or_default();
                Some(since.as_millis().to_string().into())
            }
            Self::Api => finished.api().map(|name| (&**name).into()),
            Self::Version => finished.version().map(|name| (&**name).into()),
            Self::Operation => finished.name().map(|name| (&**name).into()),
            Self::Consumer => finished.consumer.as_deref().map(Into::into),
            Self::Application => finished.application.as_deref().map(Into::into),
            Self::Client => match (address, &finished.client) {
                (Some(address), _) => Some(address.to_string().into()),
                (None, kept) => kept.as_ref().map(|kept| kept.to_string().into()),
            },
            Self::Method => Some(finished.method.into()),
            Self::Pattern => finished.pattern().map(|name| (&**name).into()),
            Self::Status => finished.status.map(|status| status.to_string().into()),
            Self::Class => Some(finished.class.into()),
            Self::Blame => Some(finished.outcome.name().into()),
            Self::Total => number(finished.total_us),
            Self::Upstream => finished.upstream_us.and_then(number),
            Self::Policy => number(finished.policy_us),
            Self::Gateway => number(finished.gateway_us),
            Self::BytesIn => number(finished.bytes_in),
            Self::BytesOut => number(finished.bytes_out),
            Self::Retries => number(finished.retries.into()),
            Self::Generation => number(finished.generation),
        }
    }

    /// Put something else in its place. What was the whole address is gone then.
    fn put(self, record: &mut Finished, address: &mut Option<IpAddr>, value: Option<&Arc<str>>) {
        match self {
            Self::Consumer => record.consumer = value.cloned(),
            Self::Application => record.application = value.cloned(),
            Self::Client => {
                *address = None;
                record.client = value.map(|text| Client::named(text.clone()));
            }
            _ => {}
        }
    }

    /// Nothing is known of it.
    pub(super) fn clear(self, batch: &mut Batch) {
        batch.each().for_each(|(record, address)| self.put(record, address, None));
    }

    /// As an observer is told of it.
    pub(super) fn told(self, batch: &Batch) -> RecordColumn {
        let mut known = HashMap::new();
        let (mut values, mut ends) = (Vec::new(), Vec::new());
        let of = batch.records.iter().zip(&batch.addresses).map(|(record, address)| match self.of(record, *address) {
            None => 0,
            Some(value) => *known.entry(value).or_insert_with_key(|value| {
                values.extend_from_slice(value.as_bytes());
                ends.push(values.len() as u32);
                ends.len() as u32
            }),
        });
        let of = of.collect();
        RecordColumn { name: self.name().to_owned(), values, ends, of }
    }
}

/// What an observer wrote into a column, and that makes sense.
#[derive(Debug)]
pub(super) struct Written {
    column: Column,
    values: Vec<Arc<str>>,
    of: Vec<u32>,
}

impl Written {
    /// A column for so many records; or why that is none.
    pub(super) fn new(said: RecordColumn, count: usize, writes: &[Column]) -> Result<Self, String> {
        let RecordColumn { name, values, ends, of } = said;
        let column = writes.iter().find(|column| column.name() == name);
        let column = *column.ok_or_else(|| format!("it wrote the column {name:?}, which it did not declare"))?;
        if of.len() != count {
            return Err(format!("it wrote {} places into `{name}`, and there are {count} records", of.len()));
        }
        let mut begin = 0;
        let value = |end: u32| {
            let bytes = values.get(begin..end as usize)?;
            begin = end as usize;
            let text = str::from_utf8(bytes).ok().filter(|text| text.len() <= LONGEST && !text.is_empty())?;
            Some(Arc::from(text))
        };
        let values: Option<Vec<_>> = ends.into_iter().map(value).collect();
        let values =
            values.ok_or_else(|| format!("a value it wrote into `{name}` is no text of 1 to {LONGEST} bytes"))?;
        match of.iter().find(|of| **of as usize > values.len()) {
            Some(of) => Err(format!("it wrote the value {of} of {} into `{name}`", values.len())),
            None => Ok(Self { column, values, of }),
        }
    }

    pub(super) fn apply(&self, batch: &mut Batch) {
        for ((record, address), of) in batch.each().zip(&self.of) {
            let at = of.checked_sub(1).map(|at| at as usize);
            self.column.put(record, address, at.and_then(|at| self.values.get(at)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reading::tests::finished;
    use super::*;

    fn batch() -> Batch {
        let mut batch = Batch::default();
        for (consumer, address) in [("ann", "192.0.2.7"), ("bob", "192.0.2.7"), ("ann", "2001:db8::1")] {
            let record = Finished { consumer: Some(consumer.into()), ..finished() };
            batch.push(record, Some(address.parse().unwrap()));
        }
        batch
    }

    fn said(name: &str, values: &str, ends: &[u32], of: &[u32]) -> RecordColumn {
        RecordColumn { name: name.into(), values: values.into(), ends: ends.to_vec(), of: of.to_vec() }
    }

    #[test]
    fn a_value_that_several_have_is_told_once() {
        let told = Column::Client.told(&batch());
        assert_eq!(str::from_utf8(&told.values).unwrap(), "192.0.2.72001:db8::1");
        assert_eq!((told.ends, told.of), (vec![9, 20], vec![1, 1, 2]));
    }

    #[test]
    fn every_column_is_known_by_its_name_and_only_who_asked_can_be_written() {
        for (name, column) in Column::ALL {
            assert_eq!((Column::named(name), column.name()), (Some(column), name));
        }
        let writable: Vec<_> = Column::ALL.iter().filter(|(_, it)| it.is_writable()).map(|(name, _)| *name).collect();
        assert_eq!(writable, ["consumer", "application", "client"]);
    }

    #[test]
    fn what_is_written_takes_the_place_of_what_was_there() {
        let mut batch = batch();
        let writes = [Column::Consumer, Column::Client];
        Written::new(said("consumer", "xy", &[1, 2], &[2, 0, 1]), 3, &writes).unwrap().apply(&mut batch);
        let consumers: Vec<_> = batch.records.iter().map(|it| it.consumer.as_deref()).collect();
        assert_eq!(consumers, [Some("y"), None, Some("x")]);
        Written::new(said("client", "k1192.0.2.7", &[2, 11], &[1, 2, 0]), 3, &writes).unwrap().apply(&mut batch);
        let clients: Vec<_> = batch.records.iter().map(|it| it.client.as_ref().map(ToString::to_string)).collect();
        // An address stays none, whoever writes it.
        assert_eq!(clients, [Some("k1".to_owned()), Some("192.0.2.0/24".to_owned()), None]);
        assert!(batch.addresses.iter().all(Option::is_none));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_a_reason() {
        let writes = [Column::Consumer];
        for (column, reason) in [
            (said("client", "a", &[1], &[1, 1, 1]), "did not declare"),
            (said("consumer", "a", &[1], &[1, 1]), "2 places"),
            (said("consumer", "a", &[2], &[1, 1, 1]), "no text"),
            (said("consumer", "ab", &[2, 1], &[1, 1, 1]), "no text"),
            (said("consumer", "a", &[0, 1], &[2, 2, 2]), "no text"),
            (said("consumer", "a", &[1], &[1, 2, 1]), "value 2 of 1"),
            (said("consumer", &"a".repeat(257), &[257], &[1, 1, 1]), "no text"),
        ] {
            let fault = Written::new(column, 3, &writes).unwrap_err();
            assert!(fault.contains(reason), "{fault}");
        }
    }
}
