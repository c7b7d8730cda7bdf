//! Wrapping a core module as a component, by the description of its types that the SDK left in it.

use crate::BuildError;
use std::fs;
use std::path::Path;
use std::process;
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, DecodedWasm};

/// Make a component of a core module, whatever it was compiled from: one in which a generator of bindings for the
/// contract has left the description of its types.
///
/// # Errors
/// [`BuildError::Component`] if it is no such module, or exports nothing: the linker keeps what `export!` exports, so
/// it was not called.
pub fn encode(name: &str, module: &[u8]) -> Result<Vec<u8>, BuildError> {
    let fault = |reason: String| BuildError::Component { name: name.to_owned(), reason };
    let module = stripped(module).map_err(|error| fault(error.to_string()))?;
    let component = ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| fault(format!("{error:#}")))?;
    let decoded = wit_component::decode(&component).map_err(|error| fault(format!("{error:#}")))?;
    let has_exports = match &decoded {
        DecodedWasm::Component(resolve, world) => !resolve.worlds[*world].exports.is_empty(),
        DecodedWasm::WitPackage(..) => false,
    };
    if has_exports { Ok(component) } else { Err(fault("it exports nothing".to_owned())) }
}

/// The module without what only debuggers read: often most of it, where a compiler was not told to leave it out.
fn stripped(module: &[u8]) -> wasmparser::Result<Vec<u8>> {
    let mut kept = Vec::with_capacity(module.len());
    let mut read = 0;
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        let end = match &payload {
            Payload::Version { range, .. } => range.end,
            payload => payload.as_section().map_or(read, |(_, range)| range.end),
        };
        let is_debris = matches!(&payload, Payload::CustomSection(custom)
            if custom.name() == "name" || custom.name().starts_with(".debug_"));
        if end > read {
            if !is_debris {
                kept.extend_from_slice(module.get(read..end).unwrap_or_default());
            }
            read = end;
        }
    }
    Ok(kept)
}

/// Write a file so that no reader ever sees half of it.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    let partial = path.with_extension(format!("{}.partial", process::id()));
    fs::write(&partial, bytes).map_err(BuildError::writing(&partial))?;
    fs::rename(&partial, path).map_err(BuildError::writing(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_module_are_refused_by_name() {
        let error = encode("greet", b"not wasm").unwrap_err();
        assert!(error.to_string().contains("`greet`"), "{error}");
    }

    #[test]
    fn a_module_that_exports_nothing_is_refused() {
        let error = encode("greet", b"\0asm\x01\0\0\0").unwrap_err();
        assert!(error.to_string().contains("exports nothing"), "{error}");
    }

    #[test]
    fn names_and_debugging_information_are_left_out_and_all_else_is_kept() {
        let section = |name: &str| [&[0, 3 + name.len() as u8, name.len() as u8], name.as_bytes(), b"xy"].concat();
        let types = [1, 4, 1, 0x60, 0, 0];
        let sections = |names: &[&str]| {
            let custom: Vec<u8> = names.iter().flat_map(|name| section(name)).collect();
            [b"\0asm\x01\0\0\0".as_slice(), &custom, &types, &section("keep")].concat()
        };
        let module = sections(&[".debug_info", "producers", "name", ".dep-v0"]);
        assert_eq!(stripped(&module).unwrap(), sections(&["producers", ".dep-v0"]));
        assert_eq!(stripped(&sections(&[])).unwrap(), sections(&[]));
        assert!(stripped(&module[..module.len() - 1]).is_err());
    }

    #[test]
    fn a_written_file_replaces_the_earlier_one_and_leaves_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.wasm");
        write_whole(&path, b"1").unwrap();
        write_whole(&path, b"2").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"2");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
