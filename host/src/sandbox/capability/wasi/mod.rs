//! WASI without powers: the interfaces of WASI 0.2 that runtimes of languages cannot start without, and nothing behind them.
//!
//! There is no environment, no argument, no file, no socket and nothing to wait for. What a guest prints is a line of
//! its log; time and random bytes are those every policy may ask for, in no finer grain. What is not named here is not
//! linked.

mod nothing;
mod output;
mod random;
mod time;

use std::time::Instant;

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentNamedList, Lift, Linker, LinkerInstance, Lower, ResourceType, Val};

use super::HostState;

/// The version the interfaces are linked as; a component may have been made for any other of 0.2.
const VERSION: &str = "0.2.12";

/// Streams and clocks an instance can hold at once. Each costs the host memory.
const MAX_HANDLES: u32 = 1024;

/// What is linked, and what it comes to.
const INTERFACES: [(&str, &str); 20] = [
    ("cli/environment", "no variables, no arguments"),
    ("cli/exit", "ends the call, as a trap"),
    ("cli/stdin", "nothing to read"),
    ("cli/stdout", "lines in the gateway's log"),
    ("cli/stderr", "lines in the gateway's log"),
    ("cli/terminal-input", "no terminal"),
    ("cli/terminal-output", "no terminal"),
    ("cli/terminal-stdin", "no terminal"),
    ("cli/terminal-stdout", "no terminal"),
    ("cli/terminal-stderr", "no terminal"),
    ("clocks/monotonic-clock", "milliseconds since its first use; no waiting"),
    ("clocks/wall-clock", "the time of day, in milliseconds"),
    ("filesystem/preopens", "no files"),
    ("filesystem/types", "no files"),
    ("io/error", "shapes of data, no power"),
    ("io/poll", "no waiting"),
    ("io/streams", "of those above"),
    ("random/insecure", "random bytes"),
    ("random/insecure-seed", "random bytes"),
    ("random/random", "random bytes"),
];

/// What an interface comes to; none for one that is not linked.
pub(in crate::sandbox) fn gives(name: &str) -> Option<&'static str> {
    let (interface, version) = name.strip_prefix("wasi:")?.split_once('@')?;
    let known = INTERFACES.iter().find(|(known, _)| *known == interface && version.starts_with("0.2."));
    known.map(|(_, gives)| *gives)
}

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    output::link(linker)?;
    time::link(linker)?;
    random::link(linker)?;
    nothing::link(linker)
}

/// What an instance has of it.
#[derive(Default)]
pub(super) struct Wasi {
    printed: output::Printed,
    began: Option<Instant>,
    handles: u32,
    /// Time or random bytes were asked for while it was made or configured.
    drew: bool,
}

impl HostState {
    /// Why an image must not be taken of the instance as it is now, if that is so.
    pub(in crate::sandbox) fn no_image(&self) -> Option<&'static str> {
        if self.wasi.drew {
            return Some(
                "it asks for the time or for random bytes while it is configured, and an image would keep the answer",
            );
        }
        (self.wasi.handles > 0).then_some("it holds a stream or a clock when it is configured, which no image can keep")
    }

    /// The guest asks for what differs from one time to the next.
    fn draw(&mut self) {
        self.wasi.drew |= self.configuring;
    }

    fn hand_out(&mut self) -> wasmtime::Result<()> {
        if self.wasi.handles >= MAX_HANDLES {
            return Err(wasmtime::Error::msg("it holds more than 1024 streams and clocks"));
        }
        self.wasi.handles += 1;
        Ok(())
    }

    fn take_back(&mut self) {
        self.wasi.handles = self.wasi.handles.saturating_sub(1);
    }
}

/// One interface while it is linked. Each of its functions counts as a call of an import.
struct Interface<'a>(LinkerInstance<'a, HostState>);

impl<'a> Interface<'a> {
    fn new(linker: &'a mut Linker<HostState>, name: &str) -> wasmtime::Result<Self> {
        Ok(Self(linker.instance(&format!("wasi:{name}@{VERSION}"))?))
    }

    fn function<P, R>(
        &mut self,
        name: &str,
        function: impl Fn(&mut HostState, P) -> wasmtime::Result<R> + Send + Sync + 'static,
    ) -> wasmtime::Result<()>
    where
        P: ComponentNamedList + Lift + 'static,
        R: ComponentNamedList + Lower + 'static,
    {
        self.0.func_wrap(name, move |mut store: StoreContextMut<'_, HostState>, given: P| {
            let state = store.data_mut();
            state.meter.host_call()?;
            function(state, given)
        })
    }

    /// A kind of thing that a guest may hold.
    fn resource<T: 'static>(&mut self, name: &str) -> wasmtime::Result<()> {
        self.0.resource(name, ResourceType::host::<T>(), |mut store, _| {
            store.data_mut().take_back();
            Ok(())
        })
    }

    /// A function that nothing can be given to: what it needs, no guest ever holds.
    fn unreachable(&mut self, name: &str, reason: &'static str) -> wasmtime::Result<()> {
        let refuse =
            move |_: StoreContextMut<'_, HostState>, _, _: &[Val], _: &mut [Val]| Err(wasmtime::Error::msg(reason));
        self.0.func_new(name, refuse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reaches_beyond_the_policy_is_not_among_it() {
        for name in ["wasi:cli/stdout@0.2.0", "wasi:filesystem/types@0.2.9", "wasi:random/random@0.2.12"] {
            assert!(gives(name).is_some(), "{name}");
        }
        let others = [
            "wasi:sockets/tcp@0.2.9",
            "wasi:sockets/ip-name-lookup@0.2.9",
            "wasi:http/outgoing-handler@0.2.9",
            "wasi:keyvalue/store@0.2.0-draft",
            "wasi:cli/stdout@0.3.0",
            "wasi:cli/stdout",
            "acme:cli/stdout@0.2.0",
        ];
        for name in others {
            assert!(gives(name).is_none(), "{name}");
        }
    }
}
