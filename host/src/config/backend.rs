//! Owns what a route leads to: one of several kinds.

use super::chain::{DeclaredPolicies, Responder};
use super::fault::{At, Faults};
use super::redirect::{RawRedirect, Redirect};
use super::respond::{RawRespond, Respond};
use super::split::{DeclaredUpstreams, RawSplit, Split};
use super::tree::Tree;
use crate::route::PathPattern;

/// What answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Backend {
    /// An upstream of the same API, which is declared.
    Upstream(String),
    Split(Split),
    Responder(Responder),
    Redirect(Redirect),
    Respond(Respond),
}

impl Backend {
    /// Whether requests go on to servers.
    pub(super) fn is_upstream(&self) -> bool {
        matches!(self, Self::Upstream(_) | Self::Split(_))
    }
}

/// What a route says it leads to; that there is one of them is found elsewhere.
pub(super) struct Kinds {
    pub(super) upstream: Option<At<String>>,
    pub(super) split: Option<RawSplit>,
    pub(super) responder: Option<Responder>,
    pub(super) redirect: Option<RawRedirect>,
    pub(super) respond: Option<RawRespond>,
}

/// What a route may name.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) upstreams: &'a DeclaredUpstreams<'a>,
    pub(super) policies: &'a DeclaredPolicies,
    pub(super) tree: &'a Tree,
}

impl Kinds {
    /// The one there is. `pattern` is what the route matches, if that is known.
    pub(super) fn resolve(
        self,
        pattern: Option<&PathPattern>,
        known: Known<'_>,
        faults: &mut Faults,
    ) -> Option<Backend> {
        if let Some(responder) = &self.responder {
            known.policies.check(&responder.policy, &responder.place, faults);
        }
        if let Some(upstream) = &self.upstream {
            known.upstreams.check(upstream, faults);
        }
        let split = self.split.and_then(|split| split.resolve(known.upstreams, faults)).map(Backend::Split);
        let redirect = self.redirect.and_then(|redirect| redirect.resolve(pattern, faults)).map(Backend::Redirect);
        let respond = self.respond.and_then(|respond| respond.resolve(known.tree, faults)).map(Backend::Respond);
        let upstream = self.upstream.map(|upstream| Backend::Upstream(upstream.value));
        upstream.or(split).or(self.responder.map(Backend::Responder)).or(redirect).or(respond)
    }
}
