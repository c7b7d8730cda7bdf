//! Reads the list of dependencies that `cargo auditable` leaves in what it builds.

use std::io::Read;

use flate2::read::ZlibDecoder;
use serde::{Deserialize, Serialize};

/// The name of the section: JSON, compressed by zlib.
pub(super) const SECTION: &str = ".dep-v0";

/// Longest list that is unpacked, in bytes. One of a thousand packages has 150 KiB.
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
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// One more section. A component of several modules may have several; they count together.
    pub(super) fn add(&mut self, section: &[u8]) {
        match (unpack(section), &mut *self) {
            (_, Self::Unreadable(_)) => {}
            (Err(reason), _) => *self = Self::Unreadable(reason),
            (Ok(packages), Self::None) => *self = Self::Listed(packages),
            (Ok(packages), Self::Listed(known)) => {
                let new = packages.into_iter().filter(|package| !known.contains(package));
                let new: Vec<_> = new.collect();
                known.extend(new);
            }
        }
    }
}

fn unpack(section: &[u8]) -> Result<Vec<Package>, String> {
    let mut json = Vec::new();
    let unpacked = ZlibDecoder::new(section).take(MOST + 1).read_to_end(&mut json);
    unpacked.map_err(|error| format!("it is not compressed as it should be: {error}"))?;
    if json.len() as u64 > MOST {
        return Err(format!("it is longer than {} MiB", MOST >> 20));
    }
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
        let mut dependencies = Dependencies::None;
        sections.iter().for_each(|section| dependencies.add(section));
        dependencies
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
}
