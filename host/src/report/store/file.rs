//! A database file that is written to, and may be moved away meanwhile: by hand, or since it is damaged.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::Connection;

use super::schema::{self, Kind, StoreError};
use crate::telemetry::rfc3339;

pub(super) struct Database {
    pub(super) connection: Connection,
    path: PathBuf,
    id: FileId,
}

/// Which file it is, whatever its name: device and inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId(u64, u64);

impl Database {
    /// Open what is there, or begin; one that is damaged is moved aside, and another begun.
    pub(super) fn open(path: &Path, kind: Kind) -> Result<Self, StoreError> {
        let _alone = alone(path)?;
        let id = made(path)?;
        match schema::open(path, kind) {
            Err(StoreError::Damaged { reason, .. }) => {
                move_aside(path, id, &reason)?;
                let id = made(path)?;
                Ok(Self { connection: schema::open(path, kind)?, path: path.to_owned(), id })
            }
            opened => Ok(Self { connection: opened?, path: path.to_owned(), id }),
        }
    }

    /// Whether the file that has its name is still the one that is open.
    pub(super) fn is_in_place(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|it| FileId::of(&it) == self.id)
    }

    /// It is damaged: close it and move it aside, unless another process has done so.
    pub(super) fn discard(self, reason: &str) -> Result<(), StoreError> {
        let Self { connection, path, id } = self;
        // It is closed first: SQLite then deletes what has the name of its log, whosever that is.
        drop(connection);
        let _alone = alone(&path)?;
        move_aside(&path, id, reason)
    }
}

impl FileId {
    fn of(metadata: &Metadata) -> Self {
        Self(metadata.dev(), metadata.ino())
    }
}

/// While this is there no other process opens or moves what is in the folder: a log that is moved would be taken for
/// that of the next file, and one that is begun for that of the last.
fn alone(path: &Path) -> Result<File, StoreError> {
    let folder = path.parent().unwrap_or(path);
    let locked = File::open(folder).and_then(|folder| folder.lock().map(|()| folder));
    locked.map_err(|error| StoreError::File { path: folder.to_owned(), error })
}

/// Made by us, so that nobody else may read it; what SQLite puts beside it has the same mode. One that is there is not
/// opened: to close it would take the locks from whoever else has it open in this process.
fn made(path: &Path) -> Result<FileId, StoreError> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let made = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path);
            made.and_then(|file| file.metadata())
        }
        there => there,
    };
    metadata.map(|it| FileId::of(&it)).map_err(|error| StoreError::File { path: path.to_owned(), error })
}

/// Under the lock: put a damaged database under a name that says when, with what SQLite keeps beside it.
fn move_aside(path: &Path, id: FileId, reason: &str) -> Result<(), StoreError> {
    let now: String = rfc3339(SystemTime::now()).chars().filter(|letter| !"-:".contains(*letter)).collect();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let aside = path.with_file_name(format!("{stem}.damaged-{now}.db"));
    let moved = renamed(path, id, &aside).map_err(|error| StoreError::File { path: path.to_owned(), error })?;
    if moved {
        let (file, aside) = (path.display(), aside.display());
        tracing::error!(reason, %file, %aside, "what was recorded of requests is damaged: it is moved aside, another is begun");
    }
    Ok(())
}

/// False if the file is another by now, which is left alone.
fn renamed(path: &Path, id: FileId, aside: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(metadata) if FileId::of(&metadata) == id => {}
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => return Ok(false),
    }
    for end in ["-wal", "-shm", ""] {
        let with_end = |path: &Path| PathBuf::from(format!("{}{end}", path.display()));
        match fs::rename(with_end(path), with_end(aside)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(true)
}
