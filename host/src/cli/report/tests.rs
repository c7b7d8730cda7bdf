//! Tests of what is printed of an answer.

use super::text::{lines, shape};
use crate::report::{Answer, Figures, Part, Point, Row, Table, Total};

fn figures(requests: u64) -> Figures {
    Figures {
        requests,
        errors: 3,
        error_rate: 0.0125,
        per_second: 2.5,
        bytes_in: 1,
        bytes_out: 2,
        retries: 0,
        total_us: Some(Total { mean: 1.5, p50: 850.0, p90: 1_500.0, p99: 12_340.0, p999: 2_000_000.0 }),
        upstream_us: Some(Part { p50: 700.0, p99: 9_000.0 }),
        gateway_us: None,
        policy_us: Some(5.1),
    }
}

fn answer() -> Answer {
    let point = |hour, requests| Point { at: format!("2026-01-01T0{hour}:00:00Z"), figures: figures(requests) };
    let row = |name: &str, requests| Row { name: name.into(), figures: figures(requests), trend: vec![0, 100, 140] };
    Answer {
        from: "2026-01-01T00:00:00Z".into(),
        to: "2026-01-01T03:00:00Z".into(),
        start: 1_767_225_600,
        step: 3600,
        total: figures(240),
        points: vec![point(0, 0), point(1, 100), point(2, 140)],
        tables: vec![Table {
            by: "consumer",
            rows: vec![row("a \"b\",\u{1b}[2J", 200)],
            other: Some(row("other", 40)),
            others: 7,
        }],
    }
}

#[test]
fn tables_stand_below_each_other() {
    let text: Vec<_> = lines(&answer()).iter().map(|line| line.join("|")).collect();
    let expected = [
        "|REQUESTS|ERRORS|     |PER S|  P50|  P90|   P99|P99.9|UPSTREAM P99|GATEWAY P99|POLICIES|REQUESTS OVER TIME",
        "all|     240|     3|1.25%| 2.50|850us|1.5ms|12.3ms|   2s|         9ms|          -|   5.1us|▁▆█",
        "||||||||||||",
        "CONSUMER|REQUESTS|ERRORS|     |PER S|  P50|  P90|   P99|P99.9|UPSTREAM P99|GATEWAY P99|POLICIES|REQUESTS OVER TIME",
        "a \"b\",\\u{1b}[2J|     200|     3|1.25%| 2.50|850us|1.5ms|12.3ms|   2s|         9ms|          -|   5.1us|▁▆█",
        "(7 others)|      40|     3|1.25%| 2.50|850us|1.5ms|12.3ms|   2s|         9ms|          -|   5.1us|▁▆█",
    ];
    assert_eq!(text, expected);
}

#[test]
fn csv_has_all_of_it() {
    let text = answer().csv();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 7);
    let figures = "0.0125,2.5,1,2,0,1.5,850,1500,12340,2000000,700,9000,,,5.1";
    assert_eq!(lines[0].split(',').count(), lines[1].split(',').count());
    assert_eq!(lines[1], format!("total,,240,3,{figures}"));
    assert_eq!(lines[4], format!("time,2026-01-01T02:00:00Z,140,3,{figures}"));
    assert_eq!(lines[5], format!("consumer,\"a \"\"b\"\",\u{1b}[2J\",200,3,{figures}"));
    assert_eq!(lines[6], format!("consumer,,40,3,{figures}"));
}

#[test]
fn names_are_no_formulas_in_csv() {
    let mut answer = answer();
    let told = ["=1+1", "+1", "-1", "@SUM(A1)", "=a,\"b\"", "a=b"].map(|name| {
        answer.tables[0].rows[0].name = name.to_owned();
        let text = answer.csv();
        let line = text.lines().find_map(|line| line.strip_prefix("consumer,")).unwrap();
        line.strip_suffix(&line[line.find(",200,").unwrap()..]).unwrap().to_owned()
    });
    assert_eq!(told, ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "\"'=a,\"\"b\"\"\"", "a=b"]);
}

#[test]
fn the_shape_of_many_steps_is_as_wide_as_that_of_few() {
    assert_eq!((shape(&[]), shape(&[0, 0]), shape(&[0, 1, 50, 100])), (String::new(), "▁▁".into(), "▁▂▅█".into()));
    assert_eq!(shape(&[3; 500]).chars().count(), 32);
    assert_eq!(shape(&[7; 32]), "█".repeat(32));
}
