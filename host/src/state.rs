//! The state directory: compiled code, generated keys, the admin token. Owned by one gateway at a time.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A state directory that is ours.
pub(crate) struct StateDir {
    path: PathBuf,
    /// Held as long as the gateway runs; the kernel lets go of it whatever way the process ends.
    _lock: File,
}

/// Why there is no state directory.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    #[error("another gateway uses {0}; give each its own [state] dir")]
    InUse(PathBuf),
    #[error("{0} belongs to another user; compiled code in it could be anything")]
    Foreign(PathBuf),
    #[error("{path} cannot be used")]
    Io { path: PathBuf, source: io::Error },
}

impl StateDir {
    /// Where the state is when the configuration does not say.
    pub(crate) fn default_path() -> PathBuf {
        std::env::var_os("STATE_DIRECTORY").map_or_else(|| PathBuf::from(".lockgate"), PathBuf::from)
    }

    /// Take the directory, making it if need be.
    pub(crate) fn open(path: &Path) -> Result<Self, StateError> {
        let io = |source| StateError::Io { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io)?;
        let path = path.canonicalize().map_err(io)?;
        let metadata = fs::metadata(&path).map_err(io)?;
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(StateError::Foreign(path));
        }
        if metadata.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).map_err(io)?;
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(io)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => Err(StateError::InUse(path)),
            Err(fs::TryLockError::Error(source)) => Err(io(source)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The admin token, made at first use: 256 random bits in hexadecimal.
    pub(crate) fn admin_token(&self) -> io::Result<String> {
        let path = self.path.join("admin-token");
        match fs::read_to_string(&path) {
            Ok(token) if token.trim().len() >= 32 => Ok(token.trim().to_owned()),
            Ok(_) => Err(io::Error::other("admin-token is too short; delete it to get a new one")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let token = random_token()?;
                let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
                writeln!(file, "{token}")?;
                file.sync_all()?;
                Ok(token)
            }
            Err(error) => Err(error),
        }
    }
}

/// A token nobody can guess.
pub(crate) fn random_token() -> io::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_gateway_is_refused_and_the_token_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let state = StateDir::open(&path).unwrap();
        assert!(matches!(StateDir::open(&path), Err(StateError::InUse(_))));
        let token = state.admin_token().unwrap();
        assert_eq!(state.admin_token().unwrap(), token);
        assert_eq!(fs::metadata(path.join("admin-token")).unwrap().permissions().mode() & 0o777, 0o600);
        drop(state);
        assert!(StateDir::open(&path).is_ok());
    }
}
