//! Follows the policies folder: reads it, builds what it says, publishes that, or keeps the last good and says why.

mod status;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch as channel;

pub(crate) use status::{Attempt, Status};

use crate::config::{Config, ConfigFault, KeyMaterial, KeySource, PolicySource, Tree};
use crate::generation::{Builder, Generation};
use crate::sandbox::Digest;
use crate::telemetry::metrics::{Metrics, ReloadOutcome};
use watch::Changes;

/// Quiet for this long means that whoever was writing has finished.
const SETTLE: Duration = Duration::from_millis(15);
/// Changes that never pause are looked at this often.
const SETTLE_AT_MOST: Duration = Duration::from_millis(500);

/// Builds a generation for each state of the folder that is different and good.
pub(crate) struct Reloader {
    folder: PathBuf,
    builder: Builder,
    /// What cannot change while the process runs.
    fixed: Fixed,
    /// Of the folder as last looked at, whether it was good or not. None when it could not even be read.
    seen: Option<Digest>,
    /// Of what the generation that serves was made from. Other files of the folder may change as they like.
    serving: Digest,
    publish: channel::Sender<Arc<Generation>>,
    status: Arc<Status>,
    metrics: Arc<Metrics>,
}

/// Settings that are read once, at start.
#[derive(PartialEq)]
struct Fixed {
    listeners: Vec<String>,
    admin: std::net::SocketAddr,
    workers: Option<u32>,
    access_log: bool,
    state: Option<PathBuf>,
}

/// The folder as it was at one moment.
pub(crate) struct Snapshot {
    pub(crate) config: Config,
    seen: Digest,
    used: Digest,
}

impl Snapshot {
    /// Read and understand the folder; says everything that is wrong with it.
    pub(crate) fn read(folder: &Path) -> Result<Self, Vec<ConfigFault>> {
        let tree = Tree::read(folder)?;
        let config = Config::parse(&tree)?;
        let (seen, used) = (everything(&tree), used(&tree, &config));
        Ok(Self { config, seen, used })
    }
}

impl Reloader {
    /// Build the first generation. Without one there is nothing to run, so its faults are the caller's to show.
    pub(crate) async fn start(
        folder: PathBuf,
        snapshot: &Snapshot,
        mut builder: Builder,
        metrics: Arc<Metrics>,
    ) -> Result<(Self, channel::Receiver<Arc<Generation>>), Vec<ConfigFault>> {
        let generation = Arc::new(builder.build(&snapshot.config).await?);
        metrics.set_generation(generation.number);
        let status = Arc::new(Status::new(generation.clone()));
        let (publish, published) = channel::channel(generation);
        let fixed = Fixed::of(&snapshot.config);
        let (seen, serving) = (Some(snapshot.seen), snapshot.used);
        Ok((Self { folder, builder, fixed, seen, serving, publish, status, metrics }, published))
    }

    pub(crate) fn status(&self) -> Arc<Status> {
        self.status.clone()
    }

    /// Follow the folder until the process ends.
    pub(crate) async fn follow(mut self) {
        let mut changes = match Changes::of(&self.folder) {
            Ok(changes) => changes,
            Err(error) => {
                tracing::error!(%error, "the policies folder cannot be watched; changes need a restart");
                return std::future::pending().await;
            }
        };
        // What changed between the first reading and the start of watching.
        self.look().await;
        while changes.next().await.is_some() {
            let first = Instant::now();
            // A burst is one change: wait until it pauses.
            while first.elapsed() < SETTLE_AT_MOST && tokio::time::timeout(SETTLE, changes.next()).await.is_ok() {}
            self.look().await;
        }
    }

    /// Look at the folder, and act if it is not as it was.
    async fn look(&mut self) {
        let begun = Instant::now();
        let tree = match Tree::read(&self.folder) {
            Ok(tree) => tree,
            Err(faults) => {
                // Whatever is found next is news, even if it is what was there before.
                self.seen = None;
                return self.refuse(faults);
            }
        };
        let seen = Some(everything(&tree));
        if seen == self.seen {
            return;
        }
        self.seen = seen;
        let config = match Config::parse(&tree) {
            Ok(config) => config,
            Err(faults) => return self.refuse(faults),
        };
        let used = used(&tree, &config);
        if used == self.serving {
            // A fault was taken back, or the change is in a file nothing depends on.
            return self.status.restored();
        }
        match self.build(&config).await {
            Ok(generation) => {
                self.serving = used;
                self.accept(generation, begun);
            }
            Err(faults) => self.refuse(faults),
        }
    }

    async fn build(&mut self, config: &Config) -> Result<Generation, Vec<ConfigFault>> {
        self.fixed.allow(config)?;
        self.builder.build(config).await
    }

    fn accept(&mut self, generation: Generation, begun: Instant) {
        let generation = Arc::new(generation);
        let (number, took_ms) = (generation.number, u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX));
        self.status.published(generation.clone());
        self.metrics.set_generation(number);
        self.metrics.reloaded(ReloadOutcome::Applied);
        self.publish.send_replace(generation);
        tracing::info!(generation = number, took_ms, "new generation serves");
    }

    fn refuse(&self, faults: Vec<ConfigFault>) {
        for fault in &faults {
            tracing::error!(
                file = %fault.file.display(),
                line = fault.line,
                key = fault.key,
                reason = fault.reason,
                advice = fault.advice,
                "configuration refused; the last good one keeps serving"
            );
        }
        self.metrics.reloaded(ReloadOutcome::Rejected);
        self.status.attempted(Attempt { at: SystemTime::now(), faults });
    }
}

impl Fixed {
    fn of(config: &Config) -> Self {
        Self {
            listeners: config.listeners.iter().map(listener).collect(),
            admin: config.admin,
            workers: config.workers,
            access_log: config.access_log,
            state: config.state_dir.clone(),
        }
    }

    fn allow(&self, config: &Config) -> Result<(), Vec<ConfigFault>> {
        let new = Self::of(config);
        let changed = [
            ("listen", self.listeners != new.listeners),
            ("admin", self.admin != new.admin),
            ("runtime.workers", self.workers != new.workers),
            ("access_log", self.access_log != new.access_log),
            ("state.dir", self.state != new.state),
        ];
        let faults: Vec<_> = changed
            .into_iter()
            .filter(|(_, changed)| *changed)
            .map(|(key, _)| ConfigFault {
                file: "gateway.toml".into(),
                line: None,
                key: key.into(),
                reason: "this cannot change while the gateway runs".into(),
                advice: "restart the gateway, or put back what was there so that other changes take effect".into(),
            })
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// A listener's settings, without the place they stand at.
fn listener(listener: &crate::config::Listener) -> String {
    let crate::config::Listener { name, address, header_timeout, idle_timeout, .. } = listener;
    let limits = (listener.max_connections, listener.max_header_bytes, listener.max_headers, listener.max_body_bytes);
    format!("{name} {address} {header_timeout:?} {idle_timeout:?} {limits:?}")
}

/// Of every file of the folder.
fn everything(tree: &Tree) -> Digest {
    digest(tree.files())
}

/// Of the files a generation is made from: what is written, and the components and keys that names.
fn used(tree: &Tree, config: &Config) -> Digest {
    let components = config.policies.values().filter_map(|policy| match &policy.source {
        PolicySource::File(file) => Some(file),
        PolicySource::Builtin(_) => None,
    });
    let keys = config.keys.values().filter_map(|keys| match &keys.source {
        KeySource::Jwks(KeyMaterial::File(file)) | KeySource::Pem { material: KeyMaterial::File(file), .. } => {
            Some(file)
        }
        _ => None,
    });
    let named: Vec<_> = components.chain(keys).map(|file| file.path.as_path()).collect();
    let written = |path: &Path| path.extension().is_some_and(|extension| extension == "toml");
    digest(tree.files().filter(|(path, _)| written(path) || named.contains(path)))
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
