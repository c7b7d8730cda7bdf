//! `log`: lines of a policy, tagged and bounded.

use super::{HostState, wit};
use crate::telemetry::log::told;

/// Bytes of one line.
pub(super) const MAX_LINE_BYTES: usize = 4 * 1024;
/// What a line costs besides its bytes: many short ones fill the log as well, and the queue all lines pass.
const LINE_COST: usize = 100;

impl wit::log::Host for HostState {
    fn write(&mut self, level: wit::log::Level, message: String) -> wasmtime::Result<()> {
        self.meter.host_call()?;
        self.log(level, &message);
        Ok(())
    }
}

impl HostState {
    /// One line, as long as it may be.
    pub(super) fn log(&mut self, level: wit::log::Level, message: &str) {
        let room = MAX_LINE_BYTES.min(self.log_bytes_left);
        let line = cut(message, room);
        self.log_bytes_left = self.log_bytes_left.saturating_sub(line.len() + LINE_COST);
        if line.len() < message.len() {
            // The name is good; where a policy has used up its names, this one is what is missed least.
            let _ = self.powers.counters.count("log_cut_bytes", (message.len() - line.len()) as u64, &[]);
        }
        if line.is_empty() {
            return;
        }
        if self.configuring && matches!(level, wit::log::Level::Warn | wit::log::Level::Error) {
            // Bounded as the log of one call is.
            let separator = if self.complaints.is_empty() { "" } else { " / " };
            self.complaints.extend([separator, line]);
        }
        let (api, policy, request_id) =
            (told(&self.powers.api), &*self.powers.policy, self.occasion.behalf.exchange.to_string());
        match level {
            wit::log::Level::Debug => tracing::debug!(target: "policy", api, policy, request_id, "{line}"),
            wit::log::Level::Info => tracing::info!(target: "policy", api, policy, request_id, "{line}"),
            wit::log::Level::Warn => tracing::warn!(target: "policy", api, policy, request_id, "{line}"),
            wit::log::Level::Error => tracing::error!(target: "policy", api, policy, request_id, "{line}"),
        }
    }
}

/// The longest prefix of at most `room` bytes that ends between characters.
fn cut(message: &str, room: usize) -> &str {
    let mut end = message.len().min(room);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    &message[..end]
}
