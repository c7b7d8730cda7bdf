//! Owns the audit as people read it in a terminal: routes, then each policy once, then every place where one may be skipped.

use std::fmt::{self, Write};

use super::super::out::plain;
use super::report::{Report, Route};
use super::words::{self, topics};

pub(super) fn text(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(report, &mut text);
    text
}

fn write(report: &Report, out: &mut String) -> fmt::Result {
    let content = &report.content;
    writeln!(out, "Reviewed: {}", report.digest)?;
    writeln!(out, "By lockgate {}, wasmtime {}.", content.lockgate, content.wasmtime)?;
    writeln!(out, "{}", words::signatures(report))?;
    writeln!(out, "\nROUTES, best match first; policies in the order in which requests meet them")?;
    writeln!(out, "{}", words::FAILURES)?;
    content.routes.iter().try_for_each(|route| write_route(route, report, out))?;
    writeln!(out, "\nPOLICIES")?;
    for used in &content.uses {
        let api = if used.api.is_empty() { "the gateway's own chain" } else { &used.api };
        writeln!(out, "\n{}  (the policy {}, used by {})", plain(&used.id), plain(&used.policy), plain(api))?;
        for topic in topics(used, report) {
            for (at, line) in topic.lines.iter().enumerate() {
                writeln!(out, "  {:<13} {line}", if at == 0 { topic.title } else { "" })?;
            }
        }
    }
    writeln!(out, "\nLISTENERS")?;
    for listener in &content.listeners {
        writeln!(out, "\n{}", plain(&listener.name))?;
        listener.lines().iter().try_for_each(|line| writeln!(out, "  {}", plain(line)))?;
    }
    write_upstreams(report, out)?;
    write_ends(report, out)
}

fn write_route(route: &Route, report: &Report, out: &mut String) -> fmt::Result {
    let (matched, to) = (words::matched(route), words::leads_to(route, report));
    writeln!(out, "\n{}  {}  ->  {}", plain(&route.name()), plain(&matched), plain(&to))?;
    words::upgrades(route).iter().try_for_each(|upgrades| writeln!(out, "      {}", plain(upgrades)))?;
    for (position, link) in (1..).zip(&route.chain) {
        writeln!(out, "  {position:>2}  {:<28} {}", plain(&link.id), words::on_error(link.on_error))?;
    }
    match &route.responder {
        Some(id) => writeln!(out, "  ->  {:<28} answers", plain(id)),
        None if route.chain.is_empty() => writeln!(out, "      no policy"),
        None => Ok(()),
    }
}

fn write_upstreams(report: &Report, out: &mut String) -> fmt::Result {
    writeln!(out, "\nUPSTREAMS: {}", count(report.content.upstreams.len()))?;
    for upstream in &report.content.upstreams {
        let left_out = upstream.eject.as_ref().map(words::leaves_out).unwrap_or_default();
        writeln!(out, "  {}  {left_out}", plain(&upstream.name))?;
    }
    Ok(())
}

/// What must not be missed.
fn write_ends(report: &Report, out: &mut String) -> fmt::Result {
    let content = &report.content;
    writeln!(out, "\nDECLARED AND NOT USED: {}", count(content.unused.len()))?;
    for unused in &content.unused {
        let grants = if unused.grants.is_empty() { "nothing".to_owned() } else { unused.grants.join(", ") };
        writeln!(out, "  {}  {}, granted {}", plain(&unused.policy), plain(&unused.source), plain(&grants))?;
    }
    let idle: Vec<_> = content.services.iter().filter(|service| service.asked_by.is_empty()).collect();
    idle.iter().try_for_each(|service| writeln!(out, "  the service {}", plain(&service.name)))?;
    writeln!(out, "\nSKIPPED WHEN THEY FAIL: {}", count(content.skips.len()))?;
    for skip in &content.skips {
        writeln!(out, "  {}  {} (position {})", plain(&skip.place()), plain(&skip.id), skip.position)?;
    }
    Ok(())
}

fn count(count: usize) -> String {
    if count == 0 { "none".to_owned() } else { count.to_string() }
}
