//! Sockets of one address, dealt to the workers; and how they stop receiving without losing whom they have received.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use super::admission::Admission;
use super::socket::Socket;

/// What all workers share of one address, whatever its settings.
pub(super) struct Door {
    /// By worker, until it takes them.
    dealt: Vec<Mutex<Vec<Socket>>>,
    pub(super) admission: Arc<Admission>,
    /// Whether another process has the same sockets, and accepts what they have received.
    shared: AtomicBool,
    /// Whether the service manager has them.
    pub(super) lasts: bool,
}

impl Door {
    /// Deal sockets to workers, to each at least one. Where there are fewer, several workers accept from one; where
    /// there are more, a worker accepts from several: each may have received connections already.
    pub(super) fn new(sockets: &[Socket], workers: usize, lasts: bool) -> io::Result<Arc<Self>> {
        let mut dealt: Vec<Vec<Socket>> = (0..workers).map(|_| Vec::new()).collect();
        for (index, socket) in sockets.iter().cycle().take(sockets.len().max(workers)).enumerate() {
            if let Some(hand) = dealt.get_mut(index % workers) {
                hand.push(socket.try_clone()?);
            }
        }
        let dealt = dealt.into_iter().map(Mutex::new).collect();
        Ok(Arc::new(Self { dealt, admission: Arc::default(), shared: AtomicBool::new(false), lasts }))
    }

    /// What a worker is to accept from.
    pub(super) fn take(&self, worker: usize) -> Vec<Socket> {
        let Some(dealt) = self.dealt.get(worker) else { return Vec::new() };
        std::mem::take(&mut *dealt.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether another process accepts what is received here, now or later, so that nothing is lost when this one does
    /// not.
    pub(super) fn is_shared(&self) -> bool {
        self.lasts || self.shared.load(Relaxed)
    }

    pub(super) fn share(&self, shared: bool) {
        self.shared.store(shared, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_worker_has_a_socket_and_each_socket_a_worker() {
        for (sockets, workers, hands) in
            [(1, 3, vec![1, 1, 1]), (3, 3, vec![1, 1, 1]), (2, 3, vec![1, 1, 1]), (5, 2, vec![3, 2])]
        {
            let bound: Vec<_> = (0..sockets).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
            let ports: Vec<_> = bound.iter().map(|socket| socket.local_addr().unwrap().port()).collect();
            let sockets: Vec<_> = bound.into_iter().map(Socket::Tcp).collect();
            let door = Door::new(&sockets, workers, false).unwrap();
            let dealt: Vec<_> = (0..workers).map(|worker| door.take(worker)).collect();
            assert_eq!(dealt.iter().map(Vec::len).collect::<Vec<_>>(), hands);
            let has = |port: &u16| {
                dealt.iter().flatten().any(|socket| match socket {
                    Socket::Tcp(socket) => socket.local_addr().unwrap().port() == *port,
                    Socket::Unix(_) => false,
                })
            };
            assert!(ports.iter().all(has));
        }
    }
}
