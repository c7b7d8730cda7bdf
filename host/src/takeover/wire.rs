//! Messages, one a line, and sockets, on their way between two processes of the same user.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::cmsg_space;
use rustix::net::sockopt::socket_peercred;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Sockets in one message; the kernel takes up to 253.
const AT_ONCE: usize = 64;
/// Bytes of a message.
const MOST: usize = 1 << 20;

/// The process at the other end, which has to be of the same user.
pub(super) fn peer(stream: &UnixStream) -> io::Result<u32> {
    let peer = socket_peercred(stream)?;
    if peer.uid != rustix::process::geteuid() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is another user's"));
    }
    Ok(peer.pid.as_raw_nonzero().get().unsigned_abs())
}

pub(super) fn say(mut stream: &UnixStream, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    stream.write_all(&line)
}

/// Byte by byte: sockets would be lost with what is read ahead.
pub(super) fn hear<T: DeserializeOwned>(mut stream: &UnixStream) -> io::Result<T> {
    let mut line = Vec::new();
    while line.len() < MOST {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        match byte {
            [b'\n'] => return Ok(serde_json::from_slice(&line)?),
            [byte] => line.push(byte),
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "the other process does not come to an end"))
}

/// Send copies, with a byte for each.
pub(super) fn send(stream: &UnixStream, sockets: &[BorrowedFd<'_>]) -> io::Result<()> {
    for sockets in sockets.chunks(AT_ONCE) {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(AT_ONCE))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(sockets));
        let bytes = vec![0; sockets.len()];
        sendmsg(stream, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL)?;
    }
    Ok(())
}

pub(super) fn receive(stream: &UnixStream, count: usize) -> io::Result<Vec<OwnedFd>> {
    let mut sockets = Vec::new();
    while sockets.len() < count {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(AT_ONCE))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut bytes = [0; AT_ONCE];
        let received = recvmsg(stream, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
        let before = sockets.len();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(received) = message {
                sockets.extend(received);
            }
        }
        // Fewer than bytes where no more may be open here.
        if received.bytes == 0 || sockets.len() - before != received.bytes {
            return Err(io::Error::other("not all sockets arrived"));
        }
    }
    Ok(sockets)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn what_is_said_and_what_is_sent_arrives_in_order() {
        let (near, far) = UnixStream::pair().unwrap();
        let sent: Vec<_> = (0..2 * AT_ONCE + 3).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let (count, ports) = (sent.len(), |all: &[std::net::TcpListener]| {
            all.iter().map(|it| it.local_addr().unwrap()).collect::<Vec<_>>()
        });
        say(&near, &count).unwrap();
        send(&near, &sent.iter().map(AsFd::as_fd).collect::<Vec<_>>()).unwrap();
        say(&near, &"more").unwrap();
        assert_eq!(hear::<usize>(&far).unwrap(), count);
        let received: Vec<std::net::TcpListener> = receive(&far, count).unwrap().into_iter().map(Into::into).collect();
        assert_eq!(ports(&received), ports(&sent));
        assert_eq!(hear::<String>(&far).unwrap(), "more");
        assert_eq!(peer(&far).unwrap(), std::process::id());
        drop(near);
        assert_eq!(hear::<String>(&far).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
