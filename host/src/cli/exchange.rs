//! How a folder comes to serve in the place of the one a running gateway follows: checked, all at once, and taken back where the gateway refuses it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::Deserialize;
use tempfile::TempDir;

use super::admin::{Gateway, understood};
use super::{check, out};
use crate::config::{ConfigFault, Tree};
use crate::record::{Announcement, Manifest, Why};
use crate::reload;

/// When the folder is exchanged and the gateway has not said what it makes of it.
const UNKNOWN: u8 = 4;

/// In a folder that was put aside here, and that whoever puts the next one aside may remove.
const MARK: &str = ".put-aside-by-lockgate";

/// What is to serve.
pub(super) enum Next<'a> {
    /// A copy of a folder; where a link is followed, the folder itself.
    Folder(&'a Path),
    /// These files; where a link is followed, in a folder beside it that is made of them and has this in its name.
    Files(&'a Tree, &'a str),
}

/// What came of it.
pub(super) enum Outcome {
    Serves {
        generation: u64,
        /// Policies of which new components run in the shadow of those that serve.
        shadowed: Vec<String>,
        /// That, and where what was there before is, for people.
        about: String,
    },
    /// What went wrong is said, and this is the exit status.
    Not(ExitCode),
}

/// What the gateway says of the folder when it has looked at it.
#[derive(Deserialize)]
struct Looked {
    generation: u64,
    faults: Vec<ConfigFault>,
    shadowed: Vec<String>,
}

/// How one folder takes the place of another at once. Nobody else applies as long as it lives.
pub(super) struct Exchange {
    kind: Kind,
    /// The folder, or the link to it.
    place: PathBuf,
    _lock: File,
}

enum Kind {
    /// The folder and a copy beside it change places.
    Folder {
        beside: TempDir,
        before: PathBuf,
        /// It is made of a record, which has nothing but what the gateway reads.
        is_record: bool,
        /// Where that is now which was in the way of what was there before.
        older: Option<PathBuf>,
    },
    /// The link leads elsewhere, perhaps to what was made for it.
    Link { next: PathBuf, before: PathBuf, made: Option<TempDir> },
}

impl Exchange {
    pub(super) fn prepare(next: &Next<'_>, place: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("{}, which the gateway follows, cannot be exchanged", place.display());
        let (parent, name) = place.parent().zip(place.file_name()).with_context(cannot)?;
        let parent = fs::canonicalize(parent).with_context(cannot)?;
        let lock = File::open(&parent).with_context(cannot)?;
        lock.try_lock().map_err(|_| anyhow!("somebody else applies a folder there; wait for that"))?;
        let place = parent.join(name);
        if fs::symlink_metadata(&place).with_context(cannot)?.is_symlink() {
            let before = fs::read_link(&place).with_context(cannot)?;
            let (next, made) = match next {
                Next::Folder(next) => (found(next)?, None),
                Next::Files(files, mark) => {
                    let prefix = format!("{}.{mark}-", name.display());
                    let made = tempfile::Builder::new().prefix(&prefix).tempdir_in(&parent).with_context(cannot)?;
                    write_all(files, made.path()).with_context(cannot)?;
                    fs::set_permissions(made.path(), fs::metadata(&place).with_context(cannot)?.permissions())?;
                    (made.path().to_owned(), Some(made))
                }
            };
            // As it was written: trees with relative links are moved as a whole.
            let relative = next.strip_prefix(&parent).ok().filter(|_| before.is_relative()).map(Path::to_owned);
            let kind = Kind::Link { next: relative.unwrap_or(next), before, made };
            return Ok(Self { kind, place, _lock: lock });
        }
        // On the same file system, so that it can be renamed.
        let beside = tempfile::Builder::new().prefix(".lockgate-apply-").tempdir_in(&parent).with_context(cannot)?;
        let copy = beside.path().join("policies");
        match next {
            Next::Folder(next) => {
                let next = found(next)?;
                if next.starts_with(&place) || place.starts_with(&next) {
                    bail!("{} and {} are in each other", next.display(), place.display());
                }
                copy_all(&next, &copy).with_context(|| format!("{} cannot be copied", next.display()))?;
            }
            Next::Files(files, _) => {
                fs::create_dir(&copy).and_then(|()| write_all(files, &copy)).with_context(cannot)?;
            }
        }
        fs::set_permissions(&copy, fs::metadata(&place)?.permissions())?;
        let (before, is_record) = (copy.clone(), matches!(next, Next::Files(..)));
        Ok(Self { kind: Kind::Folder { beside, before, is_record, older: None }, place, _lock: lock })
    }

    /// Check it, put it there, and wait until every worker of the gateway serves it. `what` it is is for who reads of faults.
    pub(super) fn take_effect(mut self, gateway: &Gateway, why: Why, what: &Path) -> anyhow::Result<Outcome> {
        let announcement = match self.check(why)? {
            Ok(announcement) => announcement,
            Err(faults) => {
                out::faults(what, &faults);
                return Ok(Outcome::Not(ExitCode::FAILURE));
            }
        };
        let look = || -> anyhow::Result<Looked> { understood(&gateway.reload()?) };
        gateway.announce(&announcement)?;
        self.there()?;
        let looked = match look() {
            Ok(looked) => looked,
            Err(error) => {
                out::error(&format!("{error:#}"));
                let (place, before) = (self.place.display(), self.where_before_is());
                out::error(&format!("{place} is exchanged all the same, and {before}"));
                return Ok(Outcome::Not(ExitCode::from(UNKNOWN)));
            }
        };
        if !looked.faults.is_empty() {
            self.and_back()?;
            out::faults(what, &looked.faults);
            look().context("what was there before is put back, and the gateway has not said that it serves")?;
            bail!("the gateway refuses it, and what was there before is put back");
        }
        self.finish()?;
        let Looked { generation, shadowed, .. } = looked;
        let mut about = self.where_before_is();
        if !shadowed.is_empty() {
            let names = shadowed.join(", ");
            about = format!("{about}; new components run in the shadow of those that serve: {}", out::plain(&names));
        }
        Ok(Outcome::Serves { generation, shadowed, about })
    }

    /// What the gateway is to be told of it, if there is nothing wrong with it.
    fn check(&self, why: Why) -> anyhow::Result<Result<Announcement, Vec<ConfigFault>>> {
        let (config, files) = match Tree::read(&self.next()).and_then(|tree| reload::read_whole(&tree)) {
            Ok(read) => read,
            Err(faults) => return Ok(Err(faults)),
        };
        let contents = Manifest::of(&files).digest();
        Ok(check::build_config(config)?.map(|_| Announcement { why, contents }))
    }

    fn next(&self) -> PathBuf {
        match &self.kind {
            Kind::Folder { beside, .. } => beside.path().join("policies"),
            Kind::Link { next, .. } => self.place.with_file_name("").join(next),
        }
    }

    fn there(&mut self) -> anyhow::Result<()> {
        let next = self.next();
        match &mut self.kind {
            Kind::Folder { beside, .. } => {
                swap(&next, &self.place)?;
                // From now on it is the only copy of what was there before.
                beside.disable_cleanup(true);
                Ok(())
            }
            Kind::Link { next, made, .. } => {
                lead(&self.place, next)?;
                made.iter_mut().for_each(|made| made.disable_cleanup(true));
                Ok(())
            }
        }
    }

    fn and_back(&mut self) -> anyhow::Result<()> {
        let next = self.next();
        match &mut self.kind {
            Kind::Folder { beside, .. } => {
                swap(&next, &self.place)?;
                beside.disable_cleanup(false);
                Ok(())
            }
            Kind::Link { before, made, .. } => {
                lead(&self.place, before)?;
                made.iter_mut().for_each(|made| made.disable_cleanup(false));
                Ok(())
            }
        }
    }

    /// It serves: what was there before is put where people find it. What is there already goes where nothing is, unless it was put there by this and holds
    /// no file that is not in one of the newer ones too: whatever the gateway does not read is on no record.
    fn finish(&mut self) -> anyhow::Result<()> {
        let Kind::Folder { beside, before, is_record, older } = &mut self.kind else { return Ok(()) };
        if *is_record {
            take_along(before, &self.place)?;
        }
        let place = beside_of(&self.place, "before");
        let misplaced = || format!("it serves; what was there before is in {}", before.display());
        if place.symlink_metadata().is_ok() {
            if place.join(MARK).exists() && !has_more(&place, &[before, &self.place]).with_context(misplaced)? {
                fs::remove_dir_all(&place).with_context(misplaced)?;
            } else {
                let free = (1..).map(|n| beside_of(&self.place, &format!("before-{n}")));
                let free = free.into_iter().find(|path| path.symlink_metadata().is_err()).with_context(misplaced)?;
                fs::rename(&place, &free).with_context(misplaced)?;
                *older = Some(free);
            }
        }
        fs::rename(&*before, &place).with_context(misplaced)?;
        File::create(place.join(MARK)).with_context(|| format!("{} cannot be marked", place.display()))?;
        beside.disable_cleanup(false);
        *before = place;
        Ok(())
    }

    fn where_before_is(&self) -> String {
        match &self.kind {
            Kind::Folder { before, older, .. } => {
                let older = older.as_ref().map(|older| format!(", and what was there is in {}", older.display()));
                format!("what was there before is in {}{}", before.display(), older.unwrap_or_default())
            }
            Kind::Link { before, .. } => format!("the link led to {} before", before.display()),
        }
    }
}

fn found(next: &Path) -> anyhow::Result<PathBuf> {
    fs::canonicalize(next).with_context(|| format!("{} cannot be used", next.display()))
}

fn swap(one: &Path, other: &Path) -> anyhow::Result<()> {
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)
        .with_context(|| format!("{} cannot be exchanged; is it a mount point?", other.display()))
}

/// Make a link lead elsewhere, without a moment in which it leads nowhere.
fn lead(link: &Path, to: &Path) -> anyhow::Result<()> {
    let parent = link.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = tempfile::Builder::new().prefix(".lockgate-apply-").tempdir_in(parent);
    let renamed = beside.and_then(|beside| {
        let new = beside.path().join("link");
        symlink(to, &new)?;
        fs::rename(new, link)
    });
    renamed.with_context(|| format!("{} cannot be led elsewhere", link.display()))
}

/// `policies.before`, say, beside `policies`.
fn beside_of(place: &Path, what: &str) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    name.into()
}

/// Move hidden entries, which the gateway never reads, from one folder to another that does not have them: `.git` stays with the folder it is about.
fn take_along(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        let (there, is_hidden) = (to.join(&name), name.as_encoded_bytes().starts_with(b"."));
        if is_hidden && name != MARK && there.symlink_metadata().is_err() {
            fs::rename(from.join(&name), there)?;
        }
    }
    Ok(())
}

/// Whether a folder has something by a name that none of the others has.
fn has_more(folder: &Path, others: &[&Path]) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let others: Vec<_> = others.iter().map(|other| other.join(&name)).collect();
        let others: Vec<_> = others.iter().map(PathBuf::as_path).filter(|it| it.symlink_metadata().is_ok()).collect();
        let is_missing = others.is_empty() && name != MARK;
        if is_missing || (entry.file_type()?.is_dir() && has_more(&entry.path(), &others)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Copy a folder, links as links, to the disk and not only on the way there.
fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if entry.file_name() == MARK {
            continue;
        }
        if kind.is_symlink() {
            symlink(fs::read_link(entry.path())?, target)?;
        } else if kind.is_dir() {
            copy_all(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &target)?;
            File::open(&target)?.sync_all()?;
        }
    }
    File::open(to)?.sync_all()
}

/// Write files into a folder that is there, to the disk and not only on the way there.
fn write_all(files: &Tree, to: &Path) -> io::Result<()> {
    let mut folders = BTreeSet::from([to.to_owned()]);
    for (path, bytes) in files.files() {
        let target = to.join(path);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
            folders.extend(folder.ancestors().take_while(|above| above.starts_with(to)).map(Path::to_owned));
        }
        let mut file = File::create_new(&target)?;
        file.write_all(bytes)?;
        file.sync_all()?;
    }
    folders.iter().try_for_each(|folder| File::open(folder)?.sync_all())
}
