//! Being asked to look at the folder or to decide about a rollout, and saying when what came of it serves.

use std::collections::VecDeque;

use tokio::sync::{mpsc, oneshot};

use super::status::Now;
use crate::content::Digest;

/// Whoever asks while so many wait is sent away.
const MOST_WAITING: usize = 16;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// A look at the folder.
    Look,
    /// That a new version serves.
    Promote(Choice),
    /// That it does not.
    Abort(Choice),
}

/// A version of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) policy: String,
    /// How the digest of its component begins, as it is written; none for the newest.
    pub(crate) digest: Option<String>,
}

/// Digits that tell a digest from others.
const SHORTEST_DIGEST: usize = 8;

/// How a digest begins, as it is written; `sha256:` may be left out. None where that is no digest, or too little of
/// one.
pub(crate) fn beginning(digest: &str) -> Option<String> {
    let digits = digest.strip_prefix("sha256:").unwrap_or(digest);
    let is_hex = digits.len() >= SHORTEST_DIGEST && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| format!("sha256:{}", digits.to_ascii_lowercase()))
}

/// What came of a wish.
#[derive(Clone)]
pub(crate) struct Fulfilled {
    /// How all stands, before anything else is looked at.
    pub(crate) now: Now,
    /// Of the component it was about, if it was about one.
    pub(crate) code: Option<Digest>,
    /// Of the one that serves now.
    pub(crate) serves: Option<Digest>,
}

impl Fulfilled {
    /// A look that was asked for.
    pub(super) fn look(now: Now) -> Self {
        Self { now, code: None, serves: None }
    }
}

/// Why a wish was not granted.
pub(crate) type Refusal = String;

/// Asks.
#[derive(Clone)]
pub(crate) struct Asker(mpsc::Sender<(Wish, Answer)>);

/// Is asked.
pub(crate) struct Asked {
    wishes: mpsc::Receiver<(Wish, Answer)>,
    /// Those that were noticed, in the order they came in.
    noticed: VecDeque<(Wish, Answer)>,
}

pub(super) type Answer = oneshot::Sender<Result<Fulfilled, Refusal>>;

pub(super) fn channel() -> (Asker, Asked) {
    let (asker, asked) = mpsc::channel(MOST_WAITING);
    (Asker(asker), Asked { wishes: asked, noticed: VecDeque::new() })
}

impl Asked {
    /// The next wish; none where nobody is left who could have one.
    pub(super) async fn next(&mut self) -> Option<(Wish, Answer)> {
        match self.noticed.pop_front() {
            Some(first) => Some(first),
            None => self.wishes.recv().await,
        }
    }

    /// Wait until there is one more, and leave it for later.
    pub(super) async fn arrival(&mut self) {
        match self.wishes.recv().await {
            Some(wish) => self.noticed.push_back(wish),
            None => std::future::pending().await,
        }
    }

    /// Notice all there are until now; says whether there is any.
    pub(super) fn notice(&mut self) -> bool {
        while let Ok(wish) = self.wishes.try_recv() {
            self.noticed.push_back(wish);
        }
        !self.noticed.is_empty()
    }

    /// Those who asked for a look and were noticed.
    pub(super) fn looks(&mut self) -> Vec<Answer> {
        let (looks, others): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.noticed).into_iter().partition(|(wish, _)| *wish == Wish::Look);
        self.noticed = others;
        looks.into_iter().map(|(_, answer)| answer).collect()
    }
}

impl Asker {
    /// Have a wish granted. Returns when that is done and every worker serves what came of it, or why it is not; none
    /// where nobody heard.
    pub(crate) async fn ask(&self, wish: Wish) -> Option<Result<Fulfilled, Refusal>> {
        let (answer, answered) = oneshot::channel();
        self.0.try_send((wish, answer)).ok()?;
        answered.await.ok()
    }
}
