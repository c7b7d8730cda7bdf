//! The policies folder that is made for one policy: one listener, one API, one chain with nothing else in it.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::Value;
use toml::{Table, toml};

use crate::config::nearest;

/// What policies are told their API and their route are called.
const API: &str = "try";
/// Sections of a `gateway.toml` that a policy may need besides its own.
const SECTIONS: [&str; 5] = ["egress", "keys", "secret", "store", "tls"];

/// A folder in a place of its own, removed with this.
#[derive(Debug)]
pub(crate) struct Stage(tempfile::TempDir);

/// What is on it.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Of the policy: letters, digits, `_` and `-`.
    pub(crate) name: String,
    pub(crate) code: Code,
    pub(crate) config: Value,
    pub(crate) terms: Terms,
    pub(crate) leads: Leads,
    /// It is asked in the place of an upstream.
    pub(crate) responder: bool,
}

/// Where the component comes from.
#[derive(Clone, Debug)]
pub(crate) enum Code {
    Builtin(&'static str),
    Bytes(Vec<u8>),
}

/// Where requests go.
#[derive(Clone, Debug)]
pub(crate) enum Leads {
    /// Nowhere, by routes of these patterns besides the one for all.
    Offline(Vec<String>),
    Upstream {
        url: String,
        listen: SocketAddr,
    },
}

/// What a policy is granted and what there is for it, in the words of `gateway.toml`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Terms {
    /// `[policy.NAME]`, but for what its component is.
    policy: Table,
    sections: Table,
    /// Files that are named there, by their path from `gateway.toml`.
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Terms {
    /// From a `gateway.toml`, or a piece of one: what it says of this policy, or of the only one, and what that may name.
    pub(crate) fn read(file: &Path, name: &str) -> anyhow::Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let all: Table = text.parse().with_context(|| format!("{} is no TOML", file.display()))?;
        let policies = all.get("policy").and_then(toml::Value::as_table).cloned().unwrap_or_default();
        let only = policies.iter().next().filter(|_| policies.len() == 1);
        let policy = policies.get_key_value(name).or(only).and_then(|(_, policy)| policy.as_table());
        let Some(mut policy) = policy.cloned() else {
            let known = nearest(name, policies.keys().map(String::as_str));
            let advice =
                known.map_or_else(|| format!("write [policy.{name}]"), |known| format!("is it [policy.{known}]?"));
            bail!("{} says nothing of `{name}`; {advice}", file.display());
        };
        policy.retain(|key, _| !["source", "digest"].contains(&key));
        let sections: Table = all.into_iter().filter(|(key, _)| SECTIONS.contains(&key.as_str())).collect();
        let files = named(&sections, file.parent().unwrap_or(Path::new("")))?;
        Ok(Self { policy, sections, files })
    }

    /// Grants in place of those that are there.
    pub(crate) fn grant(&mut self, words: &[String]) {
        let words: Vec<_> = words.iter().map(|word| toml::Value::from(word.as_str())).collect();
        self.policy.insert("grant".to_owned(), words.into());
    }

    /// Whether it is said what is granted.
    pub(crate) fn grants(&self) -> bool {
        self.policy.contains_key("grant")
    }

    /// Let there be a service of this name that is never reached by the network.
    pub(crate) fn imagine_service(&mut self, name: &str) {
        let services = self.sections.entry("egress").or_insert_with(|| Table::new().into());
        let imagined = toml! {
            url = "http://localhost:9"
            paths = ["/*"]
            methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
            private_ips = true
        };
        if let Some(services) = services.as_table_mut() {
            services.entry(name).or_insert_with(|| imagined.into());
        }
    }
}

/// The files that values such as `file:keys.json` name. Others are told of as missing by whoever reads the folder.
fn named(sections: &Table, folder: &Path) -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
    let (mut open, mut files): (Vec<_>, Vec<_>) = (sections.values().collect(), Vec::new());
    while let Some(value) = open.pop() {
        match value {
            toml::Value::Table(table) => open.extend(table.values()),
            toml::Value::Array(items) => open.extend(items),
            toml::Value::String(text) => {
                let Some(path) = text.strip_prefix("file:").map(Path::new) else { continue };
                let stays = path.components().all(|part| matches!(part, Component::Normal(_)));
                if stays && folder.join(path).is_file() {
                    let bytes = fs::read(folder.join(path)).with_context(|| format!("{text} cannot be read"))?;
                    files.push((path.to_owned(), bytes));
                }
            }
            _ => {}
        }
    }
    Ok(files)
}

impl Stage {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self(tempfile::Builder::new().prefix("lockgate-").tempdir().context("there is no room for a folder")?))
    }

    /// The policies folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.0.path().join("policies")
    }

    /// Where state and compiled code can be kept as long as this.
    pub(crate) fn state(&self) -> PathBuf {
        self.0.path().join("state")
    }

    /// Put a setup there in the place of the last. A gateway that looks meanwhile sees files of the one and of the other, none half written.
    pub(crate) fn set(&self, setup: &Setup) -> anyhow::Result<()> {
        let mut files = setup.terms.files.clone();
        if let Code::Bytes(bytes) = &setup.code {
            files.push((format!("{}.wasm", setup.name).into(), bytes.clone()));
        }
        files.push((Path::new(API).join("api.toml"), setup.api()?.to_string().into_bytes()));
        files.push(("gateway.toml".into(), setup.gateway(&self.state()).to_string().into_bytes()));
        for (path, bytes) in files {
            put(&self.folder().join(path), &bytes).context("the folder made for the policy cannot be written")?;
        }
        Ok(())
    }
}

fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // The gateway does not read files with such an end.
    let partial = path.with_extension("tmp");
    fs::write(&partial, bytes)?;
    fs::rename(partial, path)
}

impl Setup {
    fn gateway(&self, state: &Path) -> Table {
        let mut policy = self.terms.policy.clone();
        let source = match &self.code {
            Code::Builtin(name) => format!("builtin:{name}"),
            Code::Bytes(_) => format!("file:{}.wasm", self.name),
        };
        policy.insert("source".to_owned(), source.into());
        let mut gateway = toml! {
            [admin]
            address = "127.0.0.1:0"
        };
        let listen = match &self.leads {
            Leads::Offline(_) => {
                // What an operator lets upstreams know about clients is not the policy's doing.
                gateway.insert("forwarding".to_owned(), table("send", toml::Value::Array(Vec::new())).into());
                "127.0.0.1:1".to_owned()
            }
            Leads::Upstream { listen, .. } => listen.to_string(),
        };
        gateway.insert("listen".to_owned(), table("public", table("address", listen)).into());
        gateway.insert("state".to_owned(), table("dir", state.display().to_string()).into());
        gateway.extend(self.terms.sections.clone());
        gateway.insert("policy".to_owned(), table(&self.name, policy).into());
        gateway
    }

    fn api(&self) -> anyhow::Result<Table> {
        let config =
            toml::Value::try_from(&self.config).context("the configuration cannot be said in TOML, as null cannot")?;
        let used: Table =
            [("policy".to_owned(), self.name.as_str().into()), ("config".to_owned(), config)].into_iter().collect();
        let (target, rewrite, patterns) = match &self.leads {
            Leads::Offline(patterns) => ("http://127.0.0.1:9", None, patterns.as_slice()),
            Leads::Upstream { url, .. } => (url.as_str(), Some(table("host", "target")), [].as_slice()),
        };
        let others = patterns.iter().enumerate().map(|(at, pattern)| (format!("route-{}", at + 1), pattern.as_str()));
        let routes = [("all".to_owned(), "/{*rest}")].into_iter().chain(others).map(|(name, pattern)| {
            let mut route = table("match", table("path", pattern));
            route.insert("name".to_owned(), name.into());
            match self.responder {
                true => drop(route.insert("responder".to_owned(), used.clone().into())),
                false => {
                    route.insert("chain".to_owned(), vec![toml::Value::from(used.clone())].into());
                    route.insert("upstream".to_owned(), "main".into());
                    route.extend(rewrite.clone().map(|rewrite| ("rewrite".to_owned(), rewrite.into())));
                }
            }
            toml::Value::from(route)
        });
        let mut api = table("name", API);
        api.insert("version".to_owned(), "1".into());
        api.insert("route".to_owned(), routes.collect::<Vec<_>>().into());
        if !self.responder {
            let targets: toml::Value = vec![toml::Value::from(target)].into();
            api.insert("upstream".to_owned(), table("main", table("targets", targets)).into());
        }
        Ok(api)
    }
}

fn table(key: &str, value: impl Into<toml::Value>) -> Table {
    [(key.to_owned(), value.into())].into_iter().collect()
}
