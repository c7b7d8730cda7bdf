//! An answer as CSV (RFC 4180): one line for all, for each step, and for each row of each table.

use std::fmt::Write;

use super::answer::Answer;
use super::sum::{Figures, Part, Total};

const HEADS: &str = "table,name,requests,errors,error_rate,per_second,bytes_in,bytes_out,retries,mean_us,p50_us,p90_us,\
                     p99_us,p999_us,upstream_p50_us,upstream_p99_us,gateway_p50_us,gateway_p99_us,policy_us\n";

impl Answer {
    pub(crate) fn csv(&self) -> String {
        let mut text = HEADS.to_owned();
        row(&mut text, "total", "", &self.total);
        for point in &self.points {
            row(&mut text, "time", &point.at, &point.figures);
        }
        for table in &self.tables {
            for line in &table.rows {
                row(&mut text, table.by, &line.name, &line.figures);
            }
            if let Some(other) = &table.other {
                row(&mut text, table.by, "", &other.figures);
            }
        }
        text
    }
}

fn row(text: &mut String, table: &str, name: &str, it: &Figures) {
    // Writing to a string cannot fail.
    let _ = write!(text, "{table},{}", quoted(name));
    let _ = write!(text, ",{},{},{},{}", it.requests, it.errors, it.error_rate, it.per_second);
    let _ = write!(text, ",{},{},{}", it.bytes_in, it.bytes_out, it.retries);
    let total = total(it.total_us.as_ref());
    let [upstream, gateway] = [&it.upstream_us, &it.gateway_us].map(|it| part(it.as_ref()));
    for us in total.into_iter().chain(upstream).chain(gateway).chain([it.policy_us]) {
        text.push(',');
        if let Some(us) = us {
            let _ = write!(text, "{us}");
        }
    }
    text.push('\n');
}

fn total(it: Option<&Total>) -> [Option<f64>; 5] {
    it.map_or([None; 5], |it| [it.mean, it.p50, it.p90, it.p99, it.p999].map(Some))
}

fn part(it: Option<&Part>) -> [Option<f64>; 2] {
    it.map_or([None; 2], |it| [it.p50, it.p99].map(Some))
}

/// A spreadsheet takes what begins so for a formula, and names come from strangers.
const FORMULAS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

fn quoted(name: &str) -> String {
    let name = if name.starts_with(FORMULAS) { format!("'{name}") } else { name.to_owned() };
    match name.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", name.replace('"', "\"\"")),
        false => name,
    }
}
