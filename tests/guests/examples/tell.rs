//! Tells which build and which configuration made a response, so that a test sees of which generation it is.

lockgate_sdk::export!(lockgate_guests::Tell: RequestPhase + ResponsePhase);
