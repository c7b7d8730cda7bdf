//! The report for people, and the part of it that goes into gateway.toml.

use std::fmt::{self, Write};

use super::super::super::out::plain;
use super::super::component::Source;
use super::{Report, Snapshot};
use crate::sandbox::{BodyInterest, Bounds, Dependencies, Inspection, Interest, Origin};

/// Longest line of grants.
const WIDTH: usize = 100;

pub(super) fn text(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(report, &mut text);
    text
}

/// A policy of the component, as gateway.toml declares it.
pub(super) fn policy(source: &Source, inspection: &Inspection, grant: &[String]) -> String {
    let mut text = format!("[policy.{}]\nsource = {}\n", source.name(), quoted(&source.reference()));
    // Built-in policies change with the gateway: a pin would be wrong after each update.
    if let Source::File(_) = source {
        text.push_str(&format!("digest = \"{}\"\n", inspection.digest));
    }
    let words: Vec<_> = grant.iter().map(|word| quoted(word)).collect();
    let line = format!("grant = [{}]", words.join(", "));
    if line.len() <= WIDTH {
        return text + &line + "\n";
    }
    text + &format!("grant = [\n{}]\n", words.iter().map(|word| format!("    {word},\n")).collect::<String>())
}

fn write(report: &Report, out: &mut String) -> fmt::Result {
    let inspection = &report.inspection;
    writeln!(out, "{}", plain(&report.source))?;
    line(out, "size", &format!("{} B", inspection.size))?;
    line(out, "digest", &inspection.digest.to_string())?;
    line(out, "contract", &contract(inspection))?;
    let hooks = inspection.hooks.join(", ");
    line(out, "hooks", if hooks.is_empty() { "none" } else { &hooks })?;
    lines(
        out,
        "imports",
        inspection.imports.iter().map(|import| {
            let (mark, how) = match import.origin {
                Origin::Contract => ("", ""),
                Origin::Wasi => ("", "linked without powers: "),
                Origin::Refused => ("! ", "refused: "),
            };
            format!("{mark}{}  {how}{}", plain(&import.name), import.gives)
        }),
    )?;
    lines(out, "exports", inspection.exports.iter().map(|name| plain(name)))?;
    let bytes: usize = inspection.modules.iter().sum();
    line(out, "core modules", &format!("{} of {bytes} B together", inspection.modules.len()))?;
    lines(out, "memories", inspection.memories.iter().map(|memory| bounds(memory, 64, "KiB")))?;
    lines(out, "tables", inspection.tables.iter().map(|table| bounds(table, 1, "elements")))?;
    lines(
        out,
        "producers",
        inspection
            .producers
            .iter()
            .map(|producer| plain(format!("{}: {} {}", producer.field, producer.name, producer.version).trim_end())),
    )?;
    dependencies(out, &inspection.dependencies)?;
    line(out, "signature", &signature(report))?;
    match &report.image {
        Some(Snapshot::Bytes(bytes)) => line(out, "image", &format!("{bytes} B as compiled code"))?,
        Some(Snapshot::Impossible(reason)) => {
            line(out, "image", &plain(&format!("none, each instance is configured: {reason}")))?;
        }
        None => {}
    }
    if let Some(interest) = &report.interest {
        lines(out, "interest", interests(interest).into_iter())?;
    }
    if !report.was_run {
        line(out, "interest", "not asked (--no-run)")?;
    }
    if let Some(policy) = &report.policy {
        writeln!(out, "\nFor gateway.toml:\n\n{policy}")?;
    }
    Ok(())
}

fn line(out: &mut String, label: &str, text: &str) -> fmt::Result {
    writeln!(out, "  {label:<13} {text}")
}

/// The label stands at the first line only.
fn lines(out: &mut String, label: &str, texts: impl Iterator<Item = String>) -> fmt::Result {
    let mut texts = texts.peekable();
    if texts.peek().is_none() {
        return line(out, label, "none");
    }
    texts.enumerate().try_for_each(|(at, text)| line(out, if at == 0 { label } else { "" }, &text))
}

fn contract(inspection: &Inspection) -> String {
    match inspection.contract.as_slice() {
        [] => "none: it is no policy".to_owned(),
        versions => format!("lockgate:policy@{}", plain(&versions.join(", "))),
    }
}

fn bounds(bounds: &Bounds, unit: u64, name: &str) -> String {
    let most = bounds.maximum.map(|most| format!("at most {} {name}", most.saturating_mul(unit)));
    format!("{} {name}, {}", bounds.minimum.saturating_mul(unit), most.as_deref().unwrap_or("no maximum of its own"))
}

fn dependencies(out: &mut String, dependencies: &Dependencies) -> fmt::Result {
    match dependencies {
        Dependencies::None => line(out, "dependencies", "not listed"),
        Dependencies::Unreadable(reason) => line(out, "dependencies", &format!("! a list, but {}", plain(reason))),
        Dependencies::Listed(packages) => {
            let (tools, parts): (Vec<_>, Vec<_>) = packages.iter().partition(|package| package.kind == "build");
            let parts =
                parts.iter().map(|package| format!("{} {} ({})", package.name, package.version, package.source));
            let tools = (!tools.is_empty()).then(|| format!("and {} to build it, see --json", tools.len()));
            lines(out, "dependencies", parts.chain(tools).map(|text| plain(&text)))
        }
    }
}

fn signature(report: &Report) -> String {
    let Some(signed) = &report.signature else { return "none".to_owned() };
    let (Some(id), Some(comment)) = (&signed.key_id, &signed.comment) else {
        return format!("! {} is none", plain(&signed.file.display().to_string()));
    };
    let verified = match signed.verified {
        Some(true) => "good",
        Some(false) => "! not good",
        None => "not verified (--key)",
    };
    format!("{verified}, by the key {id}: {}", plain(comment))
}

fn interests(interest: &Interest) -> Vec<String> {
    let names = |what: &str, names: &[String]| {
        let shown: Vec<_> = names.iter().map(|name| plain(name)).collect();
        (!names.is_empty()).then(|| format!("{what} {}", shown.join(", ")))
    };
    let may = |may: bool, what: &str| may.then(|| what.to_owned());
    let stores = interest
        .stores
        .iter()
        .map(|(name, write)| Some(format!("{} the store {}", if *write { "writes" } else { "reads" }, plain(name))));
    let fixed = [
        names("reads of requests", &interest.request_read),
        names("writes to requests", &interest.request_write),
        names("reads of responses", &interest.response_read),
        names("writes to responses", &interest.response_write),
        names("reads the attributes", &interest.attributes_read),
        names("writes the attributes", &interest.attributes_write),
        names("reads of records", &interest.records_read),
        names("writes to records", &interest.records_write),
        may(interest.may_respond, "may answer requests itself"),
        may(interest.may_set_target, "may send requests to another path"),
        may(interest.may_set_status, "may change the status"),
        interest.request_body.as_ref().map(|wanted| body("requests", wanted)),
        interest.response_body.as_ref().map(|wanted| body("responses", wanted)),
        names("verifies with the keys", &interest.keys),
        names("signs with the keys", &interest.signs),
        names("seals with the keys", &interest.seals),
        names("asks the services", &interest.egress),
        names("counts in the limiters", &interest.limiters),
        may(interest.consumers, "may ask whose key something is"),
    ];
    fixed.into_iter().chain(stores).flatten().collect()
}

fn body(of: &str, body: &BodyInterest) -> String {
    let access = if body.edit { "reads and changes" } else { "reads" };
    let how = match body.buffered {
        true => format!("whole, up to {} B", body.max_bytes),
        false => "piece by piece".to_owned(),
    };
    let types = match body.content_types.as_slice() {
        [] => "any type".to_owned(),
        types => plain(&types.join(", ")),
    };
    let others = if body.refuse_others { "refuses other types" } else { "lets other types pass" };
    format!("{access} bodies of {of}: {types}; {how}; {others}")
}

/// As TOML takes it, whatever is in it, on one line and without what a terminal would act on.
fn quoted(text: &str) -> String {
    let escaped = |letter: char| match letter {
        '"' | '\\' => format!("\\{letter}"),
        '\'' => letter.to_string(),
        _ if letter.escape_debug().count() == 1 => letter.to_string(),
        _ => format!("\\U{:08X}", u32::from(letter)),
    };
    format!("\"{}\"", text.chars().map(escaped).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::quoted;

    proptest::proptest! {
        #[test]
        fn any_text_is_quoted_so_that_toml_reads_it_back(text: String) {
            let line = format!("a = {}", quoted(&text));
            assert!(!line.chars().any(char::is_control), "{line}");
            let table: toml::Table = line.parse().unwrap();
            assert_eq!(table["a"].as_str(), Some(text.as_str()));
        }
    }
}
