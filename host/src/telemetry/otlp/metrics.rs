//! The numbers of the gateway in the form of OTLP, made from what Prometheus is told: both say the same.

use std::time::SystemTime;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model as prometheus;

use super::resource::{scope, text};
use super::traces::nanos;

const CUMULATIVE: i32 = AggregationTemporality::Cumulative as i32;

/// Since when is counted, and when was read.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub(super) since: SystemTime,
    pub(super) now: SystemTime,
}

pub(super) fn request(
    resource: &Resource,
    families: &[prometheus::MetricFamily],
    times: Times,
) -> ExportMetricsServiceRequest {
    let metrics = families.iter().filter_map(|family| metric(family, times)).collect();
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope()), metrics, ..ScopeMetrics::default() }];
    let resource = Some(resource.clone());
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() }],
    }
}

/// Prometheus adds `_total` to the name of a counter, and the unit where the name does not end in it.
fn metric(family: &prometheus::MetricFamily, times: Times) -> Option<Metric> {
    let of = |pick: fn(&prometheus::Metric) -> Option<f64>| -> Vec<NumberDataPoint> {
        let points = family.metric.iter().filter_map(|metric| Some((metric, pick(metric)?)));
        points.map(|(metric, value)| number(metric, value, times)).collect()
    };
    let data = match family.r#type() {
        prometheus::MetricType::Counter => Data::Sum(Sum {
            data_points: of(|metric| metric.counter.as_ref().map(|counter| counter.value)),
            aggregation_temporality: CUMULATIVE,
            is_monotonic: true,
        }),
        prometheus::MetricType::Gauge => {
            Data::Gauge(Gauge { data_points: of(|metric| metric.gauge.as_ref().map(|gauge| gauge.value)) })
        }
        prometheus::MetricType::Histogram => Data::ExponentialHistogram(ExponentialHistogram {
            data_points: family.metric.iter().filter_map(|metric| histogram(metric, times)).collect(),
            aggregation_temporality: CUMULATIVE,
        }),
        // There are no others.
        _ => return None,
    };
    Some(Metric {
        name: family.name.strip_suffix("_total").unwrap_or(&family.name).to_owned(),
        description: family.help.clone(),
        unit: if family.name.ends_with("_seconds") { "s".to_owned() } else { String::new() },
        data: Some(data),
        ..Metric::default()
    })
}

fn number(metric: &prometheus::Metric, value: f64, times: Times) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(metric),
        start_time_unix_nano: nanos(times.since),
        time_unix_nano: nanos(times.now),
        value: Some(Value::AsDouble(value)),
        ..NumberDataPoint::default()
    }
}

fn histogram(metric: &prometheus::Metric, times: Times) -> Option<ExponentialHistogramDataPoint> {
    let histogram = metric.histogram.as_ref()?;
    Some(ExponentialHistogramDataPoint {
        attributes: attributes(metric),
        start_time_unix_nano: nanos(times.since),
        time_unix_nano: nanos(times.now),
        count: histogram.sample_count,
        sum: Some(histogram.sample_sum),
        scale: histogram.schema,
        zero_count: histogram.zero_count,
        zero_threshold: histogram.zero_threshold,
        positive: Some(dense(histogram)),
        ..ExponentialHistogramDataPoint::default()
    })
}

/// All buckets from the first to the last. Where Prometheus names a bucket by its end, OTLP names it by its beginning.
fn dense(histogram: &prometheus::Histogram) -> Buckets {
    let offset = histogram.positive_span.first().map_or(0, |span| span.offset - 1);
    let mut bucket_counts = Vec::new();
    let mut deltas = histogram.positive_delta.iter();
    let mut count = 0;
    for (at, span) in histogram.positive_span.iter().enumerate() {
        let gap = if at == 0 { 0 } else { usize::try_from(span.offset).unwrap_or_default() };
        bucket_counts.resize(bucket_counts.len() + gap, 0);
        for delta in deltas.by_ref().take(span.length as usize) {
            count += delta;
            bucket_counts.push(u64::try_from(count).unwrap_or_default());
        }
    }
    Buckets { offset, bucket_counts }
}

fn attributes(metric: &prometheus::Metric) -> Vec<KeyValue> {
    metric.label.iter().map(|label| text(&label.name, &label.value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_buckets_become_one_row_with_gaps() {
        let span = |offset, length| prometheus::BucketSpan { offset, length };
        let histogram = prometheus::Histogram {
            positive_span: vec![span(-4, 2), span(3, 1)],
            positive_delta: vec![5, -2, 1],
            ..prometheus::Histogram::default()
        };
        let buckets = dense(&histogram);
        assert_eq!((buckets.offset, buckets.bucket_counts), (-5, vec![5, 3, 0, 0, 0, 4]));
        assert_eq!(dense(&prometheus::Histogram::default()).bucket_counts, [0; 0]);
    }
}
