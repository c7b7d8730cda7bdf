//! Wrapping a core module as a component, by the description of its types that the SDK left in it.

use crate::BuildError;
use std::fs;
use std::path::Path;
use std::process;
use wit_component::{ComponentEncoder, DecodedWasm};

/// Wrap and validate a module. One without exports is refused: the linker keeps what `export!` exports, so it was not called.
pub(crate) fn encode(name: &str, module: &[u8]) -> Result<Vec<u8>, BuildError> {
    let fault = |reason: String| BuildError::Component { name: name.to_owned(), reason };
    let component = ComponentEncoder::default()
        .module(module)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| fault(format!("{error:#}")))?;
    let decoded = wit_component::decode(&component).map_err(|error| fault(format!("{error:#}")))?;
    let has_exports = match &decoded {
        DecodedWasm::Component(resolve, world) => !resolve.worlds[*world].exports.is_empty(),
        DecodedWasm::WitPackage(..) => false,
    };
    if has_exports { Ok(component) } else { Err(fault("it exports nothing".to_owned())) }
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
    fn a_written_file_replaces_the_earlier_one_and_leaves_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.wasm");
        write_whole(&path, b"1").unwrap();
        write_whole(&path, b"2").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"2");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
