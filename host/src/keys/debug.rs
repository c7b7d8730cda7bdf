//! The key of debug tokens: what asks the gateway to explain an answer, and until when.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{KeyError, file};

/// Longest life of a debug token.
pub(crate) const MAX_LIFE: Duration = Duration::from_secs(3600);

/// Its file in the state directory, beside the admin token.
const FILE: &str = "debug-key";
/// What is signed begins with this, so that a signature means nothing anywhere else.
const PURPOSE: &[u8] = b"lockgate debug token 1:";
/// A number of seconds and a signature are never longer.
const MAX_TOKEN: usize = 80;

/// Signs and checks debug tokens (HMAC-SHA256). Never printed.
pub(crate) struct DebugKey(hmac::Key);

impl DebugKey {
    /// The key in this state directory. Whoever serves makes it; who only signs must not, for nobody would know that
    /// one.
    pub(crate) fn load(state: &Path) -> Result<Self, KeyError> {
        let text = fs::read(state.join(FILE))?;
        let bytes = URL_SAFE_NO_PAD.decode(text.trim_ascii()).map_err(|_| short())?;
        if bytes.len() < 32 {
            return Err(short().into());
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The same, made at first use: 256 random bits.
    pub(crate) fn load_or_generate(state: &Path) -> Result<Self, KeyError> {
        match Self::load(state) {
            Err(KeyError::File(error)) if error.kind() == io::ErrorKind::NotFound => {
                let mut bytes = [0; 32];
                getrandom::fill(&mut bytes).map_err(|_| KeyError::Failed)?;
                file::publish(state, &state.join(FILE), URL_SAFE_NO_PAD.encode(bytes).as_bytes())?;
                Self::load(state)
            }
            loaded => loaded,
        }
    }

    /// A token that is good until then, with the second at which it ends.
    pub(crate) fn issue(&self, until: SystemTime) -> (String, u64) {
        let until = seconds(until);
        let signature = hmac::sign(&self.0, &signed(until.to_string().as_bytes()));
        (format!("{until}.{}", URL_SAFE_NO_PAD.encode(signature)), until)
    }

    /// Whether a token is one of this key and has not ended. What takes time does not depend on what is wrong with it.
    pub(crate) fn admits(&self, token: &[u8], now: SystemTime) -> bool {
        if token.len() > MAX_TOKEN {
            return false;
        }
        let Some(dot) = token.iter().position(|&byte| byte == b'.') else { return false };
        let (until, signature) = (&token[..dot], &token[dot + 1..]);
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        let genuine = hmac::verify(&self.0, &signed(until), &signature).is_ok();
        let until = std::str::from_utf8(until).ok().and_then(|text| text.parse::<u64>().ok());
        let (now, most) = (seconds(now), MAX_LIFE.as_secs());
        genuine && until.is_some_and(|until| until > now && until - now <= most)
    }
}

fn short() -> io::Error {
    io::Error::other("debug-key holds no key; delete it to get a new one at the next start")
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn signed(until: &[u8]) -> Vec<u8> {
    [PURPOSE, until].concat()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_good_until_it_ends_and_for_the_key_that_signed_it() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let key = DebugKey::load_or_generate(folder.path()).unwrap();
        let again = DebugKey::load_or_generate(folder.path()).unwrap();
        let other = DebugKey::load_or_generate(other.path()).unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let (token, until) = key.issue(now + Duration::from_secs(60));
        let token = token.as_bytes();
        assert_eq!(until, 1_000_060);
        assert!(key.admits(token, now) && again.admits(token, now + Duration::from_secs(59)));
        assert!(!key.admits(token, now + Duration::from_secs(60)), "it has ended");
        assert!(!key.admits(token, now - MAX_LIFE), "no token is good for longer than an hour");
        assert!(!other.admits(token, now));
    }

    #[test]
    fn what_was_changed_or_is_no_token_admits_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let key = DebugKey::load_or_generate(folder.path()).unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let (token, _) = key.issue(now + Duration::from_secs(60));
        let longer = token.replacen("1000060", "1000061", 1);
        let padded = format!("{token}=");
        for wrong in ["", ".", "1000060", "1000060.", &longer, &padded, &token[1..], &token[..token.len() - 1]] {
            assert!(!key.admits(wrong.as_bytes(), now), "{wrong}");
        }
        assert!(!key.admits(&[b'1'; 10_000], now) && !key.admits(b"\xff.\xff", now));
    }

    #[test]
    fn only_the_owner_reads_the_key_and_a_broken_one_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(DebugKey::load(folder.path()), Err(KeyError::File(_))), "who only signs makes none");
        DebugKey::load_or_generate(folder.path()).unwrap();
        let path = folder.path().join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, "c2hvcnQ").unwrap();
        assert!(DebugKey::load_or_generate(folder.path()).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"c2hvcnQ");
    }
}
