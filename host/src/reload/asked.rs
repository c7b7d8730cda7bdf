//! Being asked to look at the folder, and saying when what it says serves.

use tokio::sync::{mpsc, oneshot};

/// Whoever asks while so many wait is sent away.
const MOST_WAITING: usize = 16;

/// Asks.
#[derive(Clone)]
pub(crate) struct Asker(mpsc::Sender<oneshot::Sender<()>>);

/// Is asked.
pub(super) type Asked = mpsc::Receiver<oneshot::Sender<()>>;

pub(super) fn channel() -> (Asker, Asked) {
    let (asker, asked) = mpsc::channel(MOST_WAITING);
    (Asker(asker), asked)
}

impl Asker {
    /// Have the folder looked at. Returns when that is done and every worker serves what came of it; says whether it was done.
    pub(crate) async fn look(&self) -> bool {
        let (done, ended) = oneshot::channel();
        self.0.try_send(done).is_ok() && ended.await.is_ok()
    }
}
