//! Calls of policies that wait for services: on a stack of their own, which is left while they wait.
//!
//! Each has a fresh instance, so that nothing another call left is there while this one waits.

use wasmtime::Store;
use wasmtime::component::{Component, ComponentExportIndex, ComponentNamedList, Instance, Lift, Lower};

use super::bindings::exports::lockgate::policy::body_phase::Action;
use super::bindings::exports::lockgate::policy::lifecycle::{ConfigError, Interest};
use super::bindings::lockgate::policy::types as wit;
use super::call::{Call, Said};
use super::capability::HostState;
use super::fault::PluginFault;
use super::instance::{begin, carried, finish, made, spent};
use super::policy::{CONTRACT, Policy};
use super::shape::contract_is;
use super::trial::Image;
use super::turns::Charged;
use super::verdict::Edits;
use crate::telemetry::RequestId;
use crate::telemetry::account::Spent;

/// Where the functions are in every instance of a component that waits.
pub(super) struct Functions {
    configure: Option<ComponentExportIndex>,
    on_request: Option<ComponentExportIndex>,
    on_response: Option<ComponentExportIndex>,
    on_body: Option<ComponentExportIndex>,
    on_chunk: Option<ComponentExportIndex>,
    respond: Option<ComponentExportIndex>,
}

impl Functions {
    /// None if the component imports nothing that can wait.
    pub(super) fn of(component: &Component) -> Option<Self> {
        let kind = component.component_type();
        let waits = kind.imports(component.engine()).any(|(name, _)| contract_is(name, "egress"));
        let find = |interface: &str, function: &str| {
            let interface =
                component.get_export_index(None, format!("lockgate:policy/{interface}@{CONTRACT}").as_str())?;
            component.get_export_index(Some(&interface), function)
        };
        waits.then(|| Self {
            configure: find("lifecycle", "configure"),
            on_request: find("request-phase", "on-request"),
            on_response: find("response-phase", "on-response"),
            on_body: find("body-phase", "on-body"),
            on_chunk: find("body-phase", "on-chunk"),
            respond: find("responder", "respond"),
        })
    }
}

/// Make a call on a fresh instance. Returns what was said, and what that took.
pub(super) async fn call(
    policy: &Policy,
    functions: &Functions,
    exchange: RequestId,
    call: Call,
) -> Result<(Said, Spent), PluginFault> {
    let mut store = policy.store();
    let turns = store.data_mut().meter().in_turns();
    let charged = turns.clone();
    let future = Box::pin(async move {
        let instance = policy.pre.instantiate_async(&mut store).await;
        let instance = made(&mut store, instance)?;
        if !matches!(policy.image(), Image::Taken(_)) {
            begin(&mut store, RequestId::default(), 0);
            let (configured,): (Result<Interest, Vec<ConfigError>>,) =
                run(&mut store, &instance, functions.configure, (&*policy.config,)).await?;
            configured.map_err(PluginFault::configure)?;
        }
        store.data_mut().serve();
        let body = if let Call::Body { body, .. } = &call { body.len() } else { 0 };
        begin(&mut store, exchange, body);
        let said = say(&mut store, &instance, functions, &call).await?;
        Ok((said, Spent { cpu: Some(charged.used()), ..spent(&mut store) }))
    });
    Charged { future, turns }.await
}

async fn say(
    store: &mut Store<HostState>,
    instance: &Instance,
    functions: &Functions,
    call: &Call,
) -> Result<Said, PluginFault> {
    match call {
        Call::Request { head } => {
            let (verdict,): (wit::Verdict,) = run(store, instance, functions.on_request, (&**head,)).await?;
            Ok(Said::Verdict(verdict.into()))
        }
        Call::Response { head, state } => {
            let told = (&**head, carried(state));
            let (verdict,): (wit::Verdict,) = run(store, instance, functions.on_response, told).await?;
            Ok(Said::Verdict(verdict.into()))
        }
        Call::Body { direction, body, state } => {
            let told = (*direction, &**body, carried(state));
            let ((action, edits),): ((Action, Option<wit::Edits>),) =
                run(store, instance, functions.on_body, told).await?;
            Ok(Said::Body(action, edits.map(Edits::from)))
        }
        Call::Chunk { direction, chunk, last, state } => {
            let told = (*direction, &**chunk, *last, &**state);
            let ((action, state),): ((Action, Vec<u8>),) = run(store, instance, functions.on_chunk, told).await?;
            Ok(Said::Chunk(action, state))
        }
        Call::Respond { head, body } => {
            let (answer,): (Result<wit::Response, wit::Failure>,) =
                run(store, instance, functions.respond, (&**head, &**body)).await?;
            Ok(Said::Answer(answer.map(Into::into)))
        }
    }
}

async fn run<P, R>(
    store: &mut Store<HostState>,
    instance: &Instance,
    function: Option<ComponentExportIndex>,
    told: P,
) -> Result<R, PluginFault>
where
    P: ComponentNamedList + Lower + Send + Sync,
    R: ComponentNamedList + Lift + Send + Sync + 'static,
{
    let function = function.ok_or_else(PluginFault::no_hook)?;
    let function = instance.get_typed_func::<P, R>(&mut *store, function);
    let function = function.map_err(|error| PluginFault::not_made(&error))?;
    let said = function.call_async(&mut *store, told).await;
    finish(store, said)
}
