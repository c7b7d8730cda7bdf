//! Numbers of persons and businesses in the registers of countries, a file for each part of the world.

mod americas;
mod asia_pacific;
mod europe;
mod nordic;

use super::Number;

/// All of them, in parts.
pub(super) const NUMBERS: [&[Number]; 4] = [americas::NUMBERS, asia_pacific::NUMBERS, europe::NUMBERS, nordic::NUMBERS];
