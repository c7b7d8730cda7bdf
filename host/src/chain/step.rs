//! One position in a chain: which hooks run there, with which powers, and what happens when they fail.

use std::sync::Arc;

use http::HeaderMap;

use super::edits::{Writes, is_attribute_name};
use super::facts::Reads;
use super::media::{MediaTypes, Wanted};
use super::names::{BadWrite, UnknownName};
use super::shadow::Shadow;
use super::{Place, failure};
use crate::exchange::{Exchange, Fault};
use crate::sandbox::{BodyDirection, BodyInterest, Failure, Interest, PluginFault, Policy};
use crate::telemetry::RequestId;
use crate::telemetry::log::told;
use crate::telemetry::trail::PolicyId;

/// What to do when a policy fails or breaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OnError {
    /// The exchange fails.
    #[default]
    Reject,
    /// The exchange goes on as if the policy had passed.
    Skip,
}

/// A policy at a position.
pub(crate) struct Step {
    /// Which of a worker's pools holds its instances.
    pub(crate) slot: usize,
    pub(crate) id: PolicyId,
    pub(crate) policy: Arc<Policy>,
    pub(crate) on_error: OnError,
    pub(super) request: Option<HeadHook>,
    pub(super) response: Option<HeadHook>,
    pub(super) request_body: Option<BodyHook>,
    pub(super) response_body: Option<BodyHook>,
    /// A new version of the policy, which is compared with this one.
    pub(super) shadow: Option<Arc<Shadow>>,
}

/// A head hook and its powers.
pub(super) struct HeadHook {
    pub(super) reads: Reads,
    pub(super) writes: Writes,
}

/// A body hook and its powers; `writes` are those on the head.
pub(super) struct BodyHook {
    pub(super) interest: BodyInterest,
    pub(super) types: MediaTypes,
    pub(super) writes: Writes,
}

/// A body hook at its position.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) at: usize,
    pub(super) step: &'a Arc<Step>,
    pub(super) hook: &'a BodyHook,
    pub(super) direction: BodyDirection,
}

/// An interest in heads that cannot be honoured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HookError {
    #[error(transparent)]
    Read(#[from] UnknownName),
    #[error(transparent)]
    Write(#[from] BadWrite),
}

/// An interest that cannot be honoured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    #[error(transparent)]
    Hook(#[from] HookError),
    #[error("the interest names the content type `{0}`, which is not one")]
    MediaType(String),
    #[error("the interest names the attribute `{0}`, which is no name for one")]
    Attribute(String),
    #[error("the interest asks for bodies, but it exports no hook for them")]
    NoBodyHook,
    #[error("it is used in a chain but exports no hook for one")]
    NoHook,
}

impl Step {
    pub(crate) fn new(slot: usize, id: PolicyId, policy: Arc<Policy>, on_error: OnError) -> Result<Self, StepError> {
        let interest = policy.interest();
        let hooks = policy.hooks();
        if !policy.is_for_chains() {
            return Err(StepError::NoHook);
        }
        if !hooks.body && (interest.request_body.is_some() || interest.response_body.is_some()) {
            return Err(StepError::NoBodyHook);
        }
        for name in interest.attributes_read.iter().chain(&interest.attributes_write) {
            let plain = name.strip_suffix('*').unwrap_or(name);
            if !(plain.is_empty() || is_attribute_name(plain.as_bytes())) {
                return Err(StepError::Attribute(name.clone()));
            }
        }
        let body = |wanted: &Option<BodyInterest>, writes: fn(&Interest) -> Result<Writes, BadWrite>| {
            let Some(wanted) = wanted.clone() else { return Ok(None) };
            let types = MediaTypes::new(&wanted.content_types).map_err(StepError::MediaType)?;
            Ok::<_, StepError>(Some(BodyHook {
                interest: wanted,
                types,
                writes: writes(interest).map_err(HookError::from)?,
            }))
        };
        Ok(Self {
            slot,
            id,
            on_error,
            request: HeadHook::request(&policy)?,
            response: HeadHook::response(&policy)?,
            request_body: body(&interest.request_body, Writes::request)?,
            response_body: body(&interest.response_body, Writes::response)?,
            policy: policy.clone(),
            shadow: None,
        })
    }

    /// The same with a new version of the policy in its shadow.
    pub(crate) fn shadowed_by(self, shadow: Shadow) -> Self {
        Self { shadow: Some(Arc::new(shadow)), ..self }
    }

    /// Whether the exchange goes on when the policy fails.
    pub(crate) fn skips(&self) -> bool {
        self.on_error == OnError::Skip
    }

    /// A policy reported that it could not decide.
    pub(super) fn failed(&self, reported: Failure) -> Result<(), Fault> {
        match (reported, self.on_error) {
            (Failure::Dependency | Failure::Internal, OnError::Skip) => Ok(()),
            _ => Err(failure(reported)),
        }
    }

    /// A policy broke; says so in the log.
    pub(super) fn broke(&self, exchange: &Exchange, place: &Place<'_>, fault: PluginFault) -> Result<(), Fault> {
        self.broke_at(&exchange.id, place.api, place.route, fault)
    }

    /// As `broke`, for hooks that run when the exchange is already under way.
    pub(super) fn broke_at(
        &self,
        exchange: &RequestId,
        api: &str,
        route: &str,
        fault: PluginFault,
    ) -> Result<(), Fault> {
        let skipped = self.on_error == OnError::Skip;
        let (policy, api, route) = (&**self.policy.name(), told(api), told(route));
        tracing::warn!(
            policy,
            api,
            route,
            request_id = %exchange,
            class = fault.class(),
            skipped,
            "policy broke: {fault}"
        );
        if skipped { Ok(()) } else { Err(Fault::plugin(fault.class()).because(fault)) }
    }
}

impl HeadHook {
    /// The hook of a policy on requests, if it has one.
    pub(super) fn request(policy: &Policy) -> Result<Option<Self>, HookError> {
        let interest = policy.interest();
        let hook = || {
            let reads = Reads::new(&interest.request_read, &interest.attributes_read, false)?;
            Ok(Self { reads, writes: Writes::request(interest)? })
        };
        policy.hooks().request.then(hook).transpose()
    }

    /// The same on responses.
    pub(super) fn response(policy: &Policy) -> Result<Option<Self>, HookError> {
        let interest = policy.interest();
        let hook = || {
            let reads = Reads::new(&interest.response_read, &interest.attributes_read, true)?;
            Ok(Self { reads, writes: Writes::response(interest)? })
        };
        policy.hooks().response.then(hook).transpose()
    }
}

impl BodyHook {
    pub(super) fn edit(&self) -> bool {
        self.interest.edit
    }

    /// Whether this hook is for the body of a message with these headers.
    pub(super) fn wants(&self, headers: &HeaderMap) -> Wanted {
        let others = if self.interest.refuse_others { Wanted::Refuse } else { Wanted::Pass };
        self.types.wanted(headers, others)
    }
}
