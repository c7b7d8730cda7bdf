//! What lasts from one run to the next: where it is, and whether it is this process's alone.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use super::StartError;
use crate::config::{self, ConfigFault, Tree};
use crate::keys::DebugKey;
use crate::reload::{Beginning, Keeper};
use crate::state::{StateDir, StateError, random_token};

/// The folder as it stands, and what is kept from one run to the next.
pub(super) fn read(folder: PathBuf, falls_back: bool, takeover: bool) -> Result<(Kept, Beginning), StartError> {
    let read = Tree::read(&folder);
    let state = match (takeover, &read) {
        (true, Err(faults)) => return Err(StartError::Config(faults.clone())),
        (true, Ok(tree)) => {
            let path = config::state_dir(tree).unwrap_or_else(StateDir::default_path);
            StateDir::beside(&path).map(Some).map_err(anyhow::Error::from)?
        }
        (false, _) => open_state(&find_state(&read)?)?,
    };
    let kept = Kept::new(state)?;
    let keeper = falls_back.then(|| Keeper::new(kept.path().as_deref(), &folder));
    let beginning = Beginning::new(folder, read, keeper).map_err(StartError::Config)?;
    match beginning.refused.as_ref().filter(|_| takeover) {
        // What serves is better than what was last good.
        Some(faults) => Err(StartError::Config(faults.clone())),
        None => Ok((kept, beginning)),
    }
}

/// What lasts from one run to the next, as far as there is a state directory, which is this process's alone while this
/// lives.
pub(super) struct Kept {
    pub(super) state: Option<StateDir>,
    pub(super) token: String,
    pub(super) debug_key: Option<Arc<DebugKey>>,
}

impl Kept {
    fn new(state: Option<StateDir>) -> anyhow::Result<Self> {
        let token = state.as_ref().map_or_else(random_token, StateDir::admin_token);
        let token = token.context("the admin token cannot be had")?;
        let debug_key = state.as_ref().map(|state| DebugKey::load_or_generate(state.path())).transpose();
        let debug_key = debug_key.context("the key of debug tokens cannot be had")?.map(Arc::new);
        Ok(Self { state, token, debug_key })
    }

    pub(super) fn path(&self) -> Option<PathBuf> {
        self.state.as_ref().map(|state| state.path().to_owned())
    }
}

/// Where the state is when the gateway begins. Where nobody knows what the folder says of that, it is where it usually
/// is, and none is made.
fn find_state(read: &Result<Tree, Vec<ConfigFault>>) -> Result<PathBuf, StartError> {
    let usual = StateDir::default_path();
    match read {
        Ok(tree) => Ok(config::state_dir(tree).unwrap_or(usual)),
        Err(_) if usual.is_dir() => Ok(usual),
        Err(faults) => Err(StartError::Config(faults.clone())),
    }
}

/// The state directory, or none where there cannot be one. One that is not this gateway's alone is an error.
fn open_state(path: &Path) -> anyhow::Result<Option<StateDir>> {
    match StateDir::open(path) {
        Ok(state) => Ok(Some(state)),
        Err(error @ StateError::Io { .. }) => {
            let error = anyhow::Error::from(error);
            tracing::warn!(
                "{error:#}; running without: /metrics and /status are closed to all, since their token has nowhere to be, \
                 no answer is explained, generated keys do not last, code is compiled at each start; set [state] dir to a folder that can be written"
            );
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
