//! Says what is inside a component without running it: what it imports, exports and holds, and what made it.

mod dependencies;

use std::ops::Range;

use serde::Serialize;
use wasmparser::{ComponentExternalKind, CustomSectionReader, KnownCustom, Parser, Payload};

use super::capability::wasi;
use super::shape::{contract, contract_is, gives, speaks};
use crate::content::Digest;
pub(crate) use dependencies::Dependencies;

/// What the bytes of a component tell.
#[derive(Debug, Serialize)]
pub(crate) struct Inspection {
    pub(crate) size: usize,
    pub(crate) digest: Digest,
    /// Versions of `lockgate:policy` it names; one, unless it was put together from parts.
    pub(crate) contract: Vec<String>,
    pub(crate) imports: Vec<Import>,
    pub(crate) exports: Vec<String>,
    /// The interfaces among `exports` that requests meet.
    pub(crate) hooks: Vec<&'static str>,
    /// Bytes of each core module, those of nested components too.
    pub(crate) modules: Vec<usize>,
    pub(crate) memories: Vec<Bounds>,
    pub(crate) tables: Vec<Bounds>,
    pub(crate) producers: Vec<Producer>,
    pub(crate) dependencies: Dependencies,
}

/// Something a component asks for.
#[derive(Debug, Serialize)]
pub(crate) struct Import {
    pub(crate) name: String,
    pub(crate) origin: Origin,
    /// What it gives, in words.
    pub(crate) gives: &'static str,
}

/// Whose an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Origin {
    /// An interface of the contract, of the version this gateway speaks.
    Contract,
    /// An interface of WASI that is linked without powers.
    Wasi,
    /// Anything else; a component that imports it is refused.
    Refused,
}

/// Units at the beginning and at most: pages of 64 KiB of a memory, elements of a table.
#[derive(Debug, Serialize)]
pub(crate) struct Bounds {
    pub(crate) minimum: u64,
    pub(crate) maximum: Option<u64>,
}

/// What some tool wrote about its part in the making.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub(crate) field: String,
    pub(crate) name: String,
    pub(crate) version: String,
}

/// Bytes that are no component.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InspectError {
    #[error(
        "it is no WebAssembly: the file does not begin like it; see that it is the component and not, say, its source"
    )]
    NotWasm,
    #[error("it is a core module, not a component; `lockgate policy build FILE.wasm` makes a component of it")]
    CoreModule,
    #[error("it is cut off or damaged, at byte {offset} of {size}: {reason}; build it or copy it again")]
    Damaged { offset: usize, size: usize, reason: String },
}

/// Where reading is.
#[derive(Default)]
struct Place<'a> {
    /// How many modules and components are around.
    depth: usize,
    /// Where the modules and components so far end, by what they say themselves.
    end: usize,
    /// Lists of dependencies so far, as they lie there.
    lists: Vec<&'a [u8]>,
}

impl Place<'_> {
    fn enter(&mut self, inner: &Range<usize>) {
        self.depth += 1;
        self.end = self.end.max(inner.end);
    }
}

/// The interfaces of the contract that are called.
pub(super) const HOOKS: [&str; 5] = ["request-phase", "response-phase", "body-phase", "responder", "observer"];

impl Inspection {
    /// Read a component from its beginning to its end.
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, InspectError> {
        let header = bytes.strip_prefix(b"\0asm").ok_or(InspectError::NotWasm)?;
        if header.starts_with(&[1, 0, 0, 0]) {
            return Err(InspectError::CoreModule);
        }
        let mut inspection = Self::empty(bytes);
        let mut place = Place::default();
        let damaged =
            |offset, reason: &str| InspectError::Damaged { offset, size: bytes.len(), reason: reason.to_owned() };
        for payload in Parser::new(0).parse_all(bytes) {
            let read = payload.and_then(|payload| inspection.take(payload, &mut place));
            read.map_err(|error| damaged(error.offset(), error.message()))?;
        }
        // The parser takes the end of the bytes for the end of all that is open.
        if place.end > bytes.len() {
            return Err(damaged(bytes.len(), "unexpected end-of-file"));
        }
        let names = inspection.imports.iter().map(|import| &import.name).chain(&inspection.exports);
        let mut contract: Vec<_> = names.filter_map(|name| Some(contract(name)?.1.to_owned())).collect();
        contract.sort();
        contract.dedup();
        let exported = |hook: &&str| inspection.exports.iter().any(|name| contract_is(name, hook));
        inspection.hooks = HOOKS.into_iter().filter(exported).collect();
        inspection.contract = contract;
        inspection.dependencies = Dependencies::of(place.lists);
        Ok(inspection)
    }

    fn empty(bytes: &[u8]) -> Self {
        Self {
            size: bytes.len(),
            digest: Digest::of(bytes),
            contract: Vec::new(),
            imports: Vec::new(),
            exports: Vec::new(),
            hooks: Vec::new(),
            modules: Vec::new(),
            memories: Vec::new(),
            tables: Vec::new(),
            producers: Vec::new(),
            dependencies: Dependencies::None,
        }
    }

    fn take<'a>(&mut self, payload: Payload<'a>, place: &mut Place<'a>) -> wasmparser::Result<()> {
        match payload {
            Payload::ModuleSection { unchecked_range, .. } => {
                self.modules.push(unchecked_range.len());
                place.enter(&unchecked_range);
            }
            Payload::ComponentSection { unchecked_range, .. } => place.enter(&unchecked_range),
            Payload::End(_) => place.depth = place.depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if place.depth == 0 => {
                for import in imports {
                    self.imports.push(Import::of(import?.name.name));
                }
            }
            Payload::ComponentExportSection(exports) if place.depth == 0 => {
                for export in exports {
                    let export = export?;
                    // Types are exported besides, for whoever composes components.
                    if !matches!(export.kind, ComponentExternalKind::Type) {
                        self.exports.push(export.name.name.to_owned());
                    }
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    let memory = memory?;
                    self.memories.push(Bounds { minimum: memory.initial, maximum: memory.maximum });
                }
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    let kind = table?.ty;
                    self.tables.push(Bounds { minimum: kind.initial, maximum: kind.maximum });
                }
            }
            Payload::CustomSection(custom) if custom.name() == dependencies::SECTION => place.lists.push(custom.data()),
            // The engine skips what it cannot read of such sections, so that is no damage.
            Payload::CustomSection(custom) => drop(self.take_producers(&custom)),
            _ => {}
        }
        Ok(())
    }

    fn take_producers(&mut self, custom: &CustomSectionReader<'_>) -> wasmparser::Result<()> {
        let KnownCustom::Producers(fields) = custom.as_known() else { return Ok(()) };
        for field in fields {
            let field = field?;
            for value in field.values {
                let value = value?;
                let (name, version) = (value.name.to_owned(), value.version.to_owned());
                let producer = Producer { field: field.name.to_owned(), name, version };
                if !self.producers.contains(&producer) {
                    self.producers.push(producer);
                }
            }
        }
        Ok(())
    }
}

impl Import {
    fn of(name: &str) -> Self {
        let (origin, gives) = match contract(name) {
            Some((interface, version)) if speaks(version) => match gives(interface) {
                Some(gives) => (Origin::Contract, gives),
                None => (Origin::Refused, "an interface this gateway does not know"),
            },
            Some(_) => (Origin::Refused, "of another version of the contract than this gateway speaks"),
            None if let Some(gives) = wasi::gives(name) => (Origin::Wasi, gives),
            None if name.starts_with("wasi:") => (Origin::Refused, "WASI that policies do not get"),
            None => (Origin::Refused, "no part of the contract"),
        };
        Self { name: name.to_owned(), origin, gives }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin;
    use crate::sandbox::CONTRACT;

    #[test]
    fn every_built_in_policy_can_be_inspected() {
        for name in builtin::names() {
            let component = builtin::component(name).unwrap();
            let inspection = Inspection::of(component).unwrap();
            assert_eq!(inspection.size, component.len());
            assert_eq!(inspection.contract, [CONTRACT], "{name}");
            assert!(!inspection.hooks.is_empty(), "{name}");
            assert!(inspection.imports.iter().all(|import| import.origin == Origin::Contract), "{name}");
            assert!(inspection.producers.iter().any(|producer| producer.name == "wit-component"), "{name}");
            assert!(!inspection.memories.is_empty() && !inspection.modules.is_empty(), "{name}");
        }
    }

    #[test]
    fn a_component_that_is_cut_off_is_damaged_where_it_ends() {
        let component = builtin::component("headers").unwrap();
        for length in [9, 100, component.len() / 2, component.len() - 1] {
            let error = Inspection::of(&component[..length]).unwrap_err();
            let InspectError::Damaged { offset, size, .. } = error else { panic!("{error}") };
            assert!(offset <= size && size == length, "{offset} of {size}");
        }
    }

    #[test]
    fn imports_are_told_apart() {
        let origin = |name: &str| Import::of(name).origin;
        assert_eq!(origin("lockgate:policy/log@0.1.0"), Origin::Contract);
        assert_eq!(origin("lockgate:policy/log@0.1.7"), Origin::Contract);
        assert_eq!(origin("lockgate:policy/log@0.2.0"), Origin::Refused);
        assert_eq!(origin("lockgate:policy/teleport@0.1.0"), Origin::Refused);
        assert_eq!(origin("wasi:cli/stdout@0.2.6"), Origin::Wasi);
        assert_eq!(origin("wasi:sockets/tcp@0.2.6"), Origin::Refused);
        assert_eq!(origin("acme:things/log"), Origin::Refused);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_inspected_or_refused(mut bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = Inspection::of(&bytes);
            bytes.splice(0..0, *b"\0asm\x0d\0\x01\0");
            let _ = Inspection::of(&bytes);
        }

        #[test]
        fn a_changed_component_is_inspected_or_refused(at in 8_usize..40_000, byte: u8) {
            let mut component = builtin::component("headers").unwrap().to_vec();
            let at = at % component.len();
            component[at] = byte;
            let _ = Inspection::of(&component);
        }
    }
}
