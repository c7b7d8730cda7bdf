//! What policies want changed, against plain models of it.

mod edits;
mod model;
mod splices;

pub use edits::edits;
pub use splices::splices;
