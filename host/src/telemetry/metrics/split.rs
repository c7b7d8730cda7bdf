//! Numbers of splits: what became of the requests each upstream of a route was given.

use std::fmt;
use std::sync::Arc;

use http::StatusCode;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::label::Counts;
use super::route::{CLASSES, class};
use super::series::Series;

/// Where requests are counted to which no answer came.
const NONE: usize = CLASSES.len();

type Cells = Counts<{ CLASSES.len() + 1 }>;

/// The handle of one upstream of a route; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct SplitMetrics {
    cells: Arc<Cells>,
}

impl SplitMetrics {
    /// A request goes there.
    pub(crate) fn begin(&self) -> Asking<'_> {
        Asking { cells: &self.cells, class: NONE }
    }
}

/// A request on its way to an upstream of a split, counted when this is dropped: by the class of the answer, if there
/// was one by then.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    cells: &'a Cells,
    class: usize,
}

impl Asking<'_> {
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.class = class(status);
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.cells.inc(self.class);
    }
}

/// All of them, by API, route and upstream.
#[derive(Debug, Default)]
pub(super) struct Splits {
    series: Series<[Arc<str>; 3], Cells>,
}

impl Splits {
    pub(super) fn handle(&self, api: &str, route: &str, upstream: &str) -> SplitMetrics {
        SplitMetrics { cells: self.series.cell([api, route, upstream].map(Into::into)) }
    }

    pub(super) fn retain(&self, live: impl Fn(&str, &str, &str) -> bool) {
        self.series.retain(|[api, route, upstream]| live(api, route, upstream));
    }

    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Requests given to an upstream of a split, by its answer";
        let mut family = encoder.encode_descriptor("split", help, None, MetricType::Counter)?;
        for ([api, route, upstream], cells) in &self.series.all() {
            for (index, count) in cells.counted() {
                let status_class = CLASSES.get(index).copied().unwrap_or("none");
                let labels =
                    [("api", &**api), ("route", route), ("upstream", upstream), ("status_class", status_class)];
                family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
        Ok(())
    }
}
