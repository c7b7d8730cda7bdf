//! Marks exchanges with `b`; the counterpart of `version-a`, which takes its place while requests are under way.

lockgate_sdk::export!(lockgate_guests::Version<'b'>: RequestPhase + ResponsePhase);
