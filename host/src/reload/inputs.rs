//! What a generation is made from: files of the folder, and those of secrets elsewhere.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::config::{Backend, Config, KeySource, Material, PolicySource, SecretSource, Sources, Tree, Trust, Verify};
use crate::sandbox::Digest;

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

/// The files of the folder that matter: what is written, but for APIs that are not read from there, and the components, their signatures,
/// keys, certificates and answers that names.
pub(super) fn used(sources: &Sources<'_>, config: &Config) -> Tree {
    let components = config.policies.values().flat_map(|policy| match &policy.source {
        PolicySource::File { component, signature } => [Some(component), signature.as_ref()],
        PolicySource::Builtin(_) | PolicySource::Missing(_) => [None, None],
    });
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
    let routes = config.apis.iter().filter(|api| api.held.is_none()).flat_map(|api| &api.routes);
    let answers = routes.filter_map(|route| match &route.backend {
        Backend::Respond(respond) => respond.file.as_deref(),
        _ => None,
    });
    let named = components.chain(keys).chain(certificates).flatten().map(|file| file.path.as_path());
    let judged = config.trust.iter().flat_map(Trust::files);
    let named: Vec<_> = named.chain(answers).chain(judged).collect();
    let is_elsewhere = |path: &Path| {
        let folder = path.iter().next().and_then(|first| first.to_str()).unwrap_or_default();
        sources.held.contains_key(folder) || sources.absent.contains(folder)
    };
    let written = |path: &Path| path.extension().is_some_and(|extension| extension == "toml") && !is_elsewhere(path);
    let matter = sources.folder.files().map(|(path, _)| path).filter(|path| written(path) || named.contains(path));
    sources.folder.only(matter)
}
