//! Reads the list of dependencies that `cargo auditable` leaves in what it builds.

use std::collections::HashSet;
use std::io::Read;

use flate2::read::ZlibDecoder;
use serde::{Deserialize, Serialize};

/// The name of the section: JSON, compressed by zlib.
pub(super) const SECTION: &str = ".dep-v0";

/// Longest lists that are unpacked, all of a component together, in bytes. One of a thousand packages has 150 KiB.
const MOST: u64 = 8 << 20;

/// What a component says it was built from.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Dependencies {
    /// It says nothing.
    None,
    Listed(Vec<Package>),
    /// There is a list, and this is wrong with it.
    Unreadable(String),
}

/// One package of the list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// `crates.io`, `git`, `local` or another registry.
    pub(crate) source: String,
    /// `build` for what ran during the build only.
    #[serde(default = "runtime")]
    pub(crate) kind: String,
    /// The package the list is about.
    #[serde(default)]
    pub(crate) root: bool,
}

#[derive(Deserialize)]
struct List {
    packages: Vec<Package>,
}

impl Dependencies {
    /// What sections of this name say. A component of several modules may have several; they count together.
    pub(super) fn of<'a>(sections: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let (mut left, mut all, mut is_listed) = (MOST, Vec::new(), false);
        for section in sections {
            match unpack(section, &mut left) {
                Ok(packages) => all.extend(packages),
                Err(reason) => return Self::Unreadable(reason),
            }
            is_listed = true;
        }
        let mut seen = HashSet::new();
        all.retain(|package: &Package| seen.insert(package.clone()));
        if is_listed { Self::Listed(all) } else { Self::None }
    }
}

/// `left` is what may still be unpacked.
fn unpack(section: &[u8], left: &mut u64) -> Result<Vec<Package>, String> {
    let mut json = Vec::new();
    let unpacked = ZlibDecoder::new(section).take(*left + 1).read_to_end(&mut json);
    unpacked.map_err(|error| format!("it is not compressed as it should be: {error}"))?;
    let Some(rest) = left.checked_sub(json.len() as u64) else {
        return Err(format!("it is longer than {} MiB", MOST >> 20));
    };
    *left = rest;
    let list: List = serde_json::from_slice(&json).map_err(|error| format!("it is no list of packages: {error}"))?;
    Ok(list.packages)
}

fn runtime() -> String {
    "runtime".to_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    fn section(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(sections: &[&[u8]]) -> Dependencies {
        Dependencies::of(sections.iter().copied())
    }

    #[test]
    fn lists_of_several_modules_count_together() {
        let one = br#"{"packages":[{"name":"serde","version":"1.0.1","source":"crates.io"}]}"#;
        let two = br#"{"packages":[{"name":"serde","version":"1.0.1","source":"crates.io","kind":"runtime"},
            {"name":"mine","version":"0.1.0","source":"local","dependencies":[0],"root":true}],"format":1}"#;
        let Dependencies::Listed(packages) = read(&[&section(one), &section(two)]) else { panic!() };
        let names: Vec<_> = packages.iter().map(|package| (package.name.as_str(), package.root)).collect();
        assert_eq!(names, [("serde", false), ("mine", true)]);
    }

    #[test]
    fn a_list_that_cannot_be_read_is_not_taken_for_none() {
        for bytes in [b"nonsense".to_vec(), section(b"[]"), section(b"{}"), Vec::new()] {
            assert!(matches!(read(&[&bytes]), Dependencies::Unreadable(_)), "{bytes:?}");
        }
    }

    #[test]
    fn a_list_that_unpacks_to_more_than_any_is_not_unpacked_whole() {
        let bomb = section(&vec![b' '; 64 << 20]);
        assert!(bomb.len() < 1 << 20);
        assert_eq!(read(&[&bomb]), Dependencies::Unreadable("it is longer than 8 MiB".into()));
    }

    #[test]
    fn many_lists_are_not_unpacked_to_more_than_one_may_have() {
        let mut list = br#"{"packages":[]}"#.to_vec();
        list.resize(3 << 20, b' ');
        let list = section(&list);
        assert_eq!(read(&[&list, &list]), Dependencies::Listed(Vec::new()));
        assert_eq!(read(&[&list, &list, &list]), Dependencies::Unreadable("it is longer than 8 MiB".into()));
    }

    #[test]
    fn nothing_is_unpacked_after_what_cannot_be_read() {
        let bomb = section(&vec![b' '; 64 << 20]);
        let reason = |sections: &[&[u8]]| match read(sections) {
            Dependencies::Unreadable(reason) => reason,
            other => panic!("{other:?}"),
        };
        assert!(reason(&[b"nonsense", &bomb]).contains("not compressed"));
        assert!(reason(&[&bomb, b"nonsense"]).contains("longer"));
    }
}
