//! Which values of a document are selected: paths, compiled into one automaton that follows the document.

pub mod state;

pub use state::State;
