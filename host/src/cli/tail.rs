//! `lockgate tail`: requests as they end, from a running gateway.

use std::io::{IsTerminal, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;

use form_urlencoded::Serializer;
use serde::Deserialize;

use super::admin::{End, Gateway, understood};
use super::out;
use super::report::{duration, refused};
use crate::report::Filter;

const EXAMPLES: &str = "\
Examples:
  lockgate tail                                         every request, as it ends
  lockgate tail --where status=5xx,4xx                  errors
  lockgate tail --where api=petstore --slower 500ms     what takes long
  lockgate tail --where consumer=shop --where operation=petstore/getPet
  lockgate tail --json | jq -c 'select(.retries > 0)'   a JSON object on each line, for programs

A line has the time (UTC), the status, the method, the operation, the consumer, how long it took, the part of the upstream in it, the class of the error
and who is to blame, and the id of the request. What may be asked about is what `lockgate report --help` says; here operation and consumer may be asked
about together. Requests come up to a quarter of a second after they end. Who reads too slowly is told how many are missing; requests never wait for that.

JSON has `time`, `time_us`, `id`, `trace`, `api`, `version`, `operation`, `consumer`, `application`, `method`, `path` (the pattern), `status`, `class`, `blame`,
`total_us`, `upstream_us`, `policy_us`, `gateway_us`, `bytes_in`, `bytes_out`, `retries`, `generation`, `client` (its network) and `policies` (what each said); or `missed` alone.

It needs [analytics] in gateway.toml. Exit status: 0 when the gateway ends or Ctrl-C is pressed; 1 if there is no gateway, it breaks off or nothing can be
followed; 2 for wrong arguments.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Only requests of which this holds, such as `status=5xx` or `api=petstore,orders`; all of several do
    #[arg(long = "where", value_name = "DIMENSION=VALUES")]
    conditions: Vec<String>,
    /// Only requests that took longer, such as `500ms` or `2s`
    #[arg(long, value_name = "TIME")]
    slower: Option<String>,
    /// Print what /tail says, a JSON object on each line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    gateway: Gateway,
}

/// What is shown of a line.
#[derive(Deserialize)]
#[serde(untagged)]
enum Said {
    Missed { missed: u64 },
    Request(Box<Request>),
}

#[derive(Deserialize)]
struct Request {
    time: String,
    id: String,
    api: Option<String>,
    operation: Option<String>,
    consumer: Option<String>,
    method: String,
    status: Option<u16>,
    class: String,
    blame: String,
    total_us: f64,
    upstream_us: Option<f64>,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Args { conditions, slower, json, gateway } = args;
    if let Err(faults) = Filter::parse(&conditions, slower.as_deref()) {
        return Ok(refused(&faults, json));
    }
    let mut query = Serializer::new(String::new());
    query.extend_pairs(conditions.iter().map(|condition| ("where", condition)));
    query.extend_pairs(slower.iter().map(|slower| ("slower", slower)));
    let mut lines = Lines { is_coloured: std::io::stdout().is_terminal(), operation: 24, consumer: 8 };
    let begun = || out::progress("requests are shown as they end; Ctrl-C ends this");
    let end = gateway.follow(&format!("/tail?{}", query.finish()), begun, |line| {
        let text = if json { line.to_owned() } else { lines.show(&understood(line)?) };
        // Whoever read this has had enough.
        Ok(match writeln!(std::io::stdout(), "{text}") {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        })
    })?;
    if end == End::Said {
        out::progress("the gateway ends");
    }
    Ok(ExitCode::SUCCESS)
}

/// Lines whose columns stand below each other, each as wide as its widest until now.
struct Lines {
    is_coloured: bool,
    operation: usize,
    consumer: usize,
}

impl Lines {
    fn show(&mut self, said: &Said) -> String {
        let it = match said {
            Said::Missed { missed } => {
                return self.coloured("33", &format!("({missed} more came too fast to be shown)"));
            }
            Said::Request(request) => request,
        };
        let name = |name: &Option<String>| out::plain(name.as_deref().unwrap_or("-"));
        let operation = match &it.api {
            Some(api) => format!("{}/{}", out::plain(api), name(&it.operation)),
            None => "-".to_owned(),
        };
        let consumer = name(&it.consumer);
        self.operation = self.operation.max(operation.chars().count()).min(60);
        self.consumer = self.consumer.max(consumer.chars().count()).min(40);
        let (status, colour) = match it.status {
            Some(status @ 0..400) => (status.to_string(), "32"),
            Some(status @ 400..500) => (status.to_string(), "33"),
            Some(status) => (status.to_string(), "31"),
            None => ("---".to_owned(), "31"),
        };
        let upstream = it.upstream_us.map_or_else(|| "-".to_owned(), duration);
        let end = match &*it.blame {
            "ok" => out::plain(&it.class),
            blame => format!("{} ({})", out::plain(&it.class), out::plain(blame)),
        };
        let time = it.time.get(11..23).unwrap_or(&it.time);
        let (status, method) = (self.coloured(colour, &status), out::plain(&it.method));
        let (wide, narrow) = (self.operation, self.consumer);
        format!(
            "{}  {status}  {method:7}  {operation:wide$}  {consumer:narrow$}  {:>7} ({:>7})  {end:28}  {}",
            out::plain(time),
            duration(it.total_us),
            upstream,
            out::plain(&it.id),
        )
    }

    fn coloured(&self, colour: &str, text: &str) -> String {
        if self.is_coloured { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"time":"2026-11-28T03:45:00.123456Z","id":"a1","trace":null,"api":"pets","operation":"getPet","consumer":"shop\u001b[2J",
        "method":"GET","status":503,"class":"upstream_connect","blame":"upstream","total_us":12345,"upstream_us":null}"#;

    #[test]
    fn a_line_has_columns_that_grow_and_moves_no_cursor() {
        let mut lines = Lines { is_coloured: false, operation: 6, consumer: 6 };
        let first = lines.show(&understood(LINE).unwrap());
        let wanted = "03:45:00.123  503  GET      pets/getPet  shop\\u{1b}[2J   12.3ms (      -)  upstream_connect (upstream)   a1";
        assert_eq!(first, wanted);
        let second = lines.show(&understood(&LINE.replace("getPet", "a").replace("503", "null")).unwrap());
        assert!(second.starts_with("03:45:00.123  ---  GET      pets/a       shop"), "{second}");
        assert!(lines.show(&understood(r#"{"missed":7}"#).unwrap()).contains("7 more came"));
    }

    #[test]
    fn there_is_colour_only_where_it_is_wanted() {
        let mut lines = Lines { is_coloured: true, operation: 6, consumer: 6 };
        assert!(lines.show(&understood(LINE).unwrap()).contains("\x1b[31m503\x1b[0m"));
    }
}
