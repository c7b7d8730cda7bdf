//! Whatever the policies folder holds is a configuration, or faults that people can follow.

use std::path::Path;

use super::{Config, ConfigFault, Sources, Tree, state_dir};

/// What the files are called that the input is cut into, by NUL; the last as nobody would.
const FILES: [&str; 5] = ["gateway.toml", "pets/api.toml", "shop/api.toml", "keys/idp.json", "keys/\u{1b}[2J\n.pem"];

/// Reads some files twice, and each fault that is found.
pub fn configuration(data: &[u8]) {
    let tree = Tree::from_files(FILES.into_iter().zip(data.split(|byte| *byte == 0)));
    let parsed = Config::parse(&tree);
    assert_eq!(parsed, Config::parse(&tree), "the same files are read in two ways");
    match &parsed {
        Ok(config) => {
            let read = Config::read(&Sources::of(&tree));
            let same = read.is_ok_and(|read| read.config == *config && read.faulty.is_empty() && read.idle.is_empty());
            assert!(same, "what is good as a whole is not good API by API");
        }
        Err(faults) => {
            assert!(!faults.is_empty() && faults.is_sorted(), "{faults:?}");
            faults.iter().for_each(|fault| check(&tree, fault));
        }
    }
    let _ = state_dir(&tree);
}

/// A fault leads to a place that is there, says something, and moves no cursor.
fn check(tree: &Tree, fault: &ConfigFault) {
    let ConfigFault { file, line, reason, advice, .. } = fault;
    assert!(!reason.is_empty() && !advice.is_empty(), "{fault:?}");
    match tree.get(file) {
        Some(content) => {
            let lines = 1 + content.iter().filter(|byte| **byte == b'\n').count();
            let is_there = line.is_none_or(|line| (1..=lines).contains(&(line as usize)));
            assert!(is_there, "{fault:?} is in a file of {lines} lines");
        }
        None => {
            let is_known = file == Path::new("gateway.toml") || file.ends_with("api.toml");
            assert!(is_known && line.is_none() && reason.contains("is missing"), "{fault:?} is in no file");
        }
    }
    let shown = fault.to_string();
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
    assert_eq!(shown, shown.trim_end(), "a fault has an open end");
}

#[cfg(test)]
mod tests {
    use crate::fuzz::play::play;

    #[test]
    fn whatever_becomes_of_a_configuration_its_faults_can_be_followed() {
        play("configuration", super::configuration, 10_000);
    }
}
