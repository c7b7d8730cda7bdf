//! `lockgate report`: how much was asked for, by whom, how long it took and what failed.

#[cfg(test)]
mod tests;
mod text;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::Context;
use serde_json::json;

use super::out;
use crate::dashboard;
use crate::report::{Asked, Query, QueryFault, Reader};
use crate::state::StateDir;

pub(super) use text::duration;

/// What it means that the store cannot be read.
const NONE: &str = "there is no report";
/// Exit status where the question is wrong, as for other arguments.
const WRONG: u8 = 2;

const EXAMPLES: &str = "\
Examples:
  lockgate report                                        all requests of the last 24 hours
  lockgate report --by operation,consumer                which operations, and which consumers
  lockgate report --by code,class --where status=5xx,4xx which errors
  lockgate report --by operation --where blame=upstream --from -7d
  lockgate report --by operation --where status=5xx --where blame=ok      what upstreams themselves answered so
  lockgate report --where consumer=shop --from -2h --step 5m --json
  lockgate report --by consumer --from 2026-01-01 --to 2026-02-01 --limit 10000 --csv > january.csv
  lockgate report --from -7d --html week.html            a page that needs nothing else, with charts and tables of all

DIMENSIONS are `api`, `version`, `operation`, `consumer`, `application`, `status` (such as 5xx), `code` (such as 503), `class` (of the error, or `ok`)
and `blame` (`client`, `policy`, `plugin`, `upstream`, `gateway`; `ok` where nothing went wrong in the gateway: an answer that an upstream gave itself,
be it a 500, is `ok` and found by its status); and of calls of policies, which are counted apart, `policy`, `hook` and `verdict`.
Each is a table of its own, with the most used first. Requests are counted by
operation and by consumer, never by both together: what no table has is refused, and what to ask in its place is said. `petstore/getPet` is the operation
of one API, `getPet` that of any; `__none__` is what has none, and `__other__` counts what came beyond 2 000 operations or 10 000 consumers in a day.

In a value, `\\,` is a comma: `--where 'consumer=CN=shop\\,O=Acme'`.

A range is answered in whole steps. Minutes, hours and days are those of UTC; minutes are kept for 48 hours, hours for 90 days, days for three years. An
error is what ended badly or had an answer of 400 and above. Percentiles are at most 1.1 % off; those of a range are merged from those of its steps, never
averaged. POLICIES is the mean of what policies took. It is read from the state directory, whether a gateway runs or not; what came in the last seconds is
not there yet, and a loss of power can cost what came since the last checkpoint. Errors and slow requests are also kept one by one, up to a bound for each
minute, in `report/samples-*.db`; `lockgate dashboard` shows them.

JSON has `format`, `from`, `to`, `step` (seconds), `total`, `points` (one for each step) and `tables` (`by`, `rows` with their `trend`, `other`: the rest
beyond the limit, `others`: how many those are). Figures are `requests`, `errors`, `error_rate`, `per_second`, `bytes_in`, `bytes_out`, `retries`,
`total_us`, `upstream_us`, `gateway_us` and `policy_us`, in microseconds. In CSV, `table` is `total`, `time` or a dimension, and a row without a name is the rest;
names that a spreadsheet would take for a formula have a `'` before them.

Exit status: 0; 1 if the store cannot be read; 2 for wrong arguments.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// What to tell requests apart by
    #[arg(long, value_name = "DIMENSIONS")]
    by: Vec<String>,
    /// Since when: `-24h`, `-30m`, `-7d`, `2026-01-31`, `2026-01-31T12:00:00Z` [default: -24h]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Until when [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// How long each step is, such as `5m`, `1h` or `1d` [default: as fits the range]
    #[arg(long, value_name = "SPAN", allow_hyphen_values = true)]
    step: Option<String>,
    /// Only requests of which this holds, such as `status=5xx` or `api=petstore,orders`; all of several do
    #[arg(long = "where", value_name = "DIMENSION=VALUES")]
    conditions: Vec<String>,
    /// Rows of each table; the rest is one [default: 10]
    #[arg(long, value_name = "ROWS", allow_hyphen_values = true)]
    limit: Option<String>,
    /// Print the answer as JSON
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print the answer as CSV
    #[arg(long)]
    csv: bool,
    /// Write the answer as a page with charts to a file, `-` for standard output
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "csv"])]
    html: Option<PathBuf>,
    /// The state directory of the gateway [default: $STATE_DIRECTORY, or else .lockgate]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Args { by, from, to, step, conditions, limit, json, csv, html, state } = args;
    let asked = Asked { by, from, to, step, conditions, limit };
    let now = SystemTime::now();
    let query = match Query::parse(&asked, now) {
        Ok(query) => query,
        Err(faults) => return Ok(refused(&faults, json)),
    };
    let state = state.unwrap_or_else(StateDir::default_path);
    let reader = Reader::open(&state).context(NONE)?;
    if let Some(file) = html {
        let page = dashboard::file(&reader, &asked, &query, now)?;
        if file.as_os_str() == "-" {
            out::text(&page);
        } else {
            std::fs::write(&file, page).with_context(|| format!("cannot write {}", file.display()))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let answer = reader.query(&query).context(NONE)?;
    if json {
        out::line(&answer.json());
    } else if csv {
        out::text(&answer.csv());
    } else {
        text::show(&answer);
    }
    Ok(ExitCode::SUCCESS)
}

/// The question is wrong.
pub(super) fn refused(faults: &[QueryFault], json: bool) -> ExitCode {
    if json {
        out::line(&json!({ "ok": false, "faults": faults }).to_string());
    } else {
        faults.iter().for_each(|fault| out::error(&fault.to_string()));
    }
    ExitCode::from(WRONG)
}
