//! The policies folder that is made for one policy: one listener, one API, one chain with nothing else in it.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;
use toml::{Table, toml};

use super::terms::Terms;
use crate::content::Content;

/// What policies are told their API and their route are called.
const API: &str = "try";

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
    Component(Content),
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

impl Stage {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self(tempfile::Builder::new().prefix("lockgate-").tempdir().context("there is no room for a folder")?))
    }

    /// What says there what the policy is granted.
    pub(crate) const GRANTS: &str = "gateway.toml";

    /// Where compiled code can be kept as long as this.
    pub(crate) fn code(&self) -> PathBuf {
        self.state().join("code")
    }

    /// The policies folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.0.path().join("policies")
    }

    /// Where state can be kept as long as this.
    pub(crate) fn state(&self) -> PathBuf {
        self.0.path().join("state")
    }

    /// Put a setup there in the place of the last. A gateway that looks meanwhile sees files of the one and of the
    /// other, none half written.
    pub(crate) fn set(&self, setup: &Setup) -> anyhow::Result<()> {
        let mut setup = setup.clone();
        if let Leads::Offline(_) = setup.leads {
            setup.terms.hide_secrets(&self.folder());
        }
        let mut files = std::mem::take(&mut setup.terms.files);
        if let Code::Component(component) = &setup.code {
            files.push((format!("{}.wasm", setup.name).into(), component.to_vec()));
        }
        files.push((Path::new(API).join("api.toml"), setup.api()?.to_string().into_bytes()));
        files.push((Self::GRANTS.into(), setup.gateway(&self.state()).to_string().into_bytes()));
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
            Code::Component(_) => format!("file:{}.wasm", self.name),
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
