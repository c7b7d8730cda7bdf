//! Owns the report as people read it: Markdown, in the order of Art. 30(1) GDPR.

use std::fmt::{self, Write};

use super::super::out::plain;
use super::report::{Activity, Direction, Field, Guard, Passing, Peer, Report, Route};
use Wanted::{Api, Gateway};

pub(super) fn text(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(report, &mut text);
    text
}

/// Where what is missing belongs.
#[derive(Clone, Copy)]
enum Wanted<'a> {
    Gateway,
    /// The folder of an API.
    Api(&'a str),
}

fn write(report: &Report, out: &mut String) -> fmt::Result {
    writeln!(out, "# Record of processing activities\n")?;
    writeln!(
        out,
        "By Lockgate {}, from its configuration and the OpenAPI documents it names (Art. 30 GDPR).\n",
        report.lockgate
    )?;
    writeln!(out, "| | |\n|---|---|")?;
    for (title, key, value) in [
        ("Controller", "controller", &report.controller),
        ("Contact", "contact", &report.contact),
        ("Data protection officer", "officer", &report.officer),
        ("Representative", "representative", &report.representative),
    ] {
        writeln!(out, "| {title} | {} |", stated(value.as_slice(), key, Gateway))?;
    }
    report.activities.iter().try_for_each(|activity| write_activity(activity, report, out))?;
    writeln!(out, "\n## What the gateway keeps\n\n| what | until |\n|---|---|")?;
    report.kept.iter().try_for_each(|kept| writeln!(out, "| {} | {} |", escaped(&kept.what), escaped(&kept.until)))?;
    writeln!(out, "\n## Ways in, and who is told of exchanges\n\n| | address | protection |\n|---|---|---|")?;
    report.listeners.iter().try_for_each(|peer| write_peer("listener ", peer, out))?;
    report.collectors.iter().try_for_each(|peer| write_peer("", peer, out))?;
    write_gaps(&report.gaps, out)?;
    write_passes(&report.passes, out)
}

fn write_activity(activity: &Activity, report: &Report, out: &mut String) -> fmt::Result {
    let of = Api(&activity.folder);
    writeln!(out, "\n## {} {}\n\n| | |\n|---|---|", escaped(&activity.api), escaped(&activity.version))?;
    for (title, key, values) in [
        ("Purposes", "purposes", &activity.purposes),
        ("Legal basis", "legal_basis", &activity.legal_basis),
        ("Categories of data subjects", "subjects", &activity.subjects),
    ] {
        writeln!(out, "| {title} | {} |", stated(values, key, of))?;
    }
    writeln!(out, "| Categories of personal data | {} |", categories(activity))?;
    writeln!(out, "| Recipients | {} |", recipients(activity, report))?;
    writeln!(out, "| Transfers to third countries | {} |", stated(&activity.transfers, "transfers", of))?;
    writeln!(out, "| Retention | {} |", stated(activity.retention.as_slice(), "retention", of))?;
    let documents = activity.documents.iter().map(|path| escaped(path)).collect::<Vec<_>>();
    let none = "none: write `openapi` in api.toml";
    writeln!(
        out,
        "| OpenAPI document | {} |",
        if documents.is_empty() { none.to_owned() } else { documents.join(", ") }
    )?;
    writeln!(
        out,
        "\n### Where data stands\n\n| route | direction | where | category | sensitivity |\n|---|---|---|---|---|"
    )?;
    for route in &activity.routes {
        route
            .fields
            .iter()
            .try_for_each(|field| writeln!(out, "| {} | {} |", escaped(&route.route), described(field)))?;
    }
    writeln!(out, "\n### Measures\n\n| | address | protection |\n|---|---|---|")?;
    activity.upstreams.iter().try_for_each(|peer| write_peer("upstream ", peer, out))?;
    activity.services.iter().try_for_each(|service| write_peer("service ", &service.peer, out))?;
    writeln!(out, "\n| route | for | policies it passes |\n|---|---|---|")?;
    activity.routes.iter().try_for_each(|route| write_route(route, out))?;
    let redacting: Vec<_> = activity.policies.iter().filter(|guard| guard.redacts).collect();
    if !redacting.is_empty() {
        writeln!(
            out,
            "\n| redacts | in the chain of | by annotations | if it fails | configuration |\n|---|---|---|---|---|"
        )?;
    }
    redacting.iter().try_for_each(|guard| write_guard(guard, out))
}

fn write_peer(kind: &str, peer: &Peer, out: &mut String) -> fmt::Result {
    let addresses = escaped(&peer.addresses.join(", "));
    writeln!(out, "| {kind}{} | {addresses} | {} |", escaped(&peer.name), escaped(&peer.protection))
}

fn write_route(route: &Route, out: &mut String) -> fmt::Result {
    let methods = if route.methods.is_empty() { "any method".to_owned() } else { route.methods.join(", ") };
    let chain = if route.chain.is_empty() { "none".to_owned() } else { route.chain.join(", ") };
    let known = if route.is_described { "" } else { ", not in the document" };
    let (name, path) = (escaped(&route.route), escaped(&route.path));
    writeln!(out, "| {name} | {} {path}{known} | {} |", escaped(&methods), escaped(&chain))
}

fn write_guard(guard: &Guard, out: &mut String) -> fmt::Result {
    let by = if guard.by_annotations { "yes" } else { "no" };
    let fails = if guard.is_skipped { "SKIPPED" } else { "503" };
    let (policy, chain, config) = (escaped(&guard.policy), escaped(&guard.chain), escaped(&guard.config.to_string()));
    writeln!(out, "| {policy} | {chain} | {by} | {fails} | {config} |")
}

fn write_gaps(gaps: &[Passing], out: &mut String) -> fmt::Result {
    writeln!(out, "\n## Gaps\n")?;
    if gaps.is_empty() {
        return writeln!(
            out,
            "None: each field of a response that is classified, beyond public, passes a policy that redacts by its annotation, as it is configured, or is listed below."
        );
    }
    writeln!(out, "What may pass as it is: {}.\n", gaps.len())?;
    write_passing(gaps, out)
}

/// What is no gap: data that callers send to the API it is meant for, and what is internal.
fn write_passes(passes: &[Passing], out: &mut String) -> fmt::Result {
    if passes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## What passes as it is\n")?;
    write_passing(passes, out)
}

fn write_passing(all: &[Passing], out: &mut String) -> fmt::Result {
    writeln!(out, "| route | direction | where | category | sensitivity | because |\n|---|---|---|---|---|---|")?;
    for Passing { api, route, field, because } in all {
        let place = route.as_ref().map_or_else(|| api.clone(), |route| format!("{api}/{route}"));
        let field = field.as_ref().map_or_else(|| "| | |".to_owned(), described);
        writeln!(out, "| {} | {field} | {} |", escaped(&place), escaped(because))?;
    }
    Ok(())
}

/// Direction, place, category and sensitivity, as cells.
fn described(field: &Field) -> String {
    let direction = match (field.direction, &field.status) {
        (Direction::Request, _) => "request".to_owned(),
        (Direction::Response, status) => format!("response {}", status.as_deref().unwrap_or_default()),
    };
    let cells = [&direction, &format!("{} {}", field.part, field.at), &field.category, field.sensitivity];
    cells.map(escaped).join(" | ")
}

fn categories(activity: &Activity) -> String {
    if activity.categories.is_empty() {
        return match activity.documents.is_empty() {
            true => "not known: there is no OpenAPI document".to_owned(),
            false => "none is annotated".to_owned(),
        };
    }
    let category = |it: &super::report::Category| {
        let fields = if it.fields == 1 { "field" } else { "fields" };
        escaped(&format!("{} ({}, {} {fields})", it.category, it.sensitivity, it.fields))
    };
    activity.categories.iter().map(category).collect::<Vec<_>>().join(", ")
}

/// Those the gateway knows, and those that are stated.
fn recipients(activity: &Activity, report: &Report) -> String {
    let mut all = vec!["whoever is let in by the policies of a route".to_owned()];
    let peer = |kind: &str, peer: &Peer| escaped(&format!("{kind} {} ({})", peer.name, peer.addresses.join(", ")));
    all.extend(activity.upstreams.iter().map(|it| peer("upstream", it)));
    all.extend(
        activity
            .services
            .iter()
            .map(|it| format!("{}, asked by {}", peer("service", &it.peer), escaped(&it.policies.join(", ")))),
    );
    all.extend(report.collectors.iter().map(|it| peer("collector of", it)));
    all.push(format!("others: {}", stated(&activity.recipients, "recipients", Api(&activity.folder))));
    all.join("; ")
}

/// What somebody stated, or what to write where.
fn stated(values: &[String], key: &str, wanted: Wanted<'_>) -> String {
    if !values.is_empty() {
        return values.iter().map(|value| escaped(value)).collect::<Vec<_>>().join("; ");
    }
    let file = match wanted {
        Gateway => "gateway.toml".to_owned(),
        Api(folder) => format!("{}/api.toml", escaped(folder)),
    };
    format!("not stated: write `{key}` under `[privacy]` of {file}")
}

/// Text of strangers that is shown as it is: no letter of it means anything in Markdown.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in plain(text).chars() {
        if matches!(letter, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~') {
            shown.push('\\');
        }
        shown.push(letter);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_strangers_is_no_markdown() {
        assert_eq!(escaped("$.items[*].e_mail"), "$.items\\[\\*\\].e\\_mail");
        assert_eq!(escaped("a | b\n<script>`x`"), "a \\| b\\\\n\\<script\\>\\`x\\`");
    }

    #[test]
    fn what_nobody_stated_says_where_to_write_it() {
        assert_eq!(stated(&[], "officer", Gateway), "not stated: write `officer` under `[privacy]` of gateway.toml");
        assert_eq!(
            stated(&[], "transfers", Api("pets")),
            "not stated: write `transfers` under `[privacy]` of pets/api.toml"
        );
        assert_eq!(stated(&["a".into(), "b|c".into()], "purposes", Gateway), "a; b\\|c");
    }
}
