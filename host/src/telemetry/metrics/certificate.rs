//! When the certificates of listeners end.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

/// One certificate that is shown to clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expiry {
    pub(crate) listener: String,
    /// The first host it is for; empty where it names none.
    pub(crate) host: String,
    /// In seconds since 1970.
    pub(crate) at: i64,
}

/// All that are shown now.
#[derive(Debug, Default)]
pub(super) struct Certificates(Mutex<Vec<Expiry>>);

impl Certificates {
    pub(super) fn show(&self, all: Vec<Expiry>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = all;
    }

    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let help = "When a certificate of a listener ends, in seconds since 1970";
        let name = "certificate_expiry_timestamp_seconds";
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for Expiry { listener, host, at } in &all {
            family.encode_family(&[("listener", &**listener), ("host", host)])?.encode_gauge(at)?;
        }
        Ok(())
    }
}
