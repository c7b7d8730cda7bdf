//! Looks at records as it is configured to: traps, fails, writes what it may not, tells a service, waits for one with the only place held, or calls every consumer by another name.

use lockgate_sdk::egress::{self, Call};
use lockgate_sdk::limiter::{self, Absence, Demand, Rule};
use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", tag = "does")]
enum Observe {
    Trap {},
    Fail {},
    /// Returns a column it did not declare.
    Stray {},
    /// Sends the service a line for each record.
    Tell {},
    /// Holds the only place there is, and asks the service.
    Hold {},
    Rename {
        to: String,
    },
    /// Returns addresses as they came.
    Parrot {},
}

impl Policy for Observe {
    fn interest(&self) -> Interest {
        match self {
            Self::Tell {} => Interest::new().record_read("operation").record_read("status").egress("sink"),
            Self::Hold {} => {
                Interest::new().record_read("consumer").record_write("consumer").limiter("place").egress("sink")
            }
            Self::Parrot {} => Interest::new().record_read("client").record_write("client"),
            _ => Interest::new().record_read("consumer").record_write("consumer"),
        }
    }
}

impl Observer for Observe {
    fn on_records(&self, records: &mut Records) -> Result<(), Failure> {
        match self {
            Self::Trap {} => std::process::abort(),
            Self::Fail {} => Err(Failure::Internal),
            Self::Stray {} => {
                records.write("application", (0..records.len()).map(|_| Some("stray")));
                Ok(())
            }
            Self::Tell {} => {
                let told = |at| {
                    let of = |name| records.get(at, name).unwrap_or("-");
                    format!("{} {}\n", of("operation"), of("status"))
                };
                let lines: String = (0..records.len()).map(told).collect();
                let told = egress::send("sink", &Call::post("/records").body(&lines));
                told.map(|_| ()).map_err(|_| Failure::Dependency)
            }
            Self::Hold {} => {
                let only = Demand { key: b"only", rule: Rule::Concurrent((1, 60_000)), cost: 1 };
                let held = limiter::take("place", &[only], Absence::Fail).map_err(|_| Failure::Internal)?;
                if !held.iter().all(|held| held.has_room) {
                    return Err(Failure::Internal);
                }
                egress::send("sink", &Call::post("/records")).map(|_| ()).map_err(|_| Failure::Dependency)
            }
            Self::Rename { to } => records.rewrite("consumer", |_| Ok(Some(to.into()))),
            Self::Parrot {} => records.rewrite("client", |address| Ok(Some(address.to_owned().into()))),
        }
    }
}

lockgate_sdk::export!(Observe: Observer);
