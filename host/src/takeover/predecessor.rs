//! The one that serves: hands over what a successor asks for, and goes on unless that says that it serves.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::wire::{hear, peer, say, send};
use super::{Answer, Asked, Described, PROTOCOL, meeting_place};
use crate::listen::{Listeners, Offer};
use crate::state::Lock;

/// For what is said at once.
const PATIENCE: Duration = Duration::from_secs(10);
/// For all that a successor builds before it is ready. Meanwhile changes of the folder are not looked at.
const BUILDING: Duration = Duration::from_secs(600);

/// What can be handed over.
pub(crate) struct Predecessor {
    pub(crate) listeners: Arc<Listeners>,
    pub(crate) admin: TcpListener,
    /// As configured.
    pub(crate) admin_address: String,
    pub(crate) lock: Lock,
}

impl Predecessor {
    /// Wait for a successor in a thread. Its process is told once it serves.
    pub(crate) fn wait(self) -> io::Result<oneshot::Receiver<u32>> {
        let (tell, told) = oneshot::channel();
        let place = meeting_place(self.lock.path());
        // Whatever stands there is of a process that had the state directory before.
        let partial = place.with_extension("partial");
        let _ = fs::remove_file(&partial);
        let meeting = UnixListener::bind(&partial)?;
        fs::set_permissions(&partial, fs::Permissions::from_mode(0o600))?;
        fs::rename(&partial, &place)?;
        let life = move || {
            for successor in meeting.incoming().filter_map(Result::ok) {
                match self.hand_over(&successor) {
                    Ok(process) => {
                        let _ = tell.send(process);
                        return;
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a successor did not come to serve: this process serves on");
                        let _ = say(&successor, &Answer::No(error.to_string()));
                    }
                }
            }
        };
        std::thread::Builder::new().name("takeover".into()).spawn(life)?;
        Ok(told)
    }

    fn hand_over(&self, successor: &UnixStream) -> io::Result<u32> {
        let process = peer(successor)?;
        successor.set_write_timeout(Some(PATIENCE))?;
        successor.set_read_timeout(Some(PATIENCE))?;
        match hear(successor)? {
            Asked::Sockets { protocol: PROTOCOL } => {}
            _ => return Err(io::Error::other("it speaks another protocol")),
        }
        tracing::info!(process, "a successor builds what it needs");
        // What is handed over stays as it is until this is over.
        let _turn = self.listeners.blocking_turn();
        self.offer(successor)?;
        successor.set_read_timeout(Some(BUILDING))?;
        let Asked::Ready { listeners } = hear(successor)? else { return Err(out_of_turn()) };
        // From here on it serves or ends, and there must not be any doubt which.
        successor.set_read_timeout(None)?;
        self.lock.give_up()?;
        self.listeners.share(&listeners);
        let served = say(successor, &Answer::Yours).and_then(|()| hear(successor));
        match served {
            Ok(Asked::Serves) => Ok(process),
            other => {
                self.listeners.share(&[]);
                // It has the state directory until its process is gone.
                self.lock.take_in_turn()?;
                other.and(Err(out_of_turn()))
            }
        }
    }

    fn offer(&self, successor: &UnixStream) -> io::Result<()> {
        let offers = self.listeners.offer()?;
        let describe = |offer: &Offer| Described {
            name: offer.name.clone(),
            address: offer.address.to_string(),
            at: offer.at.to_string(),
            sockets: offer.sockets.len(),
            lasts: offer.lasts,
        };
        let listeners = offers.iter().map(describe).collect();
        say(successor, &Answer::Sockets { listeners, admin: self.admin_address.clone() })?;
        let sockets = offers.iter().flat_map(|offer| &offer.sockets).map(AsFd::as_fd);
        send(successor, &sockets.chain([self.admin.as_fd()]).collect::<Vec<_>>())
    }
}

fn out_of_turn() -> io::Error {
    io::Error::other("it said something out of turn")
}
