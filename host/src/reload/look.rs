//! Looks at the folder and has what it says built; gives that up when the folder says something else meanwhile.

use std::path::Path;
use std::time::{Duration, Instant};

use super::Reloader;
use super::asked::{Asked, Fulfilled};
use super::good::Good;
use super::settle::Settling;
use super::status::Now;
use super::watch::Changes;
use crate::config::{ConfigFault, Tree};

/// Who deletes a file to write it again has done so by then.
const REPLACING: Duration = Duration::from_millis(200);
/// For so long what was overtaken is given up for what came after it. A component that is exchanged more often than it
/// can be compiled serves all the same, if later.
const PATIENCE: Duration = Duration::from_secs(120);

type Faults = Vec<ConfigFault>;

/// The ways to hear that the folder is to be looked at.
pub(super) struct Occasions {
    pub(super) changes: Changes,
    pub(super) asked: Asked,
}

impl Occasions {
    /// Who asked for a look before the folder was read last has it.
    fn answer(&mut self, now: &Now) {
        for done in self.asked.looks() {
            // Whoever asked may have given up waiting.
            let _ = done.send(Ok(Fulfilled::look(now.clone())));
        }
    }
}

impl Reloader {
    /// Look at the folder, and act if it does not say what serves. What is overtaken by a change while it is being built
    /// is given up for that, unless somebody waits to hear what came of it. Returns how long the last attempt took.
    pub(super) async fn look(&mut self, occasions: &mut Occasions, is_asked: bool) -> Duration {
        self.note_differences(&self.status.now().generation);
        let (folder, good) = (self.folder.clone(), self.good.clone());
        let mut lookout = Lookout::new(occasions, &folder, &good, is_asked);
        let mut begun = Instant::now();
        let mut seen = read_folder(&folder, &good).await;
        loop {
            match self.build_unless_overtaken(&seen, &good, begun, &mut lookout).await {
                Ok(Some(overtaking)) => (seen, begun) = (overtaking, Instant::now()),
                Ok(None) => break,
                Err(faults) => {
                    self.refuse(faults, true);
                    break;
                }
            }
            tracing::info!("the folder changed again before this was built: what it says now counts instead");
        }
        self.builder.end_builds();
        drop(lookout);
        occasions.answer(&self.status.now());
        begun.elapsed()
    }

    /// Have what is good of the folder serve, or say what the folder is by now, if that is something else before it is
    /// built.
    async fn build_unless_overtaken(
        &mut self,
        seen: &Result<Tree, Faults>,
        good: &Good,
        begun: Instant,
        lookout: &mut Lookout<'_>,
    ) -> Result<Option<Result<Tree, Faults>>, Faults> {
        let tree = seen.as_ref().map_err(Clone::clone)?;
        let read = Settling::new(tree, good).read()?;
        let listeners = self.listeners.clone();
        let _turn = listeners.turn().await;
        let built = tokio::select! {
            biased;
            built = self.build(read, None) => built?,
            overtaking = lookout.other_than(tree) => return Ok(Some(overtaking)),
        };
        // From here on nothing is given up half-way.
        self.put_into_service(built, begun, None).await;
        Ok(None)
    }
}

/// The folder as it stands. Where something is gone it is looked at twice: whoever replaces a file by deleting it first
/// may be between the two.
pub(super) async fn read_folder(folder: &Path, good: &Good) -> Result<Tree, Faults> {
    let mut tree = Tree::read(folder)?;
    if tree.lacks_of(&good.base) {
        tokio::time::sleep(REPLACING).await;
        tree = Tree::read(folder)?;
    }
    Ok(tree.sharing(&good.base))
}

/// Looks out for changes on behalf of attempts that are made one after the other.
struct Lookout<'a> {
    occasions: &'a mut Occasions,
    folder: &'a Path,
    good: &'a Good,
    /// Since when one attempt after the other was given up.
    overtaken: Option<Instant>,
    /// Whether somebody waits to hear what comes of the folder as it was read last.
    is_asked: bool,
    /// Whether there was a hint, and nobody looked what is behind it.
    is_hinted: bool,
}

impl<'a> Lookout<'a> {
    fn new(occasions: &'a mut Occasions, folder: &'a Path, good: &'a Good, is_asked: bool) -> Self {
        let is_asked = occasions.asked.notice() || is_asked;
        Self { occasions, folder, good, overtaken: None, is_asked, is_hinted: false }
    }

    /// Wait until the folder is not `tree` any more and nobody writes to it; then that is what it is. Never after
    /// somebody asked what comes of it, or when that was tried for long enough.
    async fn other_than(&mut self, tree: &Tree) -> Result<Tree, Faults> {
        while !self.is_asked && self.overtaken.is_none_or(|since| since.elapsed() < PATIENCE) {
            let Occasions { changes, asked } = &mut *self.occasions;
            tokio::select! {
                () = changes.next() => {
                    self.is_hinted = true;
                    changes.settled().await;
                }
                () = asked.arrival() => {}
            }
            self.is_asked = asked.notice();
            let seen = read_folder(self.folder, self.good).await;
            self.is_hinted = false;
            if seen.as_ref() != Ok(tree) {
                self.overtaken.get_or_insert_with(Instant::now);
                return seen;
            }
        }
        std::future::pending().await
    }
}

/// No hint is lost.
impl Drop for Lookout<'_> {
    fn drop(&mut self) {
        if self.is_hinted {
            self.occasions.changes.hint();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::asked::{self, Asker, Wish};
    use super::*;

    const SOON: Duration = Duration::from_secs(30);
    /// Longer than it takes to notice a change, shorter than who writes is waited for.
    const A_MOMENT: Duration = Duration::from_millis(300);

    fn occasions(folder: &Path) -> (Occasions, Asker) {
        let (asker, asked) = asked::channel();
        (Occasions { changes: Changes::of(folder), asked }, asker)
    }

    async fn soon<T>(future: impl Future<Output = T>) -> T {
        tokio::time::timeout(SOON, future).await.expect("waited in vain")
    }

    async fn is_still_waiting<T>(future: impl Future<Output = T>) -> bool {
        tokio::time::timeout(A_MOMENT, future).await.is_err()
    }

    #[tokio::test]
    async fn another_state_of_the_folder_is_noticed_and_the_same_is_not() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("gateway.toml");
        std::fs::write(&file, "one").unwrap();
        let (good, (mut occasions, _asker)) = (Good::default(), occasions(root.path()));
        let tree = read_folder(root.path(), &good).await.unwrap();
        let mut lookout = Lookout::new(&mut occasions, root.path(), &good, false);
        std::fs::write(&file, "one").unwrap();
        assert!(is_still_waiting(lookout.other_than(&tree)).await);
        std::fs::write(&file, "two").unwrap();
        let other = soon(lookout.other_than(&tree)).await.unwrap();
        assert_eq!(other.get(Path::new("gateway.toml")).unwrap().to_vec(), b"two");
    }

    #[tokio::test]
    async fn a_hint_is_not_lost_where_nobody_looked_what_is_behind_it() {
        let root = tempfile::tempdir().unwrap();
        let (good, (mut occasions, _asker)) = (Good::default(), occasions(root.path()));
        let tree = read_folder(root.path(), &good).await.unwrap();
        // While it is open, whoever looks out waits for more.
        let mut open = std::fs::File::create(root.path().join("gateway.toml")).unwrap();
        open.write_all(b"new").unwrap();
        let mut lookout = Lookout::new(&mut occasions, root.path(), &good, false);
        assert!(is_still_waiting(lookout.other_than(&tree)).await);
        assert!(lookout.is_hinted);
        drop(lookout);
        soon(occasions.changes.next()).await;
    }

    #[tokio::test]
    async fn after_long_enough_or_when_somebody_asked_nothing_overtakes() {
        let root = tempfile::tempdir().unwrap();
        let (good, (mut occasions, _asker)) = (Good::default(), occasions(root.path()));
        let tree = read_folder(root.path(), &good).await.unwrap();
        std::fs::write(root.path().join("gateway.toml"), "new").unwrap();
        let mut lookout = Lookout::new(&mut occasions, root.path(), &good, true);
        assert!(is_still_waiting(lookout.other_than(&tree)).await);
        lookout.is_asked = false;
        lookout.overtaken = Instant::now().checked_sub(PATIENCE);
        assert!(is_still_waiting(lookout.other_than(&tree)).await);
        lookout.overtaken = None;
        soon(lookout.other_than(&tree)).await.unwrap();
    }

    #[tokio::test]
    async fn who_asks_meanwhile_is_told_of_the_folder_as_it_is_then() {
        let root = tempfile::tempdir().unwrap();
        let (good, (mut occasions, asker)) = (Good::default(), occasions(root.path()));
        let tree = read_folder(root.path(), &good).await.unwrap();
        let mut lookout = Lookout::new(&mut occasions, root.path(), &good, false);
        std::fs::write(root.path().join("gateway.toml"), "new").unwrap();
        let wait = async {
            let seen = soon(lookout.other_than(&tree)).await.unwrap();
            std::fs::write(root.path().join("gateway.toml"), "newer").unwrap();
            assert!(is_still_waiting(lookout.other_than(&seen)).await);
            let (wish, answer) = soon(lookout.occasions.asked.next()).await.unwrap();
            assert_eq!(wish, Wish::Look);
            drop(answer);
        };
        let (answer, ()) = tokio::join!(asker.ask(Wish::Look), wait);
        assert!(answer.is_none());
    }
}
