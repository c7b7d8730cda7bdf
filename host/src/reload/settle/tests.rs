//! Random folders, one after the other, beside a model of what each API ever was.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const FOLDERS: [&str; 4] = ["a", "b", "c", "d"];

/// A folder with few APIs and few paths, so that they get into each other's way.
#[derive(Debug, Clone)]
struct Written {
    gateway_is_faulty: bool,
    /// Whether the gateway's chain has the guard.
    outer: bool,
    apis: [Option<WrittenApi>; 4],
}

#[derive(Debug, Clone)]
struct WrittenApi {
    /// Of the names and of the paths; equal ones are in each other's way.
    name: u8,
    routes: BTreeMap<u8, bool>,
    fault: Fault,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    Syntax,
    Chain,
    Path,
}

fn api() -> impl Strategy<Value = Option<WrittenApi>> {
    let fault =
        prop_oneof![5 => Just(Fault::None), 1 => Just(Fault::Syntax), 1 => Just(Fault::Chain), 1 => Just(Fault::Path)];
    let routes = prop::collection::btree_map(0..6u8, any::<bool>(), 1..4);
    prop::option::weighted(
        0.8,
        (0..6u8, routes, fault).prop_map(|(name, routes, fault)| WrittenApi { name, routes, fault }),
    )
}

fn written() -> impl Strategy<Value = Written> {
    (prop::bool::weighted(0.15), any::<bool>(), [api(), api(), api(), api()])
        .prop_map(|(gateway_is_faulty, outer, apis)| Written { gateway_is_faulty, outer, apis })
}

impl Written {
    fn tree(&self) -> Tree {
        let chain = if self.outer { "chain = ['guard']\n" } else { "" };
        let nonsense = if self.gateway_is_faulty { "nonsense = 1\n" } else { "" };
        let gateway = format!(
            "{nonsense}{chain}[listen.a]\naddress = '127.0.0.1:1'\n[policy.guard]\nsource = 'builtin:headers'\n"
        );
        let apis = FOLDERS.iter().zip(&self.apis).filter_map(|(folder, api)| Some((folder, api.as_ref()?)));
        let files = apis.map(|(folder, api)| (format!("{folder}/api.toml"), api.text()));
        Tree::from_files(files.chain([("gateway.toml".to_owned(), gateway)]))
    }
}

impl WrittenApi {
    fn text(&self) -> String {
        let mut text = format!("name = 'n{}'\nversion = '1'\n", self.name);
        for (path, is_guarded) in &self.routes {
            let chain = if *is_guarded { "chain = ['guard']\n" } else { "" };
            text += &format!("[[route]]\nname = 'r{path}'\nmatch = {{ path = '/{path}' }}\nrespond = {{}}\n{chain}");
        }
        match self.fault {
            Fault::None => text,
            Fault::Syntax => text + "[[",
            Fault::Chain => format!("chain = ['absent']\n{text}"),
            Fault::Path => text.replacen("path = '/", "path = '", 1),
        }
    }

    /// Path and whether it is guarded there.
    fn served(&self) -> Served {
        self.routes.iter().map(|(path, guarded)| (format!("/{path}"), *guarded)).collect()
    }
}

/// Paths, and whether the route has the guard.
type Served = BTreeMap<String, bool>;

fn served(api: &Api) -> Served {
    api.routes.iter().map(|route| (route.matching.path.to_string(), !route.chain.is_empty())).collect()
}

/// In order: a conflict is found by the router, which is made when a generation is built.
fn settle(folder: &Tree, good: &Good) -> Result<(Good, Config, Faults), Faults> {
    let mut settling = Settling::new(folder, good);
    loop {
        let config = settling.choose()?;
        let mut first: BTreeMap<String, usize> = BTreeMap::new();
        let mut conflict = None;
        for blank in config.blanks.iter().filter(|blank| blank.is_owned) {
            first.insert(blank.matching.path.to_string(), usize::MAX);
        }
        for (place, api) in config.apis.iter().enumerate() {
            for path in served(api).into_keys() {
                let owner = *first.entry(path).or_insert(place);
                conflict = conflict.or((owner != place).then_some(place));
            }
        }
        let Some(api) = conflict.and_then(|place| config.apis.get(place)) else {
            return Ok((settling.result(&config), config, settling.all(Faults::new())));
        };
        let fault = ConfigFault {
            file: Path::new(&*api.folder).join("api.toml"),
            line: None,
            key: "route".into(),
            reason: "conflict".into(),
            advice: String::new(),
        };
        settling.replace(&api.folder, unbuilt(Some(api), vec![fault]))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_serves_was_good_together_once_and_what_was_matched_stays_matched(folders in prop::collection::vec(written(), 1..8)) {
        let mut good = Good::default();
        // What each API ever was, with the chain of the gateway then.
        let mut ever: BTreeSet<(&str, bool, Served)> = BTreeSet::new();
        let mut matched: BTreeSet<String> = BTreeSet::new();
        for folder in &folders {
            let tree = folder.tree();
            if !folder.gateway_is_faulty {
                for (name, api) in FOLDERS.iter().zip(&folder.apis) {
                    ever.extend(api.iter().filter(|api| api.fault == Fault::None).map(|api| (*name, folder.outer, api.served())));
                }
            }
            let Ok((next, config, faults)) = settle(&tree, &good) else {
                // Nothing moves for a faulty gateway.toml, and nothing begins without knowing what is matched.
                let unknown = |api: &&WrittenApi| matches!(api.fault, Fault::Syntax | Fault::Path);
                prop_assert!(folder.gateway_is_faulty || good.is_empty() && folder.apis.iter().flatten().any(|api| unknown(&api)));
                continue;
            };
            prop_assert!(!folder.gateway_is_faulty);
            for api in &config.apis {
                let was = (FOLDERS.into_iter().find(|it| **it == *api.folder).unwrap(), !config.outer(api).is_empty(), served(api));
                prop_assert!(ever.contains(&was), "{was:?} never was, {ever:?}");
            }
            let now: BTreeSet<_> = config.apis.iter().flat_map(|api| served(api).into_keys()).collect();
            let blank: BTreeSet<_> = config.blanks.iter().map(|blank| blank.matching.path.to_string()).collect();
            prop_assert!(now.is_disjoint(&blank));
            match faults.is_empty() {
                true => {
                    let strict = Config::parse(&tree).unwrap();
                    let mut apis = config.apis.clone();
                    apis.sort_by(|one, other| one.folder.cmp(&other.folder));
                    prop_assert_eq!(&strict.apis, &apis, "without a fault all is as the folder says");
                    prop_assert!(blank.is_empty());
                    matched.clear();
                }
                false => {
                    let lost: Vec<_> = matched.iter().filter(|path| !now.contains(*path) && !blank.contains(*path)).collect();
                    prop_assert!(lost.is_empty(), "{lost:?} fall to others");
                }
            }
            matched.extend(now);
            // What is good by itself, and in nobody's way, is served as it stands.
            for (name, api) in FOLDERS.iter().zip(&folder.apis) {
                let Some(api) = api.as_ref().filter(|api| api.fault == Fault::None) else { continue };
                let served_by = |path: &String| config.apis.iter().filter(|it| served(it).contains_key(path) && *it.folder != **name).count();
                let is_free = api.served().keys().all(|path| served_by(path) == 0)
                    && config.apis.iter().all(|it| it.name != format!("n{}", api.name) || *it.folder == **name);
                let stands = config.apis.iter().any(|it| *it.folder == **name && it.held.is_none());
                let had = |it: &Option<WrittenApi>| it.as_ref().is_some_and(|it| it.name == api.name || it.routes.keys().any(|path| api.routes.contains_key(path)));
                let is_contested = folder.apis.iter().zip(FOLDERS).any(|(it, other)| other != *name && had(it));
                prop_assert!(stands || !is_free || is_contested, "{name} does not serve as it stands");
            }
            // Written and read it is the same.
            let state = tempfile::tempdir().unwrap();
            let mut keeper = super::super::keeper::Keeper::new(Some(state.path()), Path::new("policies"));
            keeper.write(&next);
            prop_assert_eq!(keeper.read().files(), next.files());
            prop_assert_eq!(keeper.read().blanks, next.blanks.clone());
            // Who was refused for another that was refused after all serves by the next look; what serves as it stands
            // goes on so.
            let standing = |good: &Good| good.apis.len() - good.held.len();
            let mut looks = vec![next];
            while looks.len() <= FOLDERS.len() {
                let again = settle(&tree, looks.last().unwrap()).unwrap().0;
                prop_assert!(standing(&again) >= standing(looks.last().unwrap()));
                looks.push(again);
            }
            let last: Vec<_> = looks.iter().rev().take(2).map(|good| (good.files(), good.blanks.clone())).collect();
            prop_assert_eq!(&last[0], &last[1], "looking again and again changes nothing");
            good = looks.remove(0);
        }
    }
}
