//! What is there by name only: environment, terminals, files, and the way out.

use wasmtime::component::{Linker, Resource};

use super::{HostState, Interface};

struct TerminalInput;
struct TerminalOutput;
struct Descriptor;
struct Entries;

const NO_FILES: &str = "there are no files";

/// What can be done with an open file or folder, of which there is none.
const DESCRIPTOR: [&str; 27] = [
    "read-via-stream",
    "write-via-stream",
    "append-via-stream",
    "advise",
    "sync-data",
    "get-flags",
    "get-type",
    "set-size",
    "set-times",
    "read",
    "write",
    "read-directory",
    "sync",
    "create-directory-at",
    "stat",
    "stat-at",
    "set-times-at",
    "link-at",
    "open-at",
    "readlink-at",
    "remove-directory-at",
    "rename-at",
    "symlink-at",
    "unlink-file-at",
    "is-same-object",
    "metadata-hash",
    "metadata-hash-at",
];

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    let mut environment = Interface::new(linker, "cli/environment")?;
    environment.function("get-environment", |_, (): ()| Ok((Vec::<(String, String)>::new(),)))?;
    environment.function("get-arguments", |_, (): ()| Ok((Vec::<String>::new(),)))?;
    environment.function("initial-cwd", |_, (): ()| Ok((None::<String>,)))?;

    let ended = |error: bool| {
        let how = if error { "with an error" } else { "as if it were done" };
        Err::<(), _>(wasmtime::Error::msg(format!("it called exit, {how}")))
    };
    let mut exit = Interface::new(linker, "cli/exit")?;
    exit.function("exit", move |_, (status,): (Result<(), ()>,)| ended(status.is_err()))?;
    exit.function("exit-with-code", move |_, (code,): (u8,)| ended(code != 0))?;

    Interface::new(linker, "cli/terminal-input")?.resource::<TerminalInput>("terminal-input")?;
    Interface::new(linker, "cli/terminal-output")?.resource::<TerminalOutput>("terminal-output")?;
    let mut stdin = Interface::new(linker, "cli/terminal-stdin")?;
    stdin.function("get-terminal-stdin", |_, (): ()| Ok((None::<Resource<TerminalInput>>,)))?;
    for name in ["stdout", "stderr"] {
        let mut output = Interface::new(linker, &format!("cli/terminal-{name}"))?;
        output.function(&format!("get-terminal-{name}"), |_, (): ()| Ok((None::<Resource<TerminalOutput>>,)))?;
    }
    files(linker)
}

fn files(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    let mut types = Interface::new(linker, "filesystem/types")?;
    types.resource::<Descriptor>("descriptor")?;
    types.resource::<Entries>("directory-entry-stream")?;
    for name in DESCRIPTOR {
        types.unreachable(&format!("[method]descriptor.{name}"), NO_FILES)?;
    }
    types.unreachable("[method]directory-entry-stream.read-directory-entry", NO_FILES)?;
    types.unreachable("filesystem-error-code", NO_FILES)?;
    let mut preopens = Interface::new(linker, "filesystem/preopens")?;
    preopens.function("get-directories", |_, (): ()| Ok((Vec::<(Resource<Descriptor>, String)>::new(),)))
}
