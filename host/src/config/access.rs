//! Owns access tokens the gateway gets for itself: from whom, as which client, and which upstreams are shown them.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;

use super::egress::{Egress, ServicePath, check_asked};
use super::fault::{At, Faults, Place, complained_below};
use super::kinds::{List, Named, Placed, Spelling, Text};
use super::material::{SecretName, declared};
use super::section::section;
use super::target::Target;
use crate::near::advice;

/// Form fields that are the gateway's own.
const OWN: [&str; 4] = ["grant_type", "scope", "client_id", "client_secret"];

/// An access token upstreams may name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Access {
    /// Of `[egress.NAME]`.
    pub service: String,
    /// Path and query of the token endpoint below its URL.
    pub target: String,
    pub client_id: Option<String>,
    /// Name of a secret.
    pub client_secret: Option<String>,
    pub scopes: Vec<String>,
    /// Form fields besides.
    pub parameters: BTreeMap<String, String>,
    /// The servers that may be shown it.
    pub to: Vec<Target>,
    pub place: Place,
}

section! {
    /// An access token that the gateway gets for itself with its client credentials (RFC 6749 section 4.4), and attaches
    /// to the requests of upstreams that name it. Neither clients nor policies ever see it; what a client sent as
    /// `authorization` does not get there.
    pub(super) struct RawAccess = "[access.NAME]" {
        /// Name of the `[egress.NAME]` that is asked for it, with POST. Where that has `basic`, it says who the gateway is.
        required egress: Placed<Text>,
        /// Path of the token endpoint below the URL of that service, `/token`.
        required path: Placed<Spelling<ServicePath>>,
        /// The gateway's client id, where it is to stand in the form.
        optional client_id: Text,
        /// The secret of that client, likewise.
        optional client_secret: SecretName,
        /// Scopes to ask for.
        repeated scopes: List<Text>,
        /// More fields of the form, such as `resource` (RFC 8707) or `audience`.
        repeated parameters: Named<Placed<Text>>,
        /// Servers that may be shown it, each with scheme and port as targets have them: APIs can name no other.
        required to: List<Spelling<Target>>,
    }
}

impl RawAccess {
    pub(super) fn resolve(
        self,
        services: &BTreeMap<String, Egress>,
        names: &BTreeSet<String>,
        is_secret: impl Fn(&str) -> bool,
        faults: &mut Faults,
    ) -> Option<Access> {
        let to = self.place.below("to");
        if self.to.as_ref().is_some_and(Vec::is_empty) && !complained_below(faults, &to) {
            faults
                .push(to.fault("is empty: it could be shown to nobody", "name the servers of the upstreams it is for"));
        }
        if self.client_secret.is_some() && self.client_id.is_none() && !complained_below(faults, &self.place) {
            let place = self.place.below("client_secret");
            faults.push(place.fault("is nobody's without `client_id`", "write that too"));
        }
        for (name, At { place, .. }) in self.parameters.iter().filter(|(name, _)| OWN.contains(&name.as_str())) {
            let advice = "remove it; `scopes`, `client_id` and `client_secret` have keys of their own";
            faults.push(place.fault(format!("says `{name}`, which is the gateway's to say"), advice));
        }
        let client_secret = self.client_secret.and_then(|secret| declared(secret, is_secret, faults));
        let (egress, path) = (self.egress?, self.path?);
        if !names.contains(&egress.value) {
            let known = advice(&egress.value, names.iter().map(String::as_str), "declare it as [egress.NAME]");
            faults.push(
                egress.place.fault(format!("names the service `{}`, which is not declared", egress.value), known),
            );
        }
        let target = path.value.into_text();
        if let Some(service) = services.get(&egress.value) {
            check_asked(&service.terms, &Method::POST, &target, &path.place, faults);
        }
        Some(Access {
            service: egress.value,
            target,
            client_id: self.client_id,
            client_secret,
            scopes: self.scopes,
            parameters: self.parameters.into_iter().map(|(name, value)| (name, value.value)).collect(),
            to: self.to?,
            place: self.place,
        })
    }
}

/// Complain about an upstream that names a token which is not there, or not for all of its targets. Faulty ones count as
/// declared.
pub(super) fn check_named<'a>(
    named: &At<String>,
    declared: &BTreeMap<String, Option<Access>>,
    targets: impl Iterator<Item = &'a Target>,
    faults: &mut Faults,
) {
    let At { value, place } = named;
    let Some(access) = declared.get(value) else {
        let known = declared.keys().map(String::as_str);
        let advice = advice(value, known, "declare it as [access.NAME] in gateway.toml");
        faults.push(place.fault("names no access token that is declared", advice));
        return;
    };
    let Some(access) = access else { return };
    for target in targets.filter(|target| !access.to.contains(target)) {
        let reason = format!("would show the token `{value}` to {target}, which it is not for");
        let advice = format!("let the operator name {target} in `to` of [access.{value}], or choose another server");
        faults.push(place.fault(reason, advice));
    }
}
