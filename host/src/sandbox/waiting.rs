//! Calls of policies that wait for services: on a stack of their own, which is left while they wait.
//!
//! Each has a fresh instance, so that nothing another call left is there while this one waits.

use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use super::fault::PluginFault;
use super::hook::{Found, Hook, Place};
use super::instance::{Returned, begin, finish, made, spent};
use super::occasion::Occasion;
use super::policy::Policy;
use super::shape::contract_is;
use super::trial::Image;
use super::turns::Charged;
use crate::telemetry::account::Spent;

/// Whether a component imports something that can wait.
pub(super) fn waits(component: &Component) -> bool {
    let engine = component.engine();
    let sends = |item: &ComponentItem| match item {
        ComponentItem::ComponentInstance(instance) => instance.exports(engine).any(|(name, _)| name == "send"),
        _ => false,
    };
    let kind = component.component_type();
    kind.imports(engine).any(|(name, item)| contract_is(name, "egress") && sends(&item.ty))
}

/// Make a call on a fresh instance. Returns what came back, and what that took.
pub(super) async fn call<H: Hook>(
    policy: &Policy,
    occasion: Occasion,
    hook: H,
) -> Result<(Returned<H::Said>, Spent), PluginFault> {
    let mut store = policy.store();
    let turns = store.data_mut().meter().in_turns();
    let charged = turns.clone();
    let future = Box::pin(async move {
        let instance = policy.pre.instantiate_async(&mut store).await;
        let instance = made(&mut store, instance)?;
        if !matches!(policy.image(), Image::Taken(_)) {
            let lifecycle = policy.exports.lifecycle.load(&mut store, &instance);
            let lifecycle = lifecycle.map_err(|error| PluginFault::not_made(&error))?;
            begin(&mut store, Occasion::default(), 0);
            let configured = lifecycle.func_configure().call_async(&mut store, (&*policy.config,)).await;
            let (configured,) = finish(&mut store, configured)?;
            configured.map_err(PluginFault::configure)?;
        }
        store.data_mut().serve();
        let mut found = Found::default();
        let (exports, instance) = (&policy.exports, &instance);
        let guest = H::guest(Place { exports, store: &mut store, instance, found: &mut found })?;
        begin(&mut store, occasion, hook.body());
        let returned = H::function(&guest).call_async(&mut store, hook.told()).await;
        let said = H::said(finish(&mut store, returned)?);
        let spent = Spent { cpu: Some(charged.used()), ..spent(&mut store) };
        let state = store.data_mut();
        Ok((Returned { said, wait: state.take_wait(), holds: state.take_holds() }, spent))
    });
    Charged { future, turns }.await
}
