//! How each part of the folder stands: what of it serves, since when, and what is wrong with it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::good::Good;
use super::inputs::policies;
use crate::config::{Config, ConfigFault, Policy, PolicySource};
use crate::content::{Content, Digest};

/// What of a part serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// What the folder says.
    Current,
    /// What the folder said before; what it says now runs in the shadow of that.
    Shadowed,
    /// What the folder said before.
    Held,
    /// Nothing: requests for it are answered with 503.
    Unavailable,
}

impl State {
    pub(super) const ALL: [Self; 4] = [Self::Current, Self::Shadowed, Self::Held, Self::Unavailable];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Shadowed => "shadowed",
            Self::Held => "held",
            Self::Unavailable => "unavailable",
        }
    }
}

/// One part: gateway.toml, a policy or an API.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// `gateway.toml`, `policy NAME` or `API in FOLDER`.
    pub(crate) name: String,
    pub(crate) state: State,
    /// The file it is read from, or `builtin:NAME`.
    pub(crate) source: String,
    /// Of what of that serves; none where nothing does.
    pub(crate) digest: Option<Digest>,
    /// Since when that serves, or nothing does.
    pub(crate) since: SystemTime,
    /// What is wrong with it as it stands in the folder.
    pub(crate) faults: Vec<ConfigFault>,
}

/// How parts stand now, given how they stood before.
pub(super) fn parts(
    config: &Config,
    good: &Good,
    absent: &BTreeSet<Arc<str>>,
    faults: &[ConfigFault],
    before: &[Part],
) -> Vec<Part> {
    let now = SystemTime::now();
    let gateway = good.base.get(Path::new("gateway.toml")).map(Content::digest);
    let mut parts = vec![part("gateway.toml".into(), State::Current, "gateway.toml".into(), gateway, Vec::new())];
    for (name, policy) in &config.policies {
        let key = format!("policy.{name}");
        let is_own = |fault: &&ConfigFault| {
            let rest = fault.key.strip_prefix(&key).filter(|_| fault.file == *policy.place.file);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let own: Vec<_> = faults.iter().filter(is_own).cloned().collect();
        let mut users = config.apis.iter().filter(|api| policies(config, api).any(|used| used == name));
        let held = users.find_map(|api| api.held.as_ref()?.policies.get(name));
        let written = config.written.get(name);
        let (state, digest) = match (own.is_empty(), held) {
            (_, _) if written.is_some_and(|written| written.is_shadow) => (State::Shadowed, policy.source.digest()),
            (true, _) => (State::Current, policy.source.digest()),
            (false, _) if written.is_some() => match policy.source.digest() {
                Some(digest) => (State::Held, Some(digest)),
                None => (State::Unavailable, None),
            },
            (false, Some(held)) => (State::Held, held.source.digest()),
            (false, None) => (State::Unavailable, None),
        };
        parts.push(part(format!("policy {name}"), state, source(policy), digest, own));
    }
    let folders: BTreeSet<&Arc<str>> = good.apis.keys().chain(absent).collect();
    for folder in folders {
        let file = Path::new(&**folder).join("api.toml");
        let (state, tree) = match good.held.get(folder) {
            _ if absent.contains(folder) => (State::Unavailable, None),
            Some(tree) => (State::Held, Some(&**tree)),
            None => (State::Current, Some(&good.base)),
        };
        let digest = tree.and_then(|tree| tree.get(&file)).map(Content::digest);
        let own = faults.iter().filter(|fault| fault.file.starts_with(&**folder)).cloned().collect();
        parts.push(part(format!("API in {folder}"), state, file.display().to_string(), digest, own));
    }
    for part in &mut parts {
        let same = |it: &&Part| (&it.name, it.digest, &it.source) == (&part.name, part.digest, &part.source);
        part.since = before.iter().find(same).map_or(now, |same| same.since);
    }
    parts
}

fn part(name: String, state: State, source: String, digest: Option<Digest>, faults: Vec<ConfigFault>) -> Part {
    Part { name, state, source, digest, since: SystemTime::UNIX_EPOCH, faults }
}

fn source(policy: &Policy) -> String {
    match &policy.source {
        PolicySource::Builtin(name) => format!("builtin:{name}"),
        PolicySource::File { component, .. } => component.path.display().to_string(),
        PolicySource::Missing(fault) => fault.file.display().to_string(),
    }
}
