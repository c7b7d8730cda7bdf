//! Which values of a document are selected: paths, compiled into one automaton that follows the document.

mod builder;
mod complex;
mod graph;
mod minimise;
mod path;
mod selection;
mod shapes;
mod state;
mod subset;
mod table;

pub use builder::{Described, Entry, SelectionBuilder};
pub use complex::{Limit, TooComplex};
pub use graph::Reach;
pub use path::{Path, PathError};
pub use selection::Selection;
pub use shapes::{NoSuchShape, Shape, Shapes};
pub use state::State;
