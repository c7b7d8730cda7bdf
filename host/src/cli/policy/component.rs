//! The component a verb is about: a file, or one of those inside the gateway.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};

use super::files;
use crate::builtin;
use crate::config::LARGEST_FILE;
use crate::content::Content;
use crate::near::nearest;

/// A component, or what was taken for one.
pub(super) struct Component {
    pub(super) content: Content,
    pub(super) source: Source,
}

/// Where it came from.
pub(super) enum Source {
    Builtin(&'static str),
    File(PathBuf),
}

impl Component {
    /// `builtin:NAME`, or the path of a file.
    pub(super) fn read(text: &str) -> anyhow::Result<Self> {
        let Some(name) = text.strip_prefix("builtin:") else {
            let path = PathBuf::from(text);
            return Ok(Self { content: files::read(&path, LARGEST_FILE)?.into(), source: Source::File(path) });
        };
        let known = builtin::names().find(|known| *known == name);
        let known = known.with_context(|| match nearest(name, builtin::names()) {
            Some(near) => format!("there is no {text}; did you mean builtin:{near}?"),
            None => format!("there is no {text}; there are {}", builtin::names().collect::<Vec<_>>().join(", ")),
        })?;
        let component = builtin::component(known).ok_or_else(|| anyhow!("{text} is not in this gateway"))?;
        Ok(Self { content: component.clone(), source: Source::Builtin(known) })
    }
}

impl Source {
    /// What a policy of it would be called: letters, digits, `_` and `-`.
    pub(super) fn name(&self) -> String {
        let name = match self {
            Self::Builtin(name) => (*name).to_owned(),
            Self::File(path) => stem(path),
        };
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
        let name: String = name.chars().map(|letter| if plain(letter) { letter } else { '-' }).collect();
        if name.is_empty() { "policy".to_owned() } else { name }
    }

    /// As `source` of a policy names it, the file lying in the policies folder itself.
    pub(super) fn reference(&self) -> String {
        match self {
            Self::Builtin(name) => format!("builtin:{name}"),
            Self::File(path) => format!("file:{}", file_name(path)),
        }
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
