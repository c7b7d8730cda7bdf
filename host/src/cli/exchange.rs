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
    /// What was put there, as it was then.
    applied: Option<Tree>,
    _lock: File,
}

enum Kind {
    /// The folder and a copy beside it change places.
    Folder {
        beside: TempDir,
        before: PathBuf,
        /// It is made of a record, which has nothing but what the gateway reads.
        is_record: bool,
        /// What there is to say of where things are now.
        notes: Vec<String>,
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
            return Ok(Self { kind, place, applied: None, _lock: lock });
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
        Ok(Self {
            kind: Kind::Folder { beside, before, is_record, notes: Vec::new() },
            place,
            applied: None,
            _lock: lock,
        })
    }

    /// Check it, put it there, and wait until every worker of the gateway serves it. `what` it is is for who reads of
    /// faults.
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
        if !looked.faults.is_empty() && !self.is_untouched() {
            // Somebody is at work there: to put back what was before would undo that.
            out::faults(&self.place, &looked.faults);
            self.put_aside();
            let (place, before) = (self.place.display(), self.where_before_is());
            out::error(&format!(
                "the gateway refuses it, but somebody else has changed {place} meanwhile: it is left as it is, and {before}"
            ));
            return Ok(Outcome::Not(ExitCode::from(UNKNOWN)));
        }
        if !looked.faults.is_empty() {
            self.and_back()?;
            out::faults(what, &looked.faults);
            look().context("what was there before is put back, and the gateway has not said that it serves")?;
            bail!("the gateway refuses it, and what was there before is put back");
        }
        self.put_aside();
        let Looked { generation, shadowed, .. } = looked;
        let mut about = self.where_before_is();
        if !shadowed.is_empty() {
            let names = shadowed.join(", ");
            about = format!("{about}; new components run in the shadow of those that serve: {}", out::plain(&names));
        }
        Ok(Outcome::Serves { generation, shadowed, about })
    }

    /// What the gateway is to be told of it, if there is nothing wrong with it.
    fn check(&mut self, why: Why) -> anyhow::Result<Result<Announcement, Vec<ConfigFault>>> {
        let read = Tree::read(&self.next()).and_then(|tree| Ok((reload::read_whole(&tree)?, tree)));
        let ((config, files), tree) = match read {
            Ok(read) => read,
            Err(faults) => return Ok(Err(faults)),
        };
        self.applied = Some(tree);
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
            }
            Kind::Link { next, made, .. } => {
                lead(&self.place, next)?;
                made.iter_mut().for_each(|made| made.disable_cleanup(true));
            }
        }
        Ok(())
    }

    /// Whether what was put there is there as it was.
    fn is_untouched(&self) -> bool {
        Tree::read(&self.place).is_ok_and(|tree| self.applied.as_ref() == Some(&tree))
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

    /// It serves: what was there before is put where people find it. What is there already goes where nothing is,
    /// unless it was put there by this and has nothing that is not elsewhere too. Where something of that cannot be
    /// done nothing is lost, and who asked is told.
    fn put_aside(&mut self) {
        let Kind::Folder { beside, before, is_record, notes } = &mut self.kind else { return };
        if *is_record && let Err(error) = take_along(before, &self.place) {
            notes.push(format!("hidden entries are still with it: {error}"));
        }
        let place = beside_of(&self.place, "before");
        if place.symlink_metadata().is_ok() {
            match clear(&place, &[before, &self.place]) {
                Ok(None) => {}
                Ok(Some(moved)) => notes.push(format!("what was there is in {}", moved.display())),
                Err(error) => return notes.push(format!("{} is in the way: {error}", place.display())),
            }
        }
        if let Err(error) = fs::rename(&*before, &place) {
            return notes.push(format!("it cannot be moved to {}: {error}", place.display()));
        }
        // Without the mark it is never removed, which loses nothing.
        let _ = File::create_new(place.join(MARK));
        beside.disable_cleanup(false);
        *before = place;
    }

    fn where_before_is(&self) -> String {
        match &self.kind {
            Kind::Folder { before, notes, .. } => {
                let place = format!("what was there before is in {}", before.display());
                notes.iter().fold(place, |said, note| format!("{said}, and {note}"))
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

/// Move hidden entries, which the gateway never reads, from one folder to another that does not have them: `.git` stays
/// with the folder it is about.
fn take_along(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        let (there, is_hidden) = (to.join(&name), name.as_encoded_bytes().starts_with(b"."));
        if is_hidden && name != MARK && there.symlink_metadata().is_err() {
            fs::rename(from.join(&name), there)?;
        }
    }
    Ok(())
}

/// Make room where a folder is that was put aside before: remove it, or move it to where it says, if it has anything
/// that is not elsewhere too.
fn clear(place: &Path, others: &[&Path]) -> io::Result<Option<PathBuf>> {
    let is_marked = place.join(MARK).symlink_metadata().is_ok_and(|mark| mark.is_file());
    if is_marked && place.symlink_metadata()?.is_dir() {
        // What a gateway was made from is on record.
        let recorded = Tree::read(place).and_then(|tree| reload::read_whole(&tree));
        let recorded = recorded.map(|(_, files)| files).unwrap_or_default();
        if !has_more(place, Path::new(""), &recorded, others).unwrap_or(true) {
            return fs::remove_dir_all(place).map(|()| None);
        }
    }
    let base = place.as_os_str().to_owned();
    let numbered = (1_u32..).map(|number| {
        let mut name = base.clone();
        name.push(format!("-{number}"));
        PathBuf::from(name)
    });
    for free in numbered {
        if free.symlink_metadata().is_err() {
            return fs::rename(place, &free).map(|()| Some(free));
        }
    }
    Err(io::Error::other("there are too many like it"))
}

/// Whether a folder has something at `below` that is neither on record nor the same in another folder.
fn has_more(folder: &Path, below: &Path, recorded: &Tree, others: &[&Path]) -> io::Result<bool> {
    for entry in fs::read_dir(folder.join(below))? {
        let (entry, kind) = entry.and_then(|entry| Ok((below.join(entry.file_name()), entry.file_type()?)))?;
        let (own, others_own) = (folder.join(&entry), others.iter().map(|other| other.join(&entry)));
        let is_elsewhere = if kind.is_dir() {
            !has_more(folder, &entry, recorded, others)?
        } else if kind.is_symlink() {
            let to = fs::read_link(&own)?;
            others_own.map(fs::read_link).any(|it| it.is_ok_and(|it| it == to))
        } else {
            let is_known = entry == Path::new(MARK) || recorded.get(&entry).is_some();
            is_known || others_own.into_iter().any(|other| are_same(&own, &other))
        };
        if !is_elsewhere {
            return Ok(true);
        }
    }
    Ok(false)
}

fn are_same(one: &Path, other: &Path) -> bool {
    let length = |path: &Path| path.symlink_metadata().ok().filter(fs::Metadata::is_file).map(|it| it.len());
    let is_likely = length(one).is_some() && length(one) == length(other);
    is_likely && fs::read(one).is_ok_and(|bytes| fs::read(other).is_ok_and(|others| others == bytes))
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
