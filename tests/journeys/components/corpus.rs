//! The components that the component model and wasmtime are tested with: none is a policy, and many are not even valid.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use lockgate_tests::corpus;
use wast::parser::{self, ParseBuffer};
use wast::{QuoteWat, Wast, WastDirective, WastExecute, Wat};

use super::bulk::{assert_none_broke_anything, judged};

/// wasmtime panics where components with memories of their own call each other: what it joins them by has several
/// memories, which it is told not to compile. The panic is that of the building process.
const PANICS: &str = "ended with exit status: 101";

#[test]
fn components_others_test_with_are_refused() {
    for name in ["component-model-wast", "wasmtime-wast"] {
        let Some(folder) = corpus(name) else { continue };
        let (mut components, mut files) = (BTreeSet::new(), 0);
        gather(&folder, &mut files, &mut components);
        let components: Vec<_> = components.into_iter().collect();
        assert!(files > 30 && components.len() > 200, "{name}: {} components of {files} files", components.len());
        let judged = judged(&components);
        assert_none_broke_anything(&components, &judged, Some(PANICS));
        let policies = judged.iter().filter(|reasons| reasons.is_empty()).count();
        assert_eq!(policies, 0, "{name}: none of them is a policy");
        let invalid = judged.iter().filter(|reasons| reasons.iter().any(|it| it.contains("does not compile"))).count();
        let _ = writeln!(
            io::stderr(),
            "{name}: {} components of {files} files are refused, {invalid} of them as invalid",
            components.len()
        );
    }
}

/// The components of all files below a folder that can be read: some are written in what is not decided yet.
fn gather(folder: &Path, files: &mut usize, components: &mut BTreeSet<Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, files, components);
        } else if path.extension().is_some_and(|extension| extension == "wast") {
            let text = fs::read_to_string(&path).unwrap();
            let Ok(buffer) = ParseBuffer::new(&text) else { continue };
            let Ok(script) = parser::parse::<Wast<'_>>(&buffer) else { continue };
            *files += 1;
            components.extend(script.directives.into_iter().filter_map(component));
        }
    }
}

/// Those that are no text of a component at all are none.
fn component(directive: WastDirective<'_>) -> Option<Vec<u8>> {
    let encoded = match directive {
        WastDirective::Module(mut module)
        | WastDirective::ModuleDefinition(mut module)
        | WastDirective::AssertMalformed { mut module, .. }
        | WastDirective::AssertInvalid { mut module, .. } => QuoteWat::encode(&mut module),
        WastDirective::AssertUnlinkable { mut module, .. }
        | WastDirective::AssertTrap { exec: WastExecute::Wat(mut module), .. } => Wat::encode(&mut module),
        _ => return None,
    };
    encoded.ok().filter(|bytes| bytes.get(6) == Some(&1))
}
