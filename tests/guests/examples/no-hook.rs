//! Exports `lifecycle` and no hook.

use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
struct Idle {}

impl Policy for Idle {
    fn interest(&self) -> Interest {
        Interest::new()
    }
}

#[cfg(target_family = "wasm")]
const _: () = {
    thread_local! {
        static POLICY: lockgate_sdk::export::Slot<Idle> = const { lockgate_sdk::export::Slot::new() };
    }
    struct Component;
    lockgate_sdk::__export_lifecycle!(Component);
};
