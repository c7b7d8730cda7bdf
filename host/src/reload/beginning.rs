//! What a process begins with: the folder as it stands, and what was last good of it.

use std::path::PathBuf;

use super::good::Good;
use super::inputs;
use super::keeper::Keeper;
use super::settle::Settling;
use crate::config::{Config, ConfigFault, Sources, Tree};

/// What the process begins with.
pub(crate) struct Beginning {
    pub(super) folder: PathBuf,
    /// Empty where it cannot be read.
    pub(super) tree: Tree,
    /// What served last.
    pub(super) good: Good,
    pub(super) keeper: Keeper,
    /// Why nothing of the folder counts, where that is so.
    pub(crate) refused: Option<Vec<ConfigFault>>,
    /// Whether all of it must be good to begin.
    pub(super) whole: bool,
    /// What the process is set up by.
    pub(crate) config: Config,
}

impl Beginning {
    /// The folder as it was `read`, as far as it can be, and what was last good where it cannot. Without a `keeper` all
    /// of it must be good.
    pub(crate) fn new(
        folder: PathBuf,
        read: Result<Tree, Vec<ConfigFault>>,
        keeper: Option<Keeper>,
    ) -> Result<Self, Vec<ConfigFault>> {
        let Some(keeper) = keeper else {
            let tree = read?;
            let (config, keeper) = (Config::parse(&tree)?, Keeper::new(None, &folder));
            return Ok(Self { folder, tree, good: Good::default(), keeper, refused: None, whole: true, config });
        };
        let good = keeper.read();
        let readable = read.and_then(|tree| Ok((Settling::new(&tree, &good).read()?.config, tree)));
        let (config, tree, refused) = match readable {
            Ok((config, tree)) => (config, tree, None),
            Err(faults) if good.is_empty() => return Err(faults),
            Err(faults) => {
                let past = Settling::past(&good, Vec::new()).read().map_err(|_| faults.clone())?;
                (past.config, Tree::default(), Some(faults))
            }
        };
        Ok(Self { folder, tree, good, keeper, refused, whole: false, config })
    }
}

/// What a folder says in which all is good, and the files of it that count.
pub(crate) fn read_whole(folder: &Tree) -> Result<(Config, Tree), Vec<ConfigFault>> {
    let config = Config::parse(folder)?;
    let files = inputs::used(&Sources::of(folder), &config);
    Ok((config, files))
}
