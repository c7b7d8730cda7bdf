//! The contract of `wit/` as Rust types and host traits, generated; nothing is written by hand here.
#![allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all, reason = "generated code")]

wasmtime::component::bindgen!({
    world: "policy",
    path: "../wit",
    imports: {
        "lockgate:policy/egress.send": async | trappable,
        default: trappable,
    },
});
