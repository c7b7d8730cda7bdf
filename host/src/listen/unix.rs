//! Unix sockets to listen on: their files, which outlive whoever made them unless somebody takes them away.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

use super::BACKLOG;

/// The file of a socket, removed when this is dropped, unless another socket has taken its place.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64, i64, i64),
}

/// Listen on a socket that only those may connect to whom `mode` lets. A file that is left of a gateway which is gone
/// is replaced.
pub(super) fn bind(path: &Path, mode: u32) -> io::Result<(UnixListener, SocketFile)> {
    clear(path)?;
    let socket = open()?;
    socket.bind(&SockAddr::unix(path)?)?;
    // Before it listens, nobody can connect.
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    let file = SocketFile { path: path.to_owned(), identity: identity(&fs::symlink_metadata(path)?) };
    socket.listen(BACKLOG)?;
    Ok((socket.into(), file))
}

/// Make room: remove a socket on which nobody listens, and nothing else.
fn clear(path: &Path) -> io::Result<()> {
    let is_socket = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type().is_socket(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !is_socket {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file that is no socket"));
    }
    match open()?.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) => Err(error),
        Ok(()) => Err(io::ErrorKind::AddrInUse.into()),
    }
}

fn open() -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

impl SocketFile {
    /// That of a socket which another process made.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(&fs::symlink_metadata(path)?) })
    }

    /// Another process has it from here on.
    pub(super) fn leave(mut self) {
        self.path = PathBuf::new();
    }

    /// Let those connect whom `mode` lets.
    pub(super) fn admit(&mut self, mode: u32) -> io::Result<()> {
        let is_ours = identity(&fs::symlink_metadata(&self.path)?) == self.identity;
        if !is_ours {
            return Err(io::Error::new(io::ErrorKind::NotFound, "another file has taken its place"));
        }
        fs::set_permissions(&self.path, Permissions::from_mode(mode))?;
        self.identity = identity(&fs::symlink_metadata(&self.path)?);
        Ok(())
    }
}

/// Numbers of files are used again, but not at the same time.
fn identity(metadata: &Metadata) -> (u64, u64, i64, i64) {
    (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path).is_ok_and(|metadata| identity(&metadata) == self.identity);
        if is_ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "the file of a socket stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind<T>(result: io::Result<T>) -> Option<io::ErrorKind> {
        result.err().map(|error| error.kind())
    }

    #[test]
    fn a_socket_is_there_as_long_as_somebody_listens() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        let (listener, file) = bind(&path, 0o600).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(kind(bind(&path, 0o600)), Some(io::ErrorKind::AddrInUse));
        assert!(path.exists(), "and that it was asked for changes nothing");
        drop(listener);
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_left_of_a_gateway_that_is_gone_is_replaced_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        let (listener, old) = bind(&path, 0o660).unwrap();
        drop(listener);
        let (_listener, _new) = bind(&path, 0o660).unwrap();
        drop(old);
        assert!(path.exists(), "it is another's by now");
        let file = folder.path().join("file");
        fs::write(&file, "kept").unwrap();
        assert_eq!(kind(bind(&file, 0o660)), Some(io::ErrorKind::AlreadyExists));
        assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
        assert_eq!(kind(bind(&folder.path().join("none/a.sock"), 0o660)), Some(io::ErrorKind::NotFound));
    }
}
