//! `lockgate apply`: check a folder, put it in the place of the one a running gateway follows, all at once, and wait until it serves.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;

use super::admin::{Gateway, understood};
use super::{check, out};
use crate::config::ConfigFault;

const EXAMPLES: &str = "\
Examples:
  lockgate apply next                               check next/, have a copy of it in the place of the folder the gateway of this
                                                    machine follows, wait until all workers serve it
  lockgate apply policies.before                    and back: what was there before lies beside it
  lockgate apply v42 --state /var/lib/lockgate      where the state directory is another

Where the gateway follows a link, it leads to DIR afterwards. A folder with a fault changes nothing. What the gateway refuses when
it finds it is taken away again, and what was there before is put back. Exit status 1 where nothing changed, 4 where it is not known.";

/// When the folder is exchanged and the gateway has not said what it makes of it.
const UNKNOWN: u8 = 4;

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// What is to serve
    #[arg(value_name = "DIR")]
    next: PathBuf,
    #[command(flatten)]
    gateway: Gateway,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// What the gateway says of the folder when it has looked at it.
#[derive(Deserialize)]
struct Looked {
    generation: u64,
    faults: Vec<ConfigFault>,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let folder = args.gateway.folder()?;
    let mut exchange = Exchange::prepare(&args.next, &folder)?;
    if let Err(faults) = check::build(&exchange.next())? {
        out::faults(&args.next, &faults);
        return Ok(ExitCode::FAILURE);
    }
    let look = || -> anyhow::Result<Looked> { understood(&args.gateway.reload()?) };
    exchange.there()?;
    let looked = match look() {
        Ok(looked) => looked,
        Err(error) => {
            out::error(&format!("{error:#}"));
            out::error(&format!("{} is exchanged all the same, and {}", folder.display(), exchange.where_before_is()));
            return Ok(ExitCode::from(UNKNOWN));
        }
    };
    if !looked.faults.is_empty() {
        exchange.and_back()?;
        out::faults(&args.next, &looked.faults);
        look().context("what was there before is put back, and the gateway has not said that it serves")?;
        bail!("the gateway refuses it, and what was there before is put back");
    }
    exchange.finish()?;
    match args.json {
        true => out::line(&json!({ "generation": looked.generation }).to_string()),
        false => {
            out::line(&format!(
                "generation {} serves on all workers; {}",
                looked.generation,
                exchange.where_before_is()
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// How one folder takes the place of another at once. Nobody else applies as long as it lives.
struct Exchange {
    kind: Kind,
    /// The folder, or the link to it.
    place: PathBuf,
    _lock: File,
}

enum Kind {
    /// The folder and a copy beside it change places.
    Folder { beside: TempDir, before: PathBuf },
    /// The link leads elsewhere.
    Link { next: PathBuf, before: PathBuf },
}

impl Exchange {
    fn prepare(next: &Path, place: &Path) -> anyhow::Result<Self> {
        let next = fs::canonicalize(next).with_context(|| format!("{} cannot be used", next.display()))?;
        let cannot = || format!("{}, which the gateway follows, cannot be exchanged", place.display());
        let (parent, name) = place.parent().zip(place.file_name()).with_context(cannot)?;
        let parent = fs::canonicalize(parent).with_context(cannot)?;
        let lock = File::open(&parent).with_context(cannot)?;
        lock.try_lock().map_err(|_| anyhow!("somebody else applies a folder there; wait for that"))?;
        let place = parent.join(name);
        if fs::symlink_metadata(&place).with_context(cannot)?.is_symlink() {
            let before = fs::read_link(&place).with_context(cannot)?;
            // As it was written: trees with relative links are moved as a whole.
            let relative = next.strip_prefix(&parent).ok().filter(|_| before.is_relative()).map(Path::to_owned);
            let kind = Kind::Link { next: relative.unwrap_or(next), before };
            return Ok(Self { kind, place, _lock: lock });
        }
        if next.starts_with(&place) || place.starts_with(&next) {
            bail!("{} and {} are in each other", next.display(), place.display());
        }
        // On the same file system, so that it can be renamed.
        let beside = tempfile::Builder::new().prefix(".lockgate-apply-").tempdir_in(&parent).with_context(cannot)?;
        let copy = beside.path().join("policies");
        copy_all(&next, &copy).with_context(|| format!("{} cannot be copied", next.display()))?;
        fs::set_permissions(&copy, fs::metadata(&place)?.permissions())?;
        let before = copy.clone();
        Ok(Self { kind: Kind::Folder { beside, before }, place, _lock: lock })
    }

    /// What is to be checked.
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
            Kind::Link { next, .. } => lead(&self.place, next),
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
            Kind::Link { before, .. } => lead(&self.place, before),
        }
    }

    /// It serves: what was there before is put where people find it, in the place of what was there before that.
    fn finish(&mut self) -> anyhow::Result<()> {
        let Kind::Folder { beside, before } = &mut self.kind else { return Ok(()) };
        let mut name = self.place.as_os_str().to_owned();
        name.push(".before");
        let place = PathBuf::from(name);
        let moved = match place.symlink_metadata() {
            Ok(_) => swap(before, &place),
            Err(_) => fs::rename(&*before, &place).map_err(anyhow::Error::from),
        };
        moved.with_context(|| format!("it serves; what was there before is in {}", before.display()))?;
        beside.disable_cleanup(false);
        *before = place;
        Ok(())
    }

    fn where_before_is(&self) -> String {
        match &self.kind {
            Kind::Folder { before, .. } => format!("what was there before is in {}", before.display()),
            Kind::Link { before, .. } => format!("the link led to {} before", before.display()),
        }
    }
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

/// Copy a folder, links as links, to the disk and not only on the way there.
fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
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
