//! Plays exchanges that are written as files through the gateway, without a network: who asks, who answers and what time it is stands in the file.
//!
//! What is played is the gateway itself, from the head of a request to the last byte of its answer: `serve`, with a
//! connection in memory on the one side and, by way of `upstream::Network`, others in memory where servers would be.

mod body;
mod facts;
mod head;
mod lines;
mod log;
mod outcome;
mod play;
mod script;
mod servers;
mod stage;
mod terms;

pub(crate) use log::Overheard;
pub(crate) use play::{Played, Player};
pub(crate) use script::{Scene, Script};
pub(crate) use stage::{Code, Leads, Setup, Stage};
pub(crate) use terms::Terms;
