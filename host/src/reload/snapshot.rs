//! The folder at one moment, and what tells it from another.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::config::{
    Backend, Config, ConfigFault, KeySource, Material, PolicySource, SecretSource, Tree, Trust, Verify,
};
use crate::sandbox::Digest;

/// No secret is larger, so what comes later is no part of one.
const MOST: u64 = 1 << 20;

/// The folder as it was at one moment.
pub(crate) struct Snapshot {
    pub(crate) config: Config,
    /// The files of the folder a generation is made from.
    pub(crate) files: Tree,
    /// Of these.
    pub(super) written: Digest,
    /// Of everything a generation is made from.
    pub(super) used: Digest,
    pub(super) outside: Outside,
}

impl Snapshot {
    /// Read and understand the folder; says everything that is wrong with it.
    pub(crate) fn read(folder: &Path) -> Result<Self, Vec<ConfigFault>> {
        Self::of(&Tree::read(folder)?)
    }

    /// Understand a tree.
    pub(crate) fn of(tree: &Tree) -> Result<Self, Vec<ConfigFault>> {
        let config = Config::parse(tree)?;
        let outside = Outside::of(&config);
        let files = used(tree, &config);
        let written = digest(files.files().map(|(path, bytes)| (path, &**bytes)));
        let used = Digest::of(&[written.bytes(), outside.digest.bytes()].concat());
        Ok(Self { config, files, written, used, outside })
    }
}

/// The files of secrets. They lie where nobody watches.
pub(super) struct Outside {
    files: Vec<PathBuf>,
    digest: Digest,
}

impl Outside {
    fn of(config: &Config) -> Self {
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
    let held: Vec<_> = files.iter().map(|path| read(path).unwrap_or_default()).collect();
    digest(files.iter().map(PathBuf::as_path).zip(held.iter().map(Vec::as_slice)))
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The files of the folder that matter: what is written, and the components, their signatures, keys, certificates and answers that names.
fn used(tree: &Tree, config: &Config) -> Tree {
    let components = config.policies.values().filter_map(|policy| match &policy.source {
        PolicySource::File(file) => Some(file),
        PolicySource::Builtin(_) => None,
    });
    let keys = config.keys.values().filter_map(|keys| match &keys.source {
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
    let certificates = shown.chain(trusted).filter_map(|material| match material? {
        Material::File(file) => Some(file),
        Material::Secret(_) => None,
    });
    let answers = config.apis.iter().flat_map(|api| &api.routes).filter_map(|route| match &route.backend {
        Backend::Respond(respond) => respond.file.as_deref(),
        _ => None,
    });
    let named = components.chain(keys).chain(certificates).map(|file| file.path.as_path());
    let judged = config.trust.iter().flat_map(Trust::files);
    let named: Vec<_> = named.chain(answers).chain(judged).collect();
    let written = |path: &Path| path.extension().is_some_and(|extension| extension == "toml");
    let matter = tree.files().filter(|(path, _)| written(path) || named.contains(path));
    Tree::of(matter.map(|(path, bytes)| (path.to_owned(), bytes.clone())).collect())
}

fn digest<'a>(files: impl Iterator<Item = (&'a Path, &'a [u8])>) -> Digest {
    let mut all = Vec::new();
    for (path, bytes) in files {
        all.extend_from_slice(path.as_os_str().as_encoded_bytes());
        all.push(0);
        all.extend_from_slice(&Digest::of(bytes).bytes());
    }
    Digest::of(&all)
}
