//! Marks exchanges with `a`; the counterpart of `version-b`, which takes its place while requests are under way.

lockgate_sdk::export!(lockgate_guests::Version<'a'>: RequestPhase + ResponsePhase);
