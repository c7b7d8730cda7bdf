//! Owns how an audit says in words what a use of a policy may do; text and page say the same.

use super::super::out::plain;
use super::reach::{Credential, Eject, Keys, Material, Service, Tls, Upstream};
use super::report::{
    Access, Body, Breaker, Condition, From, Mode, OnError, Others, Report, Rollout, Route, Sharing, Use, Wanted,
};

/// What is said under one heading, a line each.
pub(super) struct Topic {
    pub(super) title: &'static str,
    pub(super) lines: Vec<String>,
}

impl Topic {
    pub(super) fn is_nothing(&self) -> bool {
        self.lines == [NOTHING]
    }
}

/// What is said where there is nothing to say.
const NOTHING: &str = "nothing";
const IDENTIFIES: &str = "whoever shows a key: consumer, application and their attributes; no key is told";

/// All there is to say of a use. What it may not do is said too, for that is what reviewers look for.
pub(super) fn topics(used: &Use, report: &Report) -> Vec<Topic> {
    let topic = |title, lines: Vec<String>| Topic { title, lines };
    vec![
        topic("component", component(used, report)),
        topic("may read", or_nothing(reads(used))),
        topic("may change", or_nothing(changes(used))),
        topic("may answer", vec![answers(used).to_owned()]),
        topic("bodies", or_nothing(bodies(used))),
        topic("may reach", or_nothing(reaches(used, report))),
        topic("may store", or_nothing(stores(used))),
        topic("may count", or_nothing(limiters(used))),
        topic("may identify", vec![if used.identifies { IDENTIFIES } else { "nobody" }.to_owned()]),
        topic("imports", or_nothing(used.imports.iter().map(|it| format!("{}: {}", it.name, it.gives)).collect())),
        topic("isolation", vec![isolation(used)]),
        topic("limits", limits(used)),
        topic("if it fails", fails(used)),
        topic("when it is new", when_new(used)),
        topic("granted", or_nothing(used.grants.iter().map(|grant| plain(grant)).collect())),
        topic("spare grants", or_nothing(used.spare.iter().map(|grant| plain(grant)).collect())),
    ]
}

fn component(used: &Use, report: &Report) -> Vec<String> {
    let pin = match (used.pinned, used.source.starts_with("builtin:"), report.content.signatures_required) {
        (true, _, _) => "pinned: no other component is run",
        (false, true, _) => "part of the gateway",
        (false, false, true) => {
            "not pinned: whoever may write the folder may exchange it for any other that a trusted key signed"
        }
        (false, false, false) => "not pinned: whoever may write the folder may exchange it",
    };
    let config = match used.config.as_object() {
        Some(config) if config.is_empty() => "none".to_owned(),
        _ => plain(&used.config.to_string()),
    };
    vec![
        format!("{}, {pin}", plain(&used.source)),
        used.digest.clone(),
        format!("hooks: {}", used.hooks.join(", ")),
        format!("configuration: {config}"),
    ]
}

fn reads(used: &Use) -> Vec<String> {
    let lines = [
        list("of requests", &used.reads.request),
        list("of responses", &used.reads.response),
        list("attributes", &used.reads.attributes),
        list("of records", &used.reads.records),
    ];
    lines.into_iter().flatten().collect()
}

fn changes(used: &Use) -> Vec<String> {
    let lines = [
        list("of requests", &used.changes.request),
        list("of responses", &used.changes.response),
        list("attributes", &used.changes.attributes),
        list("of records", &used.changes.records),
        used.changes.target.then(|| "path and query of requests".to_owned()),
        used.changes.status.then(|| "the status of responses".to_owned()),
    ];
    lines.into_iter().flatten().collect()
}

fn answers(used: &Use) -> &'static str {
    match (used.responds, used.responder_body.is_some()) {
        (true, true) => "instead of what is behind it, and in the place of an upstream",
        (true, false) => "instead of what is behind it",
        (false, true) => "in the place of an upstream",
        (false, false) => NOTHING,
    }
}

fn bodies(used: &Use) -> Vec<String> {
    let bodies = [("of requests", &used.bodies.request), ("of responses", &used.bodies.response)];
    let bodies = bodies.iter().filter_map(|(of, wanted)| Some(format!("{of}: {}", body(wanted.as_ref()?))));
    let whole = |most| format!("of requests it answers in the place of an upstream: whole, up to {}", size(most));
    bodies.chain(used.responder_body.map(whole)).collect()
}

fn body(body: &Body) -> String {
    let access = match body.access {
        Access::Inspect => "reads",
        Access::Edit => "reads and changes",
    };
    let mode = match (body.mode, body.max_bytes) {
        (Mode::Whole, most) => format!("whole, up to {}", size(most)),
        (Mode::Pieces, 0) => "in pieces, of any length".to_owned(),
        (Mode::Pieces, most) => format!("in pieces, up to {}", size(most)),
    };
    let others = match body.others {
        Others::Pass => "other types pass unread",
        Others::Refuse => "other types are refused",
    };
    format!("{access}, {mode}; {}; {others}", plain(&body.content_types.join(", ")))
}

fn reaches(used: &Use, report: &Report) -> Vec<String> {
    let services = report.content.services.iter().filter(|service| used.services.contains(&service.name));
    let services = services.map(|service| format!("{}: {}", service.name, asked(service)));
    let keys = keys(used, report).map(|(does, keys)| {
        let what = match does {
            Does::Check => "signature checks with the keys",
            Does::Sign => "signatures with the key",
            Does::Seal => "what it seals with the keys",
        };
        plain(&format!("{what} {} ({})", keys.name, key_source(keys)))
    });
    services.chain(keys).collect()
}

/// What a policy does with keys.
#[derive(Clone, Copy)]
pub(super) enum Does {
    Check,
    Sign,
    Seal,
}

/// The keys a policy uses, and what for.
pub(super) fn keys<'a>(used: &'a Use, report: &'a Report) -> impl Iterator<Item = (Does, &'a Keys)> {
    let uses = [(Does::Check, &used.keys), (Does::Sign, &used.signs), (Does::Seal, &used.seals)];
    uses.into_iter().flat_map(|(does, names)| {
        let named = report.content.keys.iter().filter(|keys| names.contains(&keys.name));
        named.map(move |keys| (does, keys))
    })
}

/// Where keys come from, and what they are bound to.
pub(super) fn key_source(keys: &Keys) -> String {
    let bound = keys.algorithm.as_ref().map(|algorithm| format!(", {algorithm}")).unwrap_or_default();
    format!("{}{bound}", material(&keys.material))
}

pub(super) fn material(material: &Material) -> String {
    let digest = material.digest.as_ref().map(|digest| format!(", {digest}")).unwrap_or_default();
    format!("{}{digest}", material.source)
}

pub(super) fn credential(credential: &Credential) -> String {
    let scheme = credential.scheme.as_ref().map(|scheme| format!("{scheme}, ")).unwrap_or_default();
    format!("{} ({scheme}secret:{})", credential.field, credential.secret)
}

/// By what a server is known.
fn known(tls: &Tls) -> String {
    let mut text = match &tls.authorities {
        Some(authorities) => format!("verified by the authorities of {}", material(authorities)),
        None => "NOT VERIFIED: whoever answers is believed".to_owned(),
    };
    text.extend(tls.server_name.iter().map(|name| format!(", as {name}")));
    text.extend(tls.certificate.iter().map(|it| format!(", shown the certificate {}", material(it))));
    text + &format!(", TLS {} or later", tls.min_version)
}

/// The servers a route leads to; nothing where it leads to none.
pub(super) fn servers(route: &Route, report: &Report) -> Option<String> {
    let upstreams = report.content.upstreams.iter().filter(|upstream| route.upstreams.contains(&upstream.name));
    let server = |upstream: &Upstream| {
        let name = if route.upstreams.len() > 1 { format!("{}: ", upstream.name) } else { String::new() };
        let tls = upstream.tls.as_ref().map(|tls| format!("; {}", known(tls))).unwrap_or_default();
        let shown = upstream.access.as_ref().map(|it| {
            let scopes = if it.scopes.is_empty() { "no scopes".to_owned() } else { it.scopes.join(" ") };
            format!("; shown the token {} of {} ({scopes}), which is for {}", it.name, it.service, it.to.join(", "))
        });
        format!("{name}{}{tls}{}", upstream.targets.join(", "), shown.unwrap_or_default())
    };
    let servers: Vec<_> = upstreams.map(server).collect();
    (!servers.is_empty()).then(|| servers.join(" | "))
}

/// What a route leads to, and the servers that is.
pub(super) fn leads_to(route: &Route, report: &Report) -> String {
    match servers(route, report) {
        Some(servers) => format!("{} ({servers})", route.to),
        None => route.to.clone(),
    }
}

/// What a route is for.
pub(super) fn matched(route: &Route) -> String {
    let mut text = format!("{} {} {}", route.methods, route.host, route.path);
    text.extend(route.scheme.iter().map(|scheme| format!(" [{scheme}:]")));
    text.extend(route.headers.iter().map(|it| format!(" [{}]", wanted(it, ": "))));
    text.extend(route.query.iter().map(|it| format!(" [?{}]", wanted(it, "="))));
    text
}

fn wanted(condition: &Condition, is: &str) -> String {
    match &condition.value {
        Wanted::Any => condition.name.clone(),
        Wanted::Exactly(value) | Wanted::Hidden(value) => format!("{}{is}{value}", condition.name),
    }
}

/// What may follow on a route, if anything.
pub(super) fn upgrades(route: &Route) -> Option<String> {
    (!route.upgrades.is_empty()).then(|| format!("may be upgraded to {}", route.upgrades.join(", ")))
}

/// Who signs components of the folder.
pub(super) fn signatures(report: &Report) -> String {
    match (report.content.signatures_required, report.content.trusted_keys.as_slice()) {
        (false, _) => "Components of the folder need no signature.".to_owned(),
        (true, keys) => format!("Components of the folder need a signature by one of the keys {}.", keys.join(", ")),
    }
}

/// What of a service may be asked for, and how.
pub(super) fn asked(service: &Service) -> String {
    let mut text = format!("{} {}, below it {}", service.methods.join(", "), service.url, service.paths.join(", "));
    text.push_str(if service.private_ips { "; private addresses too" } else { "; public addresses only" });
    text.push_str(&service.tls.as_ref().map_or_else(|| "; without TLS".to_owned(), |tls| format!("; {}", known(tls))));
    if !service.credentials.is_empty() {
        let credentials: Vec<_> = service.credentials.iter().map(credential).collect();
        text.push_str(&format!("; the gateway attaches {}", credentials.join(", ")));
    }
    text.push_str(&format!(
        "; within {} ms, sends up to {}, takes up to {}, {} at once, remembers up to {}",
        service.timeout_ms,
        size(service.max_request),
        size(service.max_response),
        service.max_in_flight,
        size(service.max_remembered)
    ));
    plain(&text)
}

fn limiters(used: &Use) -> Vec<String> {
    let limiter = |limiter: &super::report::Limiter| {
        let whose = if limiter.shared { "shared with others" } else { "its own" };
        let at = limiter.at.as_deref().map_or("in this process".to_owned(), |at| format!("at {at}"));
        plain(&format!("{}: {at}, namespace {} ({whose})", limiter.name, limiter.namespace))
    };
    used.limiters.iter().map(limiter).collect()
}

fn stores(used: &Use) -> Vec<String> {
    let store = |store: &super::report::Store| {
        let access = if store.writes { "reads and writes" } else { "reads" };
        let whose = if store.shared { "shared with others" } else { "its own" };
        plain(&format!("{}: {access}, namespace {} ({whose})", store.name, store.namespace))
    };
    used.stores.iter().map(store).collect()
}

/// In one sentence.
pub(super) fn isolation(used: &Use) -> String {
    let how = match (used.isolation.mode, used.isolation.from) {
        (Sharing::Pooled, _) => format!(
            "pooled: an instance serves up to {} calls one after the other, and can remember from one to the next",
            used.limits.calls
        ),
        (Sharing::Request, From::Image) => "request: each call has a fresh instance, made from an image".to_owned(),
        (Sharing::Request, From::Component) => {
            "request: each call has a fresh instance, which is configured each time".to_owned()
        }
    };
    match &used.isolation.because {
        Some(reason) => format!("{how} ({})", plain(reason)),
        None => how,
    }
}

fn limits(used: &Use) -> Vec<String> {
    let limits = &used.limits;
    vec![
        format!(
            "of a call: {} ms of CPU, {} ms in all, {} host calls",
            limits.cpu_ms, limits.wall_ms, limits.host_calls
        ),
        format!("of a call: {} handed to the gateway at once, {} of log", size(limits.host_memory), size(limits.log)),
        format!("of an instance: {}, {} table elements", size(limits.memory), limits.table_elements),
    ]
}

fn fails(used: &Use) -> Vec<String> {
    vec![format!("{}; routes say what happens to requests", pauses(&used.breaker))]
}

/// What happens to the policy when it fails again and again.
pub(super) fn pauses(breaker: &Breaker) -> String {
    format!(
        "after {} failures in ten seconds it is left alone for {} ms, then twice as long, up to {} ms",
        breaker.failures, breaker.pause_ms, breaker.max_pause_ms
    )
}

fn when_new(used: &Use) -> Vec<String> {
    let accepted =
        used.accept.iter().map(|digest| format!("the component {digest} may use more names than the one before it"));
    used.rollout.iter().map(comes).chain(accepted).collect()
}

/// How a new component comes to serve.
pub(super) fn comes(rollout: &Rollout) -> String {
    let begins = match rollout.shadow_ms {
        None => "a new component serves at once".to_owned(),
        Some(shadow) => format!("a new component runs for {shadow} ms in the shadow of the one before it"),
    };
    match rollout.probation_ms {
        0 => format!("{begins}, and is never taken back"),
        probation => format!("{begins}, and is taken back if it fails again and again within {probation} ms"),
    }
}

/// When a target of an upstream is left out.
pub(super) fn leaves_out(eject: &Eject) -> String {
    let Eject { failures, status, first_ms, longest_ms, share } = eject;
    if *failures == 0 {
        return "no target is left out for failures".to_owned();
    }
    let status: Vec<_> = status.iter().map(ToString::to_string).collect();
    let status = if status.is_empty() { String::new() } else { format!(" ({} too)", status.join(", ")) };
    format!(
        "after {failures} failures in a row{status} a target is left out for {first_ms} ms, then twice as long, up to {longest_ms} ms; of a hundred {share} at most"
    )
}

/// What happens to requests when the policy fails; what [`FAILURES`] explains.
pub(super) fn on_error(on_error: OnError) -> &'static str {
    match on_error {
        OnError::Reject => "reject",
        OnError::Skip => "SKIP",
    }
}

/// To be said once.
pub(super) const FAILURES: &str = "A request whose policy fails is answered with 503 (reject), or goes on as if the policy were not there (SKIP). \
    A policy that failed again and again is paused: meanwhile all requests are answered with 503, or all go on without it (SKIP).";

fn list(what: &str, names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| format!("{what}: {}", plain(&names.join(", "))))
}

fn or_nothing(lines: Vec<String>) -> Vec<String> {
    if lines.is_empty() { vec![NOTHING.to_owned()] } else { lines }
}

/// In the largest unit that says it exactly.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0 => "0 B".to_owned(),
        bytes if bytes % (1 << 20) == 0 => format!("{} MiB", bytes >> 20),
        bytes if bytes % (1 << 10) == 0 => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} B"),
    }
}
