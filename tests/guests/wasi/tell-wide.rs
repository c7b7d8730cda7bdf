//! Does what `tell` does, with all of Rust's std: a component of the size that those have which do more.

lockgate_sdk::export!(lockgate_guests::Tell: RequestPhase + ResponsePhase);
