//! `metrics`: counters of a policy, with bounded names and labels.

use super::{HostState, wit};

impl wit::metrics::Host for HostState {
    fn count(&mut self, name: String, by: u64, labels: Vec<wit::metrics::Label>) -> wasmtime::Result<()> {
        self.serving()?;
        let labels: Vec<(&str, &str)> =
            labels.iter().map(|label| (label.name.as_str(), label.value.as_str())).collect();
        self.powers.counters.count(&name, by, &labels).map_err(wasmtime::Error::new)?;
        if let Some(counted) = &self.occasion.behalf.counted {
            counted.add(&self.powers.policy, &name, by, labels);
        }
        Ok(())
    }
}
