//! What Prometheus and collectors are told of consumers, where that is wanted: counted from records, when observers have seen them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use super::keeper::Listener;
use crate::report::{Finished, NONE, OTHER};
use crate::telemetry::metrics::{ConsumerMetrics, Metrics};

/// Pairs of an API and a consumer that have numbers of their own; what comes later since the start counts as one.
const MOST: usize = 1_000;

pub(crate) struct Meters {
    metrics: Arc<Metrics>,
    known: HashMap<[Option<Arc<str>>; 2], ConsumerMetrics>,
    none: Arc<str>,
    other: Arc<str>,
}

impl Meters {
    fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, known: HashMap::new(), none: NONE.into(), other: OTHER.into() }
    }

    /// Ones that count in these metrics what they hear of.
    pub(crate) fn listening(metrics: Arc<Metrics>) -> Listener {
        let mut meters = Self::new(metrics);
        Box::new(move |records| meters.count(records))
    }

    fn count(&mut self, records: &[Finished]) {
        for record in records {
            let Ok(status) = StatusCode::from_u16(record.status.unwrap_or_default()) else { continue };
            self.of(record).finished(status, Duration::from_micros(record.total_us));
        }
    }

    fn of(&mut self, record: &Finished) -> ConsumerMetrics {
        let names = [record.api().cloned(), record.consumer.clone()];
        if let Some(known) = self.known.get(&names) {
            return known.clone();
        }
        let name = |name: &Option<Arc<str>>| name.clone().unwrap_or_else(|| self.none.clone());
        if self.known.len() >= MOST {
            return self.metrics.consumer(&self.other, &self.other);
        }
        let new = self.metrics.consumer(&name(&names[0]), &name(&names[1]));
        self.known.insert(names, new.clone());
        new
    }
}

#[cfg(test)]
mod tests {
    use super::super::reading::tests::finished;
    use super::*;
    use crate::report::tests::of_api;

    #[test]
    fn each_consumer_of_an_api_has_numbers_and_those_that_are_too_many_share_them() {
        let metrics = Arc::new(Metrics::new("1", "2"));
        let mut meters = Meters::new(metrics.clone());
        let of = |consumer: &str| Finished {
            operation: of_api("pets", "getPet"),
            consumer: Some(consumer.into()),
            status: Some(404),
            ..finished()
        };
        meters.count(&[of("shop"), of("shop"), Finished { operation: None, consumer: None, ..of("") }]);
        let all: Vec<_> = (0..MOST).map(|at| of(&format!("c{at}"))).collect();
        meters.count(&all);
        let text = metrics.encode();
        for line in [
            r#"lockgate_consumer_requests_total{api="pets",consumer="shop",status_class="4xx"} 2"#,
            r#"lockgate_consumer_requests_total{api="__none__",consumer="__none__",status_class="4xx"} 1"#,
            r#"lockgate_consumer_requests_total{api="pets",consumer="c997",status_class="4xx"} 1"#,
            r#"lockgate_consumer_requests_total{api="__other__",consumer="__other__",status_class="4xx"} 2"#,
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
