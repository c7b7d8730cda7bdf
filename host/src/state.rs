//! The state directory: compiled code, generated keys, the admin token. Owned by one gateway at a time.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// How long a process that was killed may take to be gone, with what it had begun; and how often that is looked at.
const ENDING: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(20);

/// A state directory that is ours.
pub(crate) struct StateDir {
    path: PathBuf,
    lock: Lock,
}

/// What says that a state directory is ours: held as long as the gateway runs; the kernel lets go of it whatever way
/// the process ends.
#[derive(Clone, Debug)]
pub(crate) struct Lock {
    of: PathBuf,
    file: Arc<File>,
    turn: Arc<watch::Sender<Turn>>,
}

/// Whether it is this process's turn to write there, and which: what was read in an earlier one may have been changed
/// since.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    number: u64,
    is_held: bool,
}

/// Why there is no state directory.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    #[error(
        "another gateway uses {0}: end it, or have this one take its place with --takeover; two that serve want a [state] dir each"
    )]
    InUse(PathBuf),
    #[error("{0} belongs to another user; compiled code in it could be anything")]
    Foreign(PathBuf),
    #[error(
        "others may enter {0}, so someone else could have put compiled code there: empty it, or `chmod 700` it after looking"
    )]
    Loose(PathBuf),
    #[error("{path} cannot be used")]
    Io { path: PathBuf, source: io::Error },
}

impl StateDir {
    /// Where the state is when the configuration does not say.
    pub(crate) fn default_path() -> PathBuf {
        first_path(std::env::var_os("STATE_DIRECTORY")).unwrap_or_else(|| PathBuf::from(".lockgate"))
    }

    /// Take the directory, making it if need be. An empty one that others may enter is closed to them (service managers
    /// make such); one that holds something is refused, for compiled code in it would be run.
    pub(crate) fn open(path: &Path) -> Result<Self, StateError> {
        let (state, begun) = (Self::beside(path)?, Instant::now());
        loop {
            match state.lock.file.try_lock() {
                Ok(()) => {
                    state.lock.begin();
                    return Ok(state);
                }
                Err(fs::TryLockError::WouldBlock) if begun.elapsed() < ENDING => std::thread::sleep(LOOK),
                Err(fs::TryLockError::WouldBlock) => return Err(StateError::InUse(state.path)),
                Err(fs::TryLockError::Error(source)) => return Err(StateError::Io { path: state.path, source }),
            }
        }
    }

    /// The directory of a gateway that serves and is to be taken over: ours once its lock is.
    pub(crate) fn beside(path: &Path) -> Result<Self, StateError> {
        let io = |source| StateError::Io { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io)?;
        let path = path.canonicalize().map_err(io)?;
        let metadata = fs::metadata(&path).map_err(io)?;
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(StateError::Foreign(path));
        }
        if metadata.permissions().mode() & 0o077 != 0 {
            // Closed first, so that nothing can come in between looking and closing.
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).map_err(io)?;
            if fs::read_dir(&path).map_err(io)?.next().is_some() {
                // As it was: the next start must not take for safe what nobody has looked at.
                fs::set_permissions(&path, metadata.permissions()).map_err(io)?;
                return Err(StateError::Loose(path));
            }
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(io)?;
        let lock = Lock { of: path.clone(), file: Arc::new(lock), turn: Arc::default() };
        Ok(Self { path, lock })
    }

    pub(crate) fn lock(&self) -> Lock {
        self.lock.clone()
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

impl Lock {
    /// The state directory.
    pub(crate) fn path(&self) -> &Path {
        &self.of
    }

    /// Do something there, given the number of this process's turn; nothing, if it is another's. No other process has
    /// it before this is done. It must not be asked for again meanwhile: who gives it up waits between the two.
    pub(crate) fn while_held<T>(&self, act: impl FnOnce(u64) -> T) -> Option<T> {
        // As long as this is borrowed nobody can change it.
        let turn = self.turn.borrow();
        turn.is_held.then(|| act(turn.number))
    }

    /// Whether it is this process's turn now.
    pub(crate) fn is_held(&self) -> bool {
        self.turn.borrow().is_held
    }

    /// When turns begin and end, from now on.
    pub(crate) fn turns(&self) -> impl AsyncFnMut() + use<> {
        let mut turns = self.turn.subscribe();
        async move || drop(turns.changed().await)
    }

    /// Let another process have it, once nobody does anything there.
    pub(crate) fn give_up(&self) -> io::Result<()> {
        self.turn.send_modify(|turn| turn.is_held = false);
        self.file.unlock()
    }

    /// Take it, where nobody has it.
    pub(crate) fn take(&self) -> io::Result<()> {
        self.file.try_lock()?;
        self.begin();
        Ok(())
    }

    /// Wait until nobody has it, and take it.
    pub(crate) fn take_in_turn(&self) -> io::Result<()> {
        self.file.lock()?;
        self.begin();
        Ok(())
    }

    fn begin(&self) {
        self.turn.send_modify(|turn| *turn = Turn { number: turn.number + 1, is_held: true });
    }
}

/// Service managers give a list, separated by colons, where a service has several directories.
fn first_path(list: Option<std::ffi::OsString>) -> Option<PathBuf> {
    std::env::split_paths(&list?).next().filter(|path| !path.as_os_str().is_empty())
}

/// Make a folder of the state directory, if it is not there.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Put a file of the state directory in the place of what is there; complete or not at all.
pub(crate) fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A name of its own: two processes that write the same file do not meet before it is complete.
    let partial = path.with_extension(format!("{:016x}.partial", getrandom::u64().map_err(io::Error::other)?));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        // What is left behind would never be used; the error that matters is the first.
        let _ = fs::remove_file(&partial);
    }
    written
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

    #[test]
    fn whoever_is_given_the_directory_has_it_once_what_was_begun_there_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let (first, second) = (StateDir::open(&path).unwrap().lock(), StateDir::beside(&path).unwrap().lock());
        assert!(second.take().is_err() && second.while_held(|_| ()).is_none());
        let (begun, is_begun) = std::sync::mpsc::channel();
        let (may_end, end) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let writer = first.clone();
            let writing = scope.spawn(move || {
                writer.while_held(|turn| {
                    begun.send(turn).unwrap();
                    end.recv().unwrap();
                })
            });
            assert_eq!(is_begun.recv(), Ok(1));
            let giving = scope.spawn(|| first.give_up());
            assert!(second.take().is_err() && !giving.is_finished(), "it was given while something was written");
            may_end.send(()).unwrap();
            assert!(writing.join().unwrap().is_some() && giving.join().unwrap().is_ok());
        });
        assert!(first.while_held(|_| ()).is_none());
        assert_eq!((second.take().is_ok(), second.while_held(|turn| turn)), (true, Some(1)));
        second.give_up().unwrap();
        first.take_in_turn().unwrap();
        assert_eq!(first.while_held(|turn| turn), Some(2));
    }

    #[test]
    fn a_directory_others_may_enter_is_closed_if_empty_and_refused_if_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        drop(StateDir::open(&path).unwrap());
        assert_eq!(mode(), 0o700);
        for loose in [0o755, 0o770, 0o701] {
            fs::set_permissions(&path, fs::Permissions::from_mode(loose)).unwrap();
            assert!(matches!(StateDir::open(&path), Err(StateError::Loose(_))));
            assert_eq!(mode(), loose, "a refusal changes nothing");
        }
    }

    #[test]
    fn of_several_directories_the_first_is_taken() {
        let first = |list: &str| first_path(Some(list.into()));
        assert_eq!(first("/var/lib/a:/var/lib/b"), Some("/var/lib/a".into()));
        assert_eq!(first("/var/lib/a"), Some("/var/lib/a".into()));
        assert_eq!((first(""), first_path(None)), (None, None));
    }
}
