//! Being asked to look at the folder or to decide about a rollout, and saying when what came of it serves.

use tokio::sync::{mpsc, oneshot};

/// Whoever asks while so many wait is sent away.
const MOST_WAITING: usize = 16;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// A look at the folder.
    Look,
    /// That the new version of this policy serves.
    Promote(String),
    /// That it does not.
    Abort(String),
}

/// Why a wish was not granted.
pub(crate) type Refusal = String;

/// Asks.
#[derive(Clone)]
pub(crate) struct Asker(mpsc::Sender<(Wish, Answer)>);

/// Is asked.
pub(super) type Asked = mpsc::Receiver<(Wish, Answer)>;

pub(super) type Answer = oneshot::Sender<Result<(), Refusal>>;

pub(super) fn channel() -> (Asker, Asked) {
    let (asker, asked) = mpsc::channel(MOST_WAITING);
    (Asker(asker), asked)
}

impl Asker {
    /// Have a wish granted. Returns when that is done and every worker serves what came of it, or why it is not; none where nobody heard.
    pub(crate) async fn ask(&self, wish: Wish) -> Option<Result<(), Refusal>> {
        let (answer, answered) = oneshot::channel();
        self.0.try_send((wish, answer)).ok()?;
        answered.await.ok()
    }
}
