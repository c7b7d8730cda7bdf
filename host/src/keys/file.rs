//! The gateway's own keys on disk: one PEM file each under `keys/` of the state directory, made when first needed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Algorithm, KeyError, SigningKey};

/// Longest name of a key.
pub(crate) const LONGEST_NAME: usize = 64;

/// Read `<dir>/keys/<name>.pem`, or make it with a new key. Whoever reads the directory sees the whole file or none.
///
/// A file with a key of another algorithm is an error: replacing it would silently end the trust of everyone who knows
/// it.
pub(crate) fn load_or_generate(dir: &Path, name: &str, algorithm: Algorithm) -> Result<SigningKey, KeyError> {
    match load(dir, name, algorithm) {
        Err(KeyError::File(error)) if error.kind() == io::ErrorKind::NotFound => {
            let (folder, path) = place(dir, name)?;
            DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
            publish(&folder, &path, SigningKey::generate(algorithm)?.to_pkcs8_pem()?.as_bytes())?;
            // Not always the key just made: of two processes that make one, both take that of the first.
            read(&path, algorithm)
        }
        read => read,
    }
}

/// The same for who must not make a key.
pub(crate) fn load(dir: &Path, name: &str, algorithm: Algorithm) -> Result<SigningKey, KeyError> {
    let (_, path) = place(dir, name)?;
    read(&path, algorithm)
}

/// Read `<dir>/keys/<name>.seal`, or make it: a secret to seal with, as text.
pub(crate) fn load_or_generate_secret(dir: &Path, name: &str) -> Result<Vec<u8>, KeyError> {
    let (folder, path) = place(dir, name)?;
    let path = path.with_extension("seal");
    match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
            publish(&folder, &path, &generate_secret()?)?;
            Ok(fs::read(&path)?)
        }
        read => Ok(read?),
    }
}

/// 32 random bytes, as text.
pub(crate) fn generate_secret() -> Result<Vec<u8>, KeyError> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|_| KeyError::Failed)?;
    Ok(URL_SAFE_NO_PAD.encode(secret).into_bytes())
}

/// The folder of the keys, and the file of one.
fn place(dir: &Path, name: &str) -> Result<(PathBuf, PathBuf), KeyError> {
    if !is_name(name) {
        return Err(KeyError::Name);
    }
    let folder = dir.join("keys");
    let path = folder.join(name).with_extension("pem");
    Ok((folder, path))
}

fn read(path: &Path, wanted: Algorithm) -> Result<SigningKey, KeyError> {
    let text = fs::read(path)?;
    let key = SigningKey::from_pkcs8_pem(&text)
        .map_err(|source| KeyError::KeyFile { path: path.to_owned(), source: Box::new(source) })?;
    match key.algorithm() {
        is if is == wanted => Ok(key),
        is => Err(KeyError::OtherAlgorithm { path: path.to_owned(), is, wanted }),
    }
}

/// The name becomes a file name, so it can hold no path.
fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(allowed)
}

/// Make the file as a whole, or leave one that is there already.
pub(super) fn publish(folder: &Path, path: &Path, text: &[u8]) -> Result<(), KeyError> {
    let suffix = getrandom::u64().map_err(|_| KeyError::Failed)?;
    let temporary = folder.join(format!(".{suffix:016x}.tmp"));
    // Unlike a rename, a link never replaces.
    let linked = write_synced(&temporary, text).and_then(|()| match fs::hard_link(&temporary, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    // The first error says more than one from tidying up.
    let _ = fs::remove_file(&temporary);
    linked?;
    // The name is on disk only once the folder is.
    File::open(folder)?.sync_all()?;
    Ok(())
}

fn write_synced(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_same_key_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let made = load_or_generate(dir.path(), "own", Algorithm::Es256).unwrap();
        let read = load_or_generate(dir.path(), "own", Algorithm::Es256).unwrap();
        assert_eq!(made.key_id(), read.key_id());
        let other = load_or_generate(dir.path(), "other", Algorithm::Es256).unwrap();
        assert_ne!(made.key_id(), other.key_id());
    }

    #[test]
    fn only_the_owner_can_read_what_is_made_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        load_or_generate(dir.path(), "own", Algorithm::EdDsa).unwrap();
        let folder = dir.path().join("keys");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join("own.pem")), 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_cannot_serve_is_an_error_and_stays_untouched() {
        let dir = tempfile::tempdir().unwrap();
        load_or_generate(dir.path(), "own", Algorithm::EdDsa).unwrap();
        let path = dir.path().join("keys/own.pem");
        let before = fs::read(&path).unwrap();
        assert!(matches!(
            load_or_generate(dir.path(), "own", Algorithm::Es256),
            Err(KeyError::OtherAlgorithm { path: other, is: Algorithm::EdDsa, wanted: Algorithm::Es256 }) if other == path
        ));
        assert_eq!(fs::read(&path).unwrap(), before);
        fs::write(&path, "half").unwrap();
        assert!(matches!(load_or_generate(dir.path(), "own", Algorithm::EdDsa), Err(KeyError::KeyFile { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"half");
    }

    #[test]
    fn of_two_that_make_a_key_the_first_wins() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("own.pem");
        for text in ["first", "second"] {
            publish(dir.path(), &path, text.as_bytes()).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_same_secret_to_seal_with_comes_back_and_is_nobody_elses() {
        let dir = tempfile::tempdir().unwrap();
        let made = load_or_generate_secret(dir.path(), "session").unwrap();
        assert_eq!((made.len(), load_or_generate_secret(dir.path(), "session").unwrap()), (43, made.clone()));
        assert_ne!(load_or_generate_secret(dir.path(), "other").unwrap(), made);
        let mode = fs::metadata(dir.path().join("keys/session.seal")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_name_cannot_leave_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["", ".", "..", "a/b", "../a", "a.b", "a\0", &"a".repeat(65)] {
            assert!(matches!(load_or_generate(dir.path(), name, Algorithm::EdDsa), Err(KeyError::Name)));
        }
        assert!(!dir.path().join("keys").exists());
    }
}
