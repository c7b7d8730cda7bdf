//! Looks at the folder and has what it says built; gives that up when the folder says something else meanwhile.

use std::path::Path;
use std::time::{Duration, Instant};

use super::Reloader;
use super::good::Good;
use super::settle::Settling;
use super::watch::Changes;
use crate::config::{ConfigFault, Tree};

/// Who deletes a file to write it again has done so by then.
const REPLACING: Duration = Duration::from_millis(200);
/// For so long what was overtaken is given up for what came after it. A component that is exchanged more often than it
/// can be compiled serves all the same, if later.
const PATIENCE: Duration = Duration::from_secs(120);

type Faults = Vec<ConfigFault>;
/// The folder, where it can be read.
type Folder = Result<Tree, Faults>;

impl Reloader {
    /// Look at the folder, and act if it does not say what serves. What is overtaken by a change while it is being built
    /// is given up for that. Returns how long that took.
    pub(super) async fn look(&mut self, changes: &mut Changes) -> Duration {
        let begun = Instant::now();
        self.note_differences(&self.status.now().generation);
        let (folder, good) = (self.folder.clone(), self.good.clone());
        let mut lookout = Lookout::new(changes, &folder, &good, begun);
        let mut tree = read(&folder, &good).await;
        loop {
            let overtaking = match self.serve(&tree, &good, begun, &mut lookout).await {
                Ok(overtaking) => overtaking,
                Err(faults) => break self.refuse(faults, true),
            };
            let Some(next) = overtaking else { break };
            tracing::info!("the folder changed again while it was being built: that change is built instead");
            tree = next;
        }
        self.builder.end_builds();
        self.status.set_building(None);
        begun.elapsed()
    }

    /// Have what is good of the folder serve, or say what it is by now, if that is something else before it serves.
    async fn serve(
        &mut self,
        tree: &Folder,
        good: &Good,
        begun: Instant,
        lookout: &mut Lookout<'_>,
    ) -> Result<Option<Folder>, Faults> {
        let tree = tree.as_ref().map_err(Clone::clone)?;
        let read = Settling::new(tree, good).read()?;
        tokio::select! {
            biased;
            served = self.build(read, begun, None) => served.map(|()| None),
            next = lookout.other_than(tree) => Ok(Some(next)),
        }
    }
}

/// The folder as it stands. Where something is gone it is looked at twice: whoever replaces a file by deleting it first
/// may be between the two.
pub(super) async fn read(folder: &Path, good: &Good) -> Folder {
    let mut tree = Tree::read(folder)?;
    if tree.lacks_of(&good.base) {
        tokio::time::sleep(REPLACING).await;
        tree = Tree::read(folder)?;
    }
    Ok(tree.sharing(&good.base))
}

/// Looks out for changes, on behalf of an attempt that began at some time.
pub(super) struct Lookout<'a> {
    changes: &'a mut Changes,
    folder: &'a Path,
    good: &'a Good,
    begun: Instant,
    /// Whether there was a hint, and nobody looked what is behind it.
    is_hinted: bool,
}

impl<'a> Lookout<'a> {
    pub(super) fn new(changes: &'a mut Changes, folder: &'a Path, good: &'a Good, begun: Instant) -> Self {
        Self { changes, folder, good, begun, is_hinted: false }
    }

    /// Wait until the folder is not `tree` any more and nobody writes to it; then that is what it is. Never after it
    /// was tried for long enough.
    pub(super) async fn other_than(&mut self, tree: &Tree) -> Folder {
        while self.begun.elapsed() < PATIENCE {
            self.changes.next().await;
            self.is_hinted = true;
            self.changes.settled().await;
            if self.begun.elapsed() < PATIENCE {
                let next = read(self.folder, self.good).await;
                self.is_hinted = false;
                if next.as_ref() != Ok(tree) {
                    return next;
                }
            }
        }
        std::future::pending().await
    }
}

/// No hint is lost.
impl Drop for Lookout<'_> {
    fn drop(&mut self) {
        if self.is_hinted {
            self.changes.hint();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn another_state_of_the_folder_is_noticed_and_the_same_is_not() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("gateway.toml");
        std::fs::write(&file, "one").unwrap();
        let (good, mut changes) = (Good::default(), Changes::of(root.path()));
        let tree = read(root.path(), &good).await.unwrap();
        let mut lookout = Lookout::new(&mut changes, root.path(), &good, Instant::now());
        let writing = async {
            std::fs::write(&file, "one").unwrap();
            tokio::time::sleep(super::super::SETTLE * 4).await;
            std::fs::write(&file, "two").unwrap();
        };
        let (other, ()) = tokio::join!(tokio::time::timeout(SOON, lookout.other_than(&tree)), writing);
        let other = other.unwrap().unwrap();
        assert_eq!(other.get(Path::new("gateway.toml")).unwrap().to_vec(), b"two");
    }

    #[tokio::test]
    async fn after_long_enough_nothing_is_noticed_and_no_hint_is_lost() {
        let root = tempfile::tempdir().unwrap();
        let (good, mut changes) = (Good::default(), Changes::of(root.path()));
        let tree = read(root.path(), &good).await.unwrap();
        std::fs::write(root.path().join("gateway.toml"), "new").unwrap();
        let long_ago = Instant::now() - PATIENCE;
        let mut lookout = Lookout::new(&mut changes, root.path(), &good, long_ago);
        let given_up = tokio::time::timeout(super::super::SETTLE * 4, lookout.other_than(&tree)).await;
        assert!(given_up.is_err());
        drop(lookout);
        tokio::time::timeout(SOON, changes.next()).await.expect("the hint is still there");
    }
}
