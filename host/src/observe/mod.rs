//! Owns finished exchanges on their way from the workers to what is kept of them: told in no time, read in batches, beside the requests.

mod entry;
mod keeper;
mod names;
mod teller;
mod watch;

pub(crate) use entry::{Entry, Verb};
pub(crate) use keeper::Keeper;
pub(crate) use names::{NameId, Operation, OperationId, Operations};
pub(crate) use teller::{Attributes, Teller};
pub(crate) use watch::{NoPlace, Seen, Watch, Watching};
