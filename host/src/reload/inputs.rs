//! What a generation is made from: files of the folder, and those of secrets elsewhere.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::config::{
    Api, Backend, ChainEntry, Config, KeySource, Material, Policy, PolicySource, Route, SecretSource, Sources, Tree,
    Trust, Verify,
};
use crate::content::{Content, Digest};

/// No secret is larger, so what comes later is no part of one.
const MOST: u64 = 1 << 20;

/// The files of secrets. They lie where nobody watches.
pub(super) struct Outside {
    files: Vec<PathBuf>,
    pub(super) digest: Digest,
}

impl Outside {
    pub(super) fn of(config: &Config) -> Self {
        let files = config.secrets.values().filter_map(|secret| match &secret.source {
            SecretSource::File(path) => Some(path.clone()),
            SecretSource::Env(_) => None,
        });
        let files: Vec<_> = files.collect();
        let digest = contents(&files);
        Self { files, digest }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Whether they hold something else by now.
    pub(super) fn changed(&self) -> bool {
        contents(&self.files) != self.digest
    }
}

/// Of files that may be anything or nothing.
fn contents(files: &[PathBuf]) -> Digest {
    let mut all = Vec::new();
    for path in files {
        all.extend_from_slice(path.as_os_str().as_encoded_bytes());
        all.push(0);
        all.extend_from_slice(&Digest::of(&read(path).unwrap_or_default()).bytes());
    }
    Digest::of(&all)
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Of everything that serves with a configuration. It is the same for an API that is held and for that API when it was
/// good.
pub(super) fn fingerprint(sources: &Sources<'_>, config: &Config) -> Digest {
    let mut all = Text::default();
    for path in of_gateway(config) {
        all.add_file(path, sources.folder.get(path));
    }
    config.all_identity_headers().iter().for_each(|name| all.add(name.as_bytes()));
    let used: HashSet<&str> = config.apis.iter().flat_map(|api| policies(config, api)).collect();
    for (name, policy) in &config.policies {
        // What only APIs use counts with them, who may have another.
        if config.own_entries().any(|entry| entry.policy == *name) || !used.contains(name.as_str()) {
            all.add_code(policy);
        }
    }
    for written in config.written.values().filter(|written| written.is_shadow) {
        all.add_code(&written.policy);
    }
    config.own_entries().for_each(|entry| all.add_entry(entry));
    let mut apis: Vec<_> = config.apis.iter().collect();
    apis.sort_by_key(|api| &api.folder);
    for api in apis {
        let (tree, held) = match sources.held.get(&api.folder) {
            Some(tree) => (&**tree, api.held.as_ref().map(|held| &held.policies)),
            None => (sources.folder, None),
        };
        let answers = api.routes.iter().filter_map(answer).map(Path::to_owned);
        let own = [Path::new(&*api.folder).join("api.toml")].into_iter().chain(document(api).map(Path::to_owned));
        for file in own.chain(answers) {
            all.add_file(&file, tree.get(&file));
        }
        // What its policies are configured by may be of another time than its files.
        let own = api.routes.iter().flat_map(|route| &route.chain).chain(&api.chain);
        config.outer(api).iter().chain(own).for_each(|entry| all.add_entry(entry));
        for policy in policies(config, api).filter_map(|name| held.unwrap_or(&config.policies).get(name)) {
            all.add_code(policy);
        }
    }
    config.blanks.iter().for_each(|blank| all.add(blank.to_string().as_bytes()));
    all.digest()
}

/// Of the components that no API uses as the folder has it now.
pub(super) fn idle(config: &Config) -> Digest {
    let current = config.apis.iter().filter(|api| api.held.is_none());
    let used: HashSet<&str> = current.flat_map(|api| policies(config, api)).collect();
    let mut all = Text::default();
    for (name, policy) in config.policies.iter().filter(|(name, _)| !used.contains(name.as_str())) {
        all.add(name.as_bytes());
        all.add_code(policy);
    }
    all.digest()
}

/// Pieces of which none runs into the next.
#[derive(Default)]
pub(super) struct Text(Vec<u8>);

impl Text {
    pub(super) fn add(&mut self, piece: &[u8]) {
        self.0.extend_from_slice(&(piece.len() as u64).to_le_bytes());
        self.0.extend_from_slice(piece);
    }

    pub(super) fn add_file(&mut self, path: &Path, content: Option<&Content>) {
        self.add(path.as_os_str().as_encoded_bytes());
        self.add_content(content);
    }

    fn add_content(&mut self, content: Option<&Content>) {
        match content {
            Some(content) => self.add(&content.digest().bytes()),
            None => self.add(&[]),
        }
    }

    /// What makes the code of a policy what it is.
    fn add_code(&mut self, policy: &Policy) {
        match &policy.source {
            PolicySource::Builtin(name) => self.add(name.as_bytes()),
            PolicySource::Missing(fault) => self.add(fault.to_string().as_bytes()),
            PolicySource::File { component, signature } => {
                self.add_content(Some(&component.content));
                self.add_content(signature.as_ref().map(|file| &file.content));
            }
        }
    }

    fn add_entry(&mut self, ChainEntry { policy, config, on_error, shadow, .. }: &ChainEntry) {
        self.add(format!("{policy} {config} {on_error} {shadow:?}").as_bytes());
    }

    pub(super) fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

/// The policies an API passes and is answered by, each as often as it is named.
pub(super) fn policies<'c>(config: &'c Config, api: &'c Api) -> impl Iterator<Item = &'c str> {
    let of_routes = api.routes.iter().flat_map(|route| &route.chain);
    let chains = config.outer(api).iter().chain(&api.chain).chain(of_routes).map(|entry| entry.policy.as_str());
    let responders = api.routes.iter().filter_map(|route| match &route.backend {
        Backend::Responder(responder) => Some(responder.policy.as_str()),
        _ => None,
    });
    chains.chain(responders)
}

/// The file a route answers with.
fn answer(route: &Route) -> Option<&Path> {
    match &route.backend {
        Backend::Respond(respond) => respond.file.as_deref(),
        _ => None,
    }
}

/// The files of the OpenAPI document of an API.
fn document(api: &Api) -> impl Iterator<Item = &Path> {
    api.openapi.iter().flat_map(|document| document.files()).map(PathBuf::as_path)
}

/// gateway.toml and the files it names, but for components.
fn of_gateway(config: &Config) -> Vec<&Path> {
    let keys = config.keys.values().map(|keys| match &keys.source {
        KeySource::Jwks(Material::File(file)) | KeySource::Pem { material: Material::File(file), .. } => Some(file),
        _ => None,
    });
    let shown = config.listeners.iter().flat_map(|listener| &listener.tls);
    let shown =
        shown.flat_map(|tls| [Some(&tls.certificate), tls.clients.as_ref().map(|(authorities, _)| authorities)]);
    let trusted = config.tls.values().flat_map(|tls| {
        let authorities = match &tls.verify {
            Verify::Authorities(authorities) => Some(authorities),
            Verify::System | Verify::Anyone => None,
        };
        [authorities, tls.identity.as_ref().map(|(certificate, _)| certificate)]
    });
    let certificates = shown.chain(trusted).map(|material| match material? {
        Material::File(file) => Some(file),
        Material::Secret(_) => None,
    });
    let named = keys.chain(certificates).flatten().map(|file| file.path.as_path());
    let judged = config.trust.iter().flat_map(Trust::files);
    [Path::new("gateway.toml")].into_iter().chain(named).chain(judged).collect()
}

/// The files of the folder that matter: what is written, but for APIs that are not read from there, and the components,
/// their signatures, keys, certificates, answers and documents that names.
pub(super) fn used(sources: &Sources<'_>, config: &Config) -> Tree {
    let written = config.written.values().map(|written| &written.policy);
    let components = config.policies.values().chain(written).flat_map(|policy| policy.source.files());
    let current = config.apis.iter().filter(|api| api.held.is_none());
    let of_apis = current.flat_map(|api| api.routes.iter().filter_map(answer).chain(document(api)));
    let named = components.map(|file| file.path.as_path()).chain(of_apis);
    let named: HashSet<&Path> = named.chain(of_gateway(config)).collect();
    let is_elsewhere = |path: &Path| {
        let folder = path.iter().next().and_then(|first| first.to_str()).unwrap_or_default();
        sources.held.contains_key(folder) || sources.absent.contains(folder)
    };
    let is_written = |path: &Path| path.extension().is_some_and(|extension| extension == "toml") && !is_elsewhere(path);
    let matter = sources.folder.files().map(|(path, _)| path).filter(|path| is_written(path) || named.contains(path));
    sources.folder.only(matter)
}
