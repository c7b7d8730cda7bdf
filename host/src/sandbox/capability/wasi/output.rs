//! Standard streams: what is printed goes line by line to the log of the policy; there is nothing to read.

use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource};

use super::super::log::MAX_LINE_BYTES;
use super::super::wit::log::Level;
use super::time::Pollable;
use super::{HostState, Interface};

/// Bytes that may be written at once, as WASI has it for writes that wait.
const ROOM: usize = 4096;

struct Input;
struct IoError;

/// A stream to write to: its number is its place in [`Printed`].
struct Output;

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    #[allow(dead_code, reason = "part of the shape; no operation fails")]
    Failed(Resource<IoError>),
    #[component(name = "closed")]
    Closed,
}

/// Begun lines of standard output and standard error.
#[derive(Default)]
pub(super) struct Printed([Vec<u8>; 2]);

const LEVELS: [Level; 2] = [Level::Info, Level::Warn];

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    let mut error = Interface::new(linker, "io/error")?;
    error.resource::<IoError>("error")?;
    error.unreachable("[method]error.to-debug-string", "no operation fails")?;
    Interface::new(linker, "cli/stdin")?.function("get-stdin", |state, (): ()| {
        state.hand_out()?;
        Ok((Resource::<Input>::new_own(0),))
    })?;
    for (at, name) in (0..).zip(["stdout", "stderr"]) {
        let mut interface = Interface::new(linker, &format!("cli/{name}"))?;
        interface.function(&format!("get-{name}"), move |state, (): ()| {
            state.hand_out()?;
            Ok((Resource::<Output>::new_own(at),))
        })?;
    }
    let mut streams = Interface::new(linker, "io/streams")?;
    input(&mut streams)?;
    output(&mut streams)
}

type Io<T> = Result<T, StreamError>;

fn input(streams: &mut Interface<'_>) -> wasmtime::Result<()> {
    streams.resource::<Input>("input-stream")?;
    for name in ["read", "blocking-read"] {
        streams.function(&format!("[method]input-stream.{name}"), |_, _: (Resource<Input>, u64)| {
            Ok((Io::<Vec<u8>>::Err(StreamError::Closed),))
        })?;
    }
    for name in ["skip", "blocking-skip"] {
        streams.function(&format!("[method]input-stream.{name}"), |_, _: (Resource<Input>, u64)| {
            Ok((Io::<u64>::Err(StreamError::Closed),))
        })?;
    }
    streams.function("[method]input-stream.subscribe", |state, _: (Resource<Input>,)| ready(state))
}

fn output(streams: &mut Interface<'_>) -> wasmtime::Result<()> {
    streams.resource::<Output>("output-stream")?;
    streams
        .function("[method]output-stream.check-write", |_, _: (Resource<Output>,)| Ok((Io::<u64>::Ok(ROOM as u64),)))?;
    for name in ["write", "blocking-write-and-flush"] {
        let name = format!("[method]output-stream.{name}");
        streams.function(&name, |state, (stream, bytes): (Resource<Output>, Vec<u8>)| {
            if bytes.len() > ROOM {
                return Err(wasmtime::Error::msg("it writes more at once than it may"));
            }
            state.print(stream.rep() as usize, &bytes);
            Ok((Io::<()>::Ok(()),))
        })?;
    }
    // A line is complete when it ends, or the call does; flushing it before would tear it.
    for name in ["flush", "blocking-flush"] {
        let name = format!("[method]output-stream.{name}");
        streams.function(&name, |_, _: (Resource<Output>,)| Ok((Io::<()>::Ok(()),)))?;
    }
    for name in ["write-zeroes", "blocking-write-zeroes-and-flush"] {
        let name = format!("[method]output-stream.{name}");
        streams.function(&name, |_, _: (Resource<Output>, u64)| Ok((Io::<()>::Err(StreamError::Closed),)))?;
    }
    for name in ["splice", "blocking-splice"] {
        let name = format!("[method]output-stream.{name}");
        streams.function(&name, |_, _: (Resource<Output>, Resource<Input>, u64)| {
            Ok((Io::<u64>::Err(StreamError::Closed),))
        })?;
    }
    streams.function("[method]output-stream.subscribe", |state, _: (Resource<Output>,)| ready(state))
}

fn ready(state: &mut HostState) -> wasmtime::Result<(Resource<Pollable>,)> {
    Ok((state.ready()?,))
}

impl HostState {
    fn print(&mut self, stream: usize, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(line) = self.wasi.printed.0.get_mut(stream) else { return };
            // What is beyond is cut off later, and counted; what is beyond even that is not held.
            let room = (MAX_LINE_BYTES + ROOM).saturating_sub(line.len());
            line.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.ends_with(b"\n") {
                self.line(stream);
            }
        }
    }

    /// A call is over: what is printed without an end of line ends here.
    pub(in crate::sandbox) fn end_lines(&mut self) {
        for stream in 0..LEVELS.len() {
            if self.wasi.printed.0.get(stream).is_some_and(|line| !line.is_empty()) {
                self.line(stream);
            }
        }
    }

    fn line(&mut self, stream: usize) {
        let (Some(line), Some(level)) = (self.wasi.printed.0.get_mut(stream), LEVELS.get(stream)) else { return };
        let line = std::mem::take(line);
        self.log(*level, String::from_utf8_lossy(&line).trim_end());
    }
}
