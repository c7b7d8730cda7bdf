//! Writes the project of a new policy: files of a template, and the sources of the SDK, which no registry has.

use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};

include!(concat!(env!("OUT_DIR"), "/sdk.rs"));

/// Where the project keeps the SDK.
const VENDORED: &str = "vendor/lockgate";

/// What a policy can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Language {
    Rust,
    Python,
}

/// Path and text of each file; in both `$NAME` stands for the name of the policy, `$CRATE` for that of its library.
const RUST: &[(&str, &str)] = &[
    (".gitignore", include_str!("project/rust/gitignore")),
    ("Cargo.toml", include_str!("project/rust/Cargo.toml.txt")),
    ("README.md", include_str!("project/rust/README.md")),
    ("exchanges/$NAME.http", include_str!("project/rust/exchanges.http")),
    ("$NAME.json", include_str!("project/rust/config.json")),
    ("src/lib.rs", include_str!("project/rust/lib.rs")),
];

const PYTHON: &[(&str, &str)] = &[
    (".gitignore", include_str!("project/python/gitignore")),
    ("README.md", include_str!("project/python/README.md")),
    ("app.py", include_str!("project/python/app.py")),
    ("exchanges/$NAME.http", include_str!("project/python/exchanges.http")),
    ("grants.toml", include_str!("project/python/grants.toml.txt")),
    ("$NAME.json", include_str!("project/rust/config.json")),
    ("lockgate.py", include_str!("project/python/lockgate.py")),
    ("policy.py", include_str!("project/python/policy.py")),
    ("pyproject.toml", include_str!("project/python/pyproject.toml.txt")),
    ("test_policy.py", include_str!("project/python/test_policy.py")),
    ("wit/world.wit", include_str!("project/python/world.wit")),
];

/// Where a project in Python keeps the contract.
const CONTRACT: &str = "wit/deps/lockgate-policy";

/// Longest name, which becomes part of file names.
const LONGEST_NAME: usize = 64;

/// Words that Rust or cargo would stumble over, and packages the project depends on.
const TAKEN: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "lockgate-sdk",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "serde",
    "serde-json",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// The name of a policy and of its package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(String);

/// Why a name cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    #[error(
        "write at most {LONGEST_NAME} lower-case letters, digits and `-`, a letter first, and no `-` last or twice"
    )]
    Spelling,
    #[error("Rust or the project itself uses this name already; choose another")]
    Taken,
}

/// Why there is no project.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProjectError {
    #[error("there is something at {0} already; choose another name, or move it away")]
    Exists(PathBuf),
    #[error("{path} cannot be written")]
    Write { path: PathBuf, source: io::Error },
}

impl std::str::FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let well_formed = text.len() <= LONGEST_NAME
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(plain)
            && !text.ends_with('-')
            && !text.contains("--");
        match well_formed {
            false => Err(NameError::Spelling),
            true if TAKEN.contains(&text) => Err(NameError::Taken),
            true => Ok(Self(text.to_owned())),
        }
    }
}

/// Write the project into a folder of its name in `parent`, which must not be there, and return that folder.
pub(crate) fn create(parent: &Path, name: &Name, language: Language) -> Result<PathBuf, ProjectError> {
    let folder = parent.join(&name.0);
    DirBuilder::new().create(&folder).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => ProjectError::Exists(folder.clone()),
        _ => ProjectError::Write { path: folder.clone(), source },
    })?;
    let written = files(name, language).into_iter().try_for_each(|(path, text)| write(&folder.join(path), &text));
    if written.is_err() {
        // Nothing was there before; what matters is why it cannot be written.
        let _ = fs::remove_dir_all(&folder);
    }
    written.map(|()| folder)
}

/// Path and text of the WIT files of the contract.
pub(crate) fn contract() -> impl Iterator<Item = (&'static str, &'static str)> {
    SDK.iter().copied().filter(|(path, _)| path.starts_with("wit/") && path.ends_with(".wit"))
}

/// Path and text of everything.
fn files(name: &Name, language: Language) -> Vec<(PathBuf, String)> {
    let template = match language {
        Language::Rust => RUST,
        Language::Python => PYTHON,
    };
    let fill = |text: &str| text.replace("$NAME", &name.0).replace("$CRATE", &name.0.replace('-', "_"));
    let mut files: Vec<_> = template.iter().map(|(path, text)| (fill(path).into(), fill(text))).collect();
    match language {
        Language::Rust => {
            files.push(("Cargo.lock".into(), LOCK.to_owned()));
            files.extend(SDK.iter().map(|(path, text)| (Path::new(VENDORED).join(path), (*text).to_owned())));
        }
        Language::Python => files.extend(SDK.iter().filter_map(|(path, text)| {
            let interface = path.strip_prefix("wit/").filter(|file| file.ends_with(".wit"))?;
            Some((Path::new(CONTRACT).join(interface), (*text).to_owned()))
        })),
    }
    files
}

fn write(path: &Path, text: &str) -> Result<(), ProjectError> {
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    folder.and_then(|()| fs::write(path, text)).map_err(|source| ProjectError::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_packages() {
        for text in ["greet", "a", "rate-limit-2"] {
            assert!(text.parse::<Name>().is_ok(), "{text}");
        }
        for text in ["", "-a", "a-", "a--b", "2a", "Greet", "a_b", "a/b", "..", "grüß", &"a".repeat(65)] {
            assert_eq!(text.parse::<Name>(), Err(NameError::Spelling), "{text}");
        }
        for text in ["fn", "test", "serde", "lockgate-sdk"] {
            assert_eq!(text.parse::<Name>(), Err(NameError::Taken), "{text}");
        }
    }

    #[test]
    fn nothing_is_written_over() {
        let parent = tempfile::tempdir().unwrap();
        let name: Name = "greet".parse().unwrap();
        fs::write(parent.path().join("greet"), "mine").unwrap();
        assert!(matches!(create(parent.path(), &name, Language::Rust), Err(ProjectError::Exists(_))));
        assert_eq!(fs::read(parent.path().join("greet")).unwrap(), b"mine");
    }

    #[test]
    fn no_placeholder_is_left_and_all_that_is_needed_comes_along() {
        let name = Name("my-limit".to_owned());
        for (language, template, needed) in [
            (Language::Rust, RUST, ["vendor/lockgate/sdk/src/lib.rs", "vendor/lockgate/wit/worlds.wit", "Cargo.lock"]),
            (Language::Python, PYTHON, ["wit/deps/lockgate-policy/types.wit", "wit/world.wit", "lockgate.py"]),
        ] {
            let all = files(&name, language);
            for (path, text) in all.iter().take(template.len()) {
                let all = format!("{} {text}", path.display());
                assert!(!all.contains("$NAME") && !all.contains("$CRATE"), "{all}");
                // It greets, which is what there is to change; but it has no other name than its own.
                let words = all.split(|letter: char| !letter.is_ascii_alphanumeric());
                assert_eq!(words.filter(|word| word.eq_ignore_ascii_case("greet")).count(), 0, "{all}");
            }
            for needed in needed {
                assert!(all.iter().any(|(path, _)| path == Path::new(needed)), "{needed}");
            }
        }
        let (_, manifest) = &files(&name, Language::Rust)[1];
        assert!(manifest.contains(&format!("path = \"{VENDORED}/sdk\"")), "{manifest}");
    }
}
