//! Owns where the gateway listens: an IP address and port, or a Unix socket.

use std::fmt;
use std::net::{AddrParseError, SocketAddr};
use std::path::Path;
use std::str::FromStr;

use super::kinds::Spelled;

/// Where connections come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Ip(SocketAddr),
    Unix(SocketPath),
}

/// The path of a Unix socket: absolute, in normal form, and no longer than the system takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SocketPath(String);

impl Address {
    /// The address and port, where there are any.
    pub(crate) fn ip(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// The Unix socket, if it is one.
    pub(crate) fn socket(&self) -> Option<&SocketPath> {
        match self {
            Self::Ip(_) => None,
            Self::Unix(path) => Some(path),
        }
    }
}

impl SocketPath {
    /// How a text that means one begins.
    pub(super) const SCHEME: &str = "unix:";
    /// With the byte that ends it, what `sun_path` of Linux holds (unix(7)).
    const LONGEST: usize = 107;

    pub(crate) fn path(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => write!(out, "{address}"),
            Self::Unix(path) => write!(out, "{path}"),
        }
    }
}

impl fmt::Display for SocketPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", Self::SCHEME, self.0)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.starts_with(SocketPath::SCHEME) {
            true => Ok(Self::Unix(text.parse()?)),
            false => Ok(Self::Ip(text.parse()?)),
        }
    }
}

impl FromStr for SocketPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let path = text.strip_prefix(Self::SCHEME).ok_or(PathError::Scheme)?;
        let parts = path.strip_prefix('/').ok_or(PathError::Relative)?;
        if path.len() > Self::LONGEST {
            return Err(PathError::Long);
        }
        if path.contains(char::is_control) || parts.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(PathError::Form);
        }
        Ok(Self(path.to_owned()))
    }
}

impl Spelled for Address {
    const SPELLING: &'static str =
        "an IP address and port, \"127.0.0.1:8080\", or a Unix socket, \"unix:/run/lockgate.sock\"";
}

impl Spelled for SocketPath {
    const SPELLING: &'static str = "a Unix socket, \"unix:/run/app.sock\"";
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    #[error(transparent)]
    Ip(#[from] AddrParseError),
    #[error(transparent)]
    Unix(#[from] PathError),
}

/// Why a text is no path of a Unix socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathError {
    #[error("it does not begin with unix:")]
    Scheme,
    #[error("the path does not begin with /")]
    Relative,
    #[error("the path is longer than 107 bytes")]
    Long,
    #[error("the path has empty parts, `.`, `..` or control characters")]
    Form,
}

/// Permissions of a socket's file: who may connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mode(pub u32);

impl FromStr for Mode {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Self, ModeError> {
        let is_octal = (3..=4).contains(&text.len()) && text.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
        let mode = u32::from_str_radix(text, 8).ok().filter(|mode| is_octal && *mode <= 0o777);
        mode.map(Self).ok_or(ModeError)
    }
}

impl Spelled for Mode {
    const SPELLING: &'static str = "permissions in octal, \"0660\"";
}

/// A text that names no permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no number from 000 to 0777")]
pub(crate) struct ModeError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_back_as_it_is_shown() {
        for text in ["127.0.0.1:8080", "[::1]:0", "unix:/run/lockgate.sock", "unix:/a b"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        let long = format!("unix:/{}", "a".repeat(106));
        assert_eq!(long.parse::<Address>().unwrap().to_string(), long);
    }

    #[test]
    fn a_path_that_means_no_one_file_is_refused() {
        let long = format!("unix:/{}", "a".repeat(107));
        let cases = [
            ("/run/a", PathError::Scheme),
            ("unix:run/a", PathError::Relative),
            ("unix:", PathError::Relative),
            ("unix:@abstract", PathError::Relative),
            ("unix:/", PathError::Form),
            ("unix:/run/", PathError::Form),
            ("unix:/run//a", PathError::Form),
            ("unix:/run/../a", PathError::Form),
            ("unix:/./a", PathError::Form),
            ("unix:/a\0b", PathError::Form),
            (&long, PathError::Long),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<SocketPath>(), Err(error), "{text}");
        }
    }

    #[test]
    fn permissions_are_octal() {
        assert_eq!("0660".parse(), Ok(Mode(0o660)));
        assert_eq!("777".parse(), Ok(Mode(0o777)));
        for text in ["", "66", "0o660", "1777", "0668", "00660", "+660"] {
            assert_eq!(text.parse::<Mode>(), Err(ModeError), "{text}");
        }
    }
}
