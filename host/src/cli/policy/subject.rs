//! The policy a verb tries out: a component, or the project it is built from, with its configuration and what it is granted.

use std::path::{Path, PathBuf};

use anyhow::Context;
use lockgate_build::Project;

use super::component::{Component, Source};
use super::{build, needs};
use crate::builtin;
use crate::content::Content;
use crate::rehearsal::{Code, Terms};
use crate::sandbox::{Inspection, Sandbox};

/// Configuration and grants.
#[derive(clap::Args, Clone, Debug, Default)]
pub(super) struct Given {
    /// Its configuration, JSON or TOML (`*.toml`); `{}` when absent
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Grant this, and only what is granted so; may be repeated. When absent, and no file says it, whatever it asks for
    #[arg(long, value_name = "WORD")]
    pub(super) grant: Vec<String>,
    /// A gateway.toml, or a piece of one: [policy.NAME] with grants and limits, and what those name
    #[arg(long, value_name = "FILE")]
    pub(super) grants: Option<PathBuf>,
}

/// What is tried out.
#[derive(Debug)]
pub(super) enum Subject {
    Component(String),
    Project(Project),
}

/// It as it is now.
pub(super) struct Edition {
    pub(super) name: String,
    pub(super) code: Code,
    pub(super) inspection: Inspection,
}

impl Subject {
    /// A folder is a project; anything else `builtin:NAME` or a file.
    pub(super) fn open(what: &str) -> anyhow::Result<Self> {
        match Path::new(what).is_dir() {
            true => Ok(Self::Project(Project::open(Path::new(what))?)),
            false => Ok(Self::Component(what.to_owned())),
        }
    }

    /// Where files lie that belong to it.
    pub(super) fn folder(&self) -> PathBuf {
        match self {
            Self::Project(project) => project.folder().to_owned(),
            Self::Component(text) => Path::new(text).parent().unwrap_or(Path::new("")).to_owned(),
        }
    }

    /// Read it, or build it. `code` is where compiled code is kept.
    pub(super) fn edition(&self, code: Option<PathBuf>) -> anyhow::Result<Edition> {
        let (name, code) = match self {
            Self::Project(project) => (project.name().to_owned(), Code::Component(build::build(project, code)?.into())),
            Self::Component(text) => {
                let Component { content, source } = Component::read(text)?;
                let code = match source {
                    Source::Builtin(name) => Code::Builtin(name),
                    Source::File(_) => Code::Component(content),
                };
                (source.name(), code)
            }
        };
        let inspection = Inspection::of(component(&code)?)?;
        Ok(Edition { name, code, inspection })
    }
}

impl Edition {
    /// It is an upstream rather than in front of one.
    pub(super) fn is_responder(&self) -> bool {
        self.inspection.hooks == ["responder"]
    }

    /// What it is granted: as is said, or else whatever it asks for with this configuration. Services are then
    /// imagined, where that is wanted;
    /// `code` is where compiled code is kept.
    pub(super) fn terms(
        &self,
        given: &Given,
        config: &serde_json::Value,
        code: Option<PathBuf>,
        imagines: bool,
    ) -> anyhow::Result<Result<Terms, Vec<String>>> {
        let mut terms =
            given.grants.as_deref().map_or_else(|| Ok(Terms::default()), |file| Terms::read(file, &self.name))?;
        if !given.grant.is_empty() {
            terms.grant(&given.grant);
        }
        if terms.grants() {
            return Ok(Ok(terms));
        }
        let tried = match needs::tried(&Sandbox::new(code)?.hurried(), component(&self.code)?, config)? {
            Ok(tried) => tried,
            Err(reasons) => return Ok(Err(reasons)),
        };
        terms.grant(&needs::grants(&tried.interest, self.inspection.hooks.contains(&"responder")));
        if imagines {
            tried.interest.egress.iter().for_each(|name| terms.imagine_service(name));
        }
        Ok(Ok(terms))
    }
}

fn component(code: &Code) -> anyhow::Result<&Content> {
    match code {
        Code::Builtin(name) => {
            builtin::component(name).with_context(|| format!("builtin:{name} is not in this gateway"))
        }
        Code::Component(component) => Ok(component),
    }
}
