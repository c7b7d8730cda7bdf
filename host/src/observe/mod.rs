//! Owns finished exchanges on their way from the workers to what is kept of them: told in no time, read in batches and shown to observers, beside the requests.

mod column;
mod entry;
mod keeper;
mod meters;
mod names;
mod observer;
mod reading;
mod teller;
mod watch;

/// What its numbers stand for.
pub(crate) use crate::report::Operation;
pub(crate) use entry::{Entry, Rest, Verb};
pub(crate) use keeper::{Keeper, KeeperGuard};
pub(crate) use meters::Meters;
pub(crate) use names::{Catalog, NameId, OperationId};
pub(crate) use observer::{Looking, NoObserver, Observer};
pub(crate) use teller::{Attributes, Teller};
pub(crate) use watch::{NoPlace, Seen, Watch, Watching};
