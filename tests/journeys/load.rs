//! Proofs under load: many connections, and what happens to requests while something else does.

mod black_hole;
mod certificates;
mod drain;
mod idle;
mod restart;
