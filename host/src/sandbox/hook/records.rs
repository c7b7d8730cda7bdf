//! `on-records`.

use std::sync::Arc;

use wasmtime::component::TypedFunc;

use super::{Hook, Label, Place, find};
use crate::sandbox::bindings::exports::lockgate::policy::observer::{Column, Guest};
use crate::sandbox::bindings::lockgate::policy::types as wit;
use crate::sandbox::fault::PluginFault;
use crate::telemetry::metrics::CallOutcome;

pub(crate) use crate::sandbox::bindings::exports::lockgate::policy::observer::Column as RecordColumn;

/// A batch of finished exchanges.
#[derive(Clone)]
pub(crate) struct OnRecords {
    pub(crate) count: u32,
    pub(crate) columns: Arc<[RecordColumn]>,
}

impl Hook for OnRecords {
    type Guest = Guest;
    type Told<'a> = (u32, &'a [Column]);
    type Returned = (Result<Vec<Column>, wit::Failure>,);
    type Said = Result<Vec<Column>, wit::Failure>;

    const LABEL: Label = Label::Records;

    fn guest(at: Place<'_>) -> Result<Guest, PluginFault> {
        find(&mut at.found.observer, at.exports.observer.as_ref(), |export| export.load(at.store, at.instance))
    }

    fn function(guest: &Guest) -> TypedFunc<Self::Told<'_>, Self::Returned> {
        guest.func_on_records()
    }

    fn told(&self) -> Self::Told<'_> {
        (self.count, &self.columns)
    }

    fn said((written,): Self::Returned) -> Self::Said {
        written
    }

    fn outcome(said: &Self::Said) -> CallOutcome {
        match said {
            Ok(written) if written.is_empty() => CallOutcome::Pass,
            Ok(_) => CallOutcome::Edit,
            Err(_) => CallOutcome::Fail,
        }
    }
}
