//! The PROXY protocol, versions 1 and 2: who the client is, said by a proxy in front before anything else.
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};

/// How a header of version 2 begins.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The longest header of version 1, its line end included.
const LONGEST_V1: usize = 107;
/// What follows the fixed part of version 2: addresses, and more that is passed over.
const LONGEST_V2: usize = 4096;

/// Why what a connection begins with is no such header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ProxyError {
    #[error("it begins with no PROXY header")]
    NoHeader,
    #[error("its PROXY header is malformed")]
    Malformed,
    #[error("its PROXY header is too long")]
    TooLong,
    #[error("it comes from a peer that is not trusted to say who the client is")]
    Untrusted,
}

/// Read a header, and not a byte more. None where the proxy speaks for itself, or does not know for whom.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<SocketAddr>> {
    let mut begin = [0; SIGNATURE.len()];
    // The shortest header of version 1, `PROXY UNKNOWN` and its line end, is longer than that.
    stream.read_exact(&mut begin).await?;
    if begin == SIGNATURE {
        return read_v2(stream).await;
    }
    if !begin.starts_with(b"PROXY ") {
        return Err(invalid(ProxyError::NoHeader));
    }
    let mut line = begin.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() == LONGEST_V1 {
            return Err(invalid(ProxyError::TooLong));
        }
        // Byte by byte: what follows the line belongs to somebody else. It is once for a connection.
        line.push(stream.read_u8().await?);
    }
    parse_v1(&line).map_err(invalid)
}

async fn read_v2(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<SocketAddr>> {
    let mut fixed = [0; 4];
    stream.read_exact(&mut fixed).await?;
    let [command, family, high, low] = fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST_V2 {
        return Err(invalid(ProxyError::TooLong));
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await?;
    parse_v2(command, family, &rest).map_err(invalid)
}

/// Nothing is read from whom nobody trusts.
pub(super) fn untrusted() -> io::Error {
    invalid(ProxyError::Untrusted)
}

fn invalid(error: ProxyError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443` and CRLF.
fn parse_v1(line: &[u8]) -> Result<Option<SocketAddr>, ProxyError> {
    let line =
        line.strip_suffix(b"\r\n").and_then(|line| std::str::from_utf8(line).ok()).ok_or(ProxyError::Malformed)?;
    let mut words = line.split(' ');
    let (_, family) = (words.next(), words.next());
    let is_v4 = match family {
        // Whatever else there is, is to be ignored.
        Some("UNKNOWN") => return Ok(None),
        Some("TCP4") => true,
        Some("TCP6") => false,
        _ => return Err(ProxyError::Malformed),
    };
    let mut address = || words.next()?.parse().ok().filter(|address: &IpAddr| address.is_ipv4() == is_v4);
    let (source, destination) = (address(), address());
    let mut port = || {
        let digits =
            words.next().filter(|digits| !digits.starts_with('+') && (*digits == "0" || !digits.starts_with('0')));
        digits?.parse::<u16>().ok()
    };
    match (source, destination, port(), port(), words.next()) {
        (Some(source), Some(_), Some(port), Some(_), None) => Ok(Some(SocketAddr::new(source, port))),
        _ => Err(ProxyError::Malformed),
    }
}

/// The command, the family with its transport, and what follows the length.
fn parse_v2(command: u8, family: u8, rest: &[u8]) -> Result<Option<SocketAddr>, ProxyError> {
    match command {
        // The proxy's own connection, a health check for instance.
        0x20 => return Ok(None),
        0x21 => {}
        _ => return Err(ProxyError::Malformed),
    }
    let source = match family {
        // IPv4 over TCP: two addresses and two ports.
        0x11 => rest.first_chunk::<12>().map(|[a, b, c, d, _, _, _, _, high, low, _, _]| {
            (IpAddr::from(Ipv4Addr::new(*a, *b, *c, *d)), u16::from_be_bytes([*high, *low]))
        }),
        0x21 => rest.first_chunk::<36>().and_then(|all| {
            let address: [u8; 16] = *all.first_chunk()?;
            let port: [u8; 2] = *all.get(32..)?.first_chunk()?;
            Some((IpAddr::from(Ipv6Addr::from(address)), u16::from_be_bytes(port)))
        }),
        // Unspecified, or of a kind that has no such address.
        _ => return Ok(None),
    };
    let (address, port) = source.ok_or(ProxyError::Malformed)?;
    Ok(Some(SocketAddr::new(address, port)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is read, and what is left for others.
    fn read_all(mut bytes: &[u8]) -> (Result<Option<SocketAddr>, Option<ProxyError>>, Vec<u8>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let read = runtime.block_on(read(&mut bytes));
        let blame = |error: io::Error| error.get_ref().and_then(|error| error.downcast_ref()).copied();
        (read.map_err(blame), bytes.to_vec())
    }

    fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest].concat()
    }

    #[test]
    fn version_1_is_a_line_of_words() {
        let cases = [
            ("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443", Ok(Some("192.0.2.1:56324"))),
            ("PROXY TCP6 2001:db8::1 ::1 1 65535", Ok(Some("[2001:db8::1]:1"))),
            ("PROXY UNKNOWN", Ok(None)),
            ("PROXY UNKNOWN whatever it is", Ok(None)),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 56324", Err(ProxyError::Malformed)),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443 1", Err(ProxyError::Malformed)),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 56324 65536", Err(ProxyError::Malformed)),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 +5 443", Err(ProxyError::Malformed)),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 056 443", Err(ProxyError::Malformed)),
            ("PROXY TCP4 2001:db8::1 192.0.2.2 1 443", Err(ProxyError::Malformed)),
            ("PROXY TCP4  192.0.2.1 192.0.2.2 1 443", Err(ProxyError::Malformed)),
            ("PROXY TCP5 192.0.2.1 192.0.2.2 1 443", Err(ProxyError::Malformed)),
            ("GET / HTTP/1.1", Err(ProxyError::NoHeader)),
            ("proxy tcp4 192.0.2.1 192.0.2.2 1 443", Err(ProxyError::NoHeader)),
        ];
        for (line, expected) in cases {
            let expected = expected.map(|address: Option<&str>| address.map(|text| text.parse().unwrap()));
            let (found, left) = read_all(format!("{line}\r\nGET").as_bytes());
            assert_eq!(found, expected.map_err(Some), "{line}");
            if expected.is_ok() {
                assert_eq!(left, b"GET", "{line}");
            }
        }
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LONGEST_V1));
        assert_eq!(read_all(long.as_bytes()).0, Err(Some(ProxyError::TooLong)));
        assert_eq!(read_all(b"PROXY TCP4 192.0.2.1").0, Err(None), "it ends too early");
    }

    #[test]
    fn version_2_is_told_by_its_lengths() {
        let four = [192, 0, 2, 1, 192, 0, 2, 2, 0xdc, 4, 1, 0xbb];
        let six: Vec<u8> = ["2001:db8::1", "::1"]
            .iter()
            .flat_map(|address| address.parse::<Ipv6Addr>().unwrap().octets())
            .chain([0, 1, 0, 2])
            .collect();
        let with_more = [&four[..], &[4, 0, 1, b'x']].concat();
        let cases = [
            (v2(0x21, 0x11, &four), Ok(Some("192.0.2.1:56324"))),
            (v2(0x21, 0x11, &with_more), Ok(Some("192.0.2.1:56324"))),
            (v2(0x21, 0x21, &six), Ok(Some("[2001:db8::1]:1"))),
            (v2(0x20, 0x11, &four), Ok(None)),
            (v2(0x20, 0, &[]), Ok(None)),
            (v2(0x21, 0x31, &[0; 216]), Ok(None)),
            (v2(0x21, 0x11, &four[..11]), Err(ProxyError::Malformed)),
            (v2(0x22, 0x11, &four), Err(ProxyError::Malformed)),
            (v2(0x11, 0x11, &four), Err(ProxyError::Malformed)),
            (v2(0x21, 0x11, &[0; LONGEST_V2 + 1]), Err(ProxyError::TooLong)),
        ];
        for (bytes, expected) in cases {
            let expected = expected.map(|address: Option<&str>| address.map(|text| text.parse().unwrap()));
            let (found, left) = read_all(&[&bytes[..], b"GET"].concat());
            assert_eq!(found, expected.map_err(Some), "{bytes:?}");
            if expected.is_ok() {
                assert_eq!(left, b"GET");
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), v2 in any::<bool>()) {
            let begin: &[u8] = if v2 { &SIGNATURE } else { b"PROXY TCP4 " };
            let _ = read_all(&[begin, &bytes].concat());
        }

        #[test]
        fn an_address_is_read_as_it_was_written(address in any::<IpAddr>(), port in any::<u16>()) {
            let family = if address.is_ipv4() { "TCP4" } else { "TCP6" };
            let line = format!("PROXY {family} {address} {address} {port} 1\r\n");
            prop_assert_eq!(read_all(line.as_bytes()).0, Ok(Some(SocketAddr::new(address, port))));
        }
    }
}
