//! Clocks in whole milliseconds, and what can be waited for: nothing.

use std::time::Instant;

use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource};

use super::{HostState, Interface};

const NANOS: u64 = 1_000_000;

/// Something that is ready from a moment on: milliseconds of the monotonic clock are its number.
pub(super) struct Pollable;

/// A moment as WASI tells it.
#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    poll(linker)?;
    let mut wall = Interface::new(linker, "clocks/wall-clock")?;
    wall.function("now", |state, (): ()| {
        state.draw();
        let unix_ms = state.powers.world.unix_ms();
        // Below a thousand, times a million.
        let nanoseconds = u32::try_from(unix_ms % 1000 * NANOS).unwrap_or_default();
        Ok((Datetime { seconds: unix_ms / 1000, nanoseconds },))
    })?;
    wall.function("resolution", |_, (): ()| Ok((Datetime { seconds: 0, nanoseconds: 1_000_000 },)))?;

    let mut monotonic = Interface::new(linker, "clocks/monotonic-clock")?;
    monotonic.function("now", |state, (): ()| Ok((state.monotonic() * NANOS,)))?;
    monotonic.function("resolution", |_, (): ()| Ok((NANOS,)))?;
    monotonic.function("subscribe-instant", |state, (when,): (u64,)| Ok((state.pollable(when.div_ceil(NANOS))?,)))?;
    monotonic.function("subscribe-duration", |state, (length,): (u64,)| {
        let when = state.monotonic().saturating_add(length.div_ceil(NANOS));
        Ok((state.pollable(when)?,))
    })
}

fn poll(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    let mut poll = Interface::new(linker, "io/poll")?;
    poll.resource::<Pollable>("pollable")?;
    poll.function("[method]pollable.ready", |state, (one,): (Resource<Pollable>,)| Ok((state.is_ready(&one),)))?;
    poll.function(
        "[method]pollable.block",
        |state, (one,): (Resource<Pollable>,)| {
            if state.is_ready(&one) { Ok(()) } else { Err(waits()) }
        },
    )?;
    poll.function("poll", |state, (all,): (Vec<Resource<Pollable>>,)| {
        let ready = (0_u32..).zip(&all).filter(|(_, one)| state.is_ready(one)).map(|(at, _)| at);
        let ready: Vec<u32> = ready.collect();
        if ready.is_empty() { Err(waits()) } else { Ok((ready,)) }
    })
}

/// A worker that waits serves nobody.
fn waits() -> wasmtime::Error {
    wasmtime::Error::msg("it wants to wait, and policies do not")
}

impl HostState {
    /// Something that is ready already.
    pub(super) fn ready(&mut self) -> wasmtime::Result<Resource<Pollable>> {
        self.hand_out()?;
        Ok(Resource::new_own(0))
    }

    fn pollable(&mut self, when: u64) -> wasmtime::Result<Resource<Pollable>> {
        self.hand_out()?;
        Ok(Resource::new_own(u32::try_from(when).unwrap_or(u32::MAX)))
    }

    fn is_ready(&mut self, pollable: &Resource<Pollable>) -> bool {
        pollable.rep() == 0 || u64::from(pollable.rep()) <= self.monotonic()
    }

    /// Milliseconds since this instance asked first.
    fn monotonic(&mut self) -> u64 {
        self.draw();
        let began = *self.wasi.began.get_or_insert_with(Instant::now);
        self.powers.world.ms_since(began)
    }
}
