//! Settings that are read once, at start.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::{Analytics, Config, ConfigFault, Runtime};

/// What they were then.
pub(super) struct Fixed {
    admin: SocketAddr,
    runtime: Runtime,
    access_log: bool,
    analytics: Option<Analytics>,
    state: Option<PathBuf>,
}

impl Fixed {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            admin: config.admin,
            runtime: config.runtime,
            access_log: config.access_log,
            analytics: config.analytics.clone(),
            state: config.state_dir.clone(),
        }
    }

    /// A fault for each setting that is not what it was.
    pub(super) fn changes(&self, config: &Config) -> Vec<ConfigFault> {
        let (new, places) = (Self::of(config), &config.places);
        let (was, is) = (self.runtime, new.runtime);
        let single = [
            (self.admin != new.admin, places.admin.below("address")),
            (was.workers != is.workers, places.runtime.below("workers")),
            (was.max_requests != is.max_requests, places.runtime.below("max_requests")),
            (was.drain != is.drain, places.runtime.below("drain")),
            (was.drain_delay != is.drain_delay, places.runtime.below("drain_delay")),
            (self.access_log != new.access_log, places.access_log.below("enabled")),
            (self.analytics != new.analytics, places.analytics.clone()),
            (self.state != new.state, places.state.below("dir")),
        ];
        let changed = single.into_iter().filter(|(changed, _)| *changed).map(|(_, place)| place);
        let reason = "this cannot change while the gateway runs";
        let advice = "restart the gateway, or put back what was there so that other changes take effect";
        changed.map(|place| place.fault(reason, advice)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Tree;

    fn config(text: &str) -> Config {
        Config::parse(&Tree::from_files([("gateway.toml", text)])).unwrap()
    }

    #[test]
    fn each_change_is_named_with_its_line() {
        let fixed = Fixed::of(&config("[listen.a]\naddress = '127.0.0.1:1'\n[listen.b]\naddress = '127.0.0.1:2'\n"));
        let faults = |text: &str| -> Vec<String> {
            let faults = fixed.changes(&config(text));
            faults
                .iter()
                .map(|fault| fault.to_string().replace(": this cannot", "\0").split('\0').next().unwrap().into())
                .collect()
        };
        let both =
            "[access_log]\n[runtime]\n[listen.a]\naddress = '127.0.0.1:1'\n[listen.b]\naddress = '127.0.0.1:2'\n";
        assert_eq!(faults(both), [""; 0], "places are no settings");
        assert_eq!(faults("[listen.a]\naddress = '127.0.0.1:3'\n"), [""; 0], "listeners may change");
        let text = "[listen.a]\naddress = '127.0.0.1:1'\n[listen.b]\naddress = '127.0.0.1:3'\n\
                    [admin]\naddress = '127.0.0.1:4'\n[runtime]\nworkers = 3\ndrain = '1s'\n[access_log]\nenabled = false\n";
        let said = [
            "gateway.toml:5: admin.address",
            "gateway.toml:7: runtime.workers",
            "gateway.toml:7: runtime.drain",
            "gateway.toml:10: access_log.enabled",
        ];
        assert_eq!(faults(text), said);
        let counted = Fixed::of(&config("[analytics]\n[access_log]\n[listen.a]\naddress = '127.0.0.1:1'\n"));
        let faults = counted.changes(&config("[access_log]\n[listen.a]\naddress = '127.0.0.1:1'\n"));
        assert!(faults[0].to_string().starts_with("gateway.toml: analytics: "), "{faults:?}");
    }
}
