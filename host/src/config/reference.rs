//! Owns the reference of all keys, rendered from the declarations that the parser reads with.

use std::fmt::Write as _;

use super::api::RawApi;
use super::gateway::RawGateway;
use super::section::{Need, Section};

const OPENING: &str = "# Configuration\n\n\
    Every key of the policies folder. This file is generated from the declarations the gateway reads with; do not edit it.\n\n\
    Durations are a whole number and `ms`, `s`, `m` or `h`; sizes a whole number and `B`, `KiB`, `MiB` or `GiB`. \
    Unknown keys are faults.\n";

/// The reference in Markdown.
pub(crate) fn reference() -> String {
    let mut out = OPENING.to_owned();
    let mut seen = Vec::new();
    for root in [&RawGateway::SECTION, &RawApi::SECTION] {
        render(root, 2, &mut seen, &mut out);
    }
    out
}

fn render(section: &'static Section, level: usize, seen: &mut Vec<&'static str>, out: &mut String) {
    if seen.contains(&section.title) {
        return;
    }
    seen.push(section.title);
    let docs = paragraph(section.docs);
    // Writing to a `String` cannot fail.
    let _ = write!(out, "\n{} `{}`\n\n{docs}\n", "#".repeat(level), section.title);
    if !section.one_of.is_empty() {
        let names = section.one_of.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
        let _ = write!(out, "\nExactly one of {}.\n", names.join(", "));
    }
    out.push_str("\n| key | value | default | meaning |\n|---|---|---|---|\n");
    for key in section.keys {
        let default = match key.need {
            Need::Required => "required".to_owned(),
            Need::Optional => "none".to_owned(),
            Need::Default(show) => format!("`{}`", show()),
        };
        let cells = [format!("`{}`", key.name), (key.describe)(), default, paragraph(key.docs)];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    for inner in section.keys.iter().filter_map(|key| key.section) {
        render(inner, 3, seen, out);
    }
}

fn paragraph(docs: &[&str]) -> String {
    docs.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_file_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/CONFIGURATION.md");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, reference()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(written == reference(), "CONFIGURATION.md is stale; run this test with UPDATE=1");
    }

    #[test]
    fn titles_are_unique_and_every_section_is_there() {
        let reference = reference();
        for title in [
            "gateway.toml",
            "[state]",
            "[runtime]",
            "[listen.NAME]",
            "[admin]",
            "[access_log]",
            "[request]",
            "[upstreams]",
            "[secret.NAME]",
            "[keys.NAME]",
            "[store.NAME]",
            "[limiter.NAME]",
            "[policy.NAME]",
            "limits",
            "[[chain]]",
            "<api>/api.toml",
            "[upstream.NAME]",
            "timeouts",
            "[[route]]",
            "match",
            "responder",
        ] {
            assert_eq!(reference.matches(&format!("# `{title}`\n")).count(), 1, "{title}");
        }
    }
}
