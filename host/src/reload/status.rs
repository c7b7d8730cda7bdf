//! What serves now and what was last tried, for those who ask.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::config::ConfigFault;
use crate::generation::Generation;

/// Shared between the reloader, which writes, and the admin listener, which reads.
pub(crate) struct Status {
    folder: PathBuf,
    inner: Mutex<Inner>,
}

struct Inner {
    generation: Arc<Generation>,
    refused: Option<Attempt>,
}

/// A state of the folder that was refused.
#[derive(Clone)]
pub(crate) struct Attempt {
    pub(crate) at: SystemTime,
    pub(crate) faults: Vec<ConfigFault>,
}

impl Status {
    pub(super) fn new(folder: &Path, generation: Arc<Generation>) -> Self {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        Self { folder, inner: Mutex::new(Inner { generation, refused: None }) }
    }

    /// The folder that is followed, absolute; links are not resolved.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The generation that serves, and what was refused since it does.
    pub(crate) fn now(&self) -> (Arc<Generation>, Option<Attempt>) {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        (inner.generation.clone(), inner.refused.clone())
    }

    pub(super) fn published(&self, generation: Arc<Generation>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        *inner = Inner { generation, refused: None };
    }

    /// The folder says again what serves.
    pub(super) fn restored(&self) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).refused = None;
    }

    pub(super) fn attempted(&self, attempt: Attempt) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).refused = Some(attempt);
    }
}
