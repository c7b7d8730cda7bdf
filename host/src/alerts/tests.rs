//! Tests of the room as others use it: requests are observed at given times.

use std::time::{Duration, UNIX_EPOCH};

use super::course::Phase;
use super::notice::Notice;
use super::*;
use crate::config::{Config, Tree};
use crate::report::tests::{NOON, failed, finished};
use crate::telemetry::metrics::Metrics;

const LISTEN: &str = "[listen.a]\naddress = '127.0.0.1:1'\n[analytics]\n";

/// An alert, and the clock that goes on while it is watched.
struct Story {
    alert: Arc<Alert>,
    metrics: Metrics,
    now: Instant,
    /// What the other clock says, which may be anything.
    time: SystemTime,
}

impl Story {
    fn of(table: &str) -> Self {
        let text = format!("{LISTEN}[alert.orders]\n{table}\n");
        let mut config = Config::parse(&Tree::from_files([("gateway.toml", text)])).unwrap();
        let metrics = Metrics::new("1", "1");
        let alert = Alert::new("orders", config.alerts.remove("orders").unwrap(), metrics.alert("orders"));
        let time = UNIX_EPOCH + Duration::from_secs(NOON);
        Self { alert: Arc::new(alert), metrics, now: Instant::now(), time }
    }

    /// So many milliseconds later so many requests like this one have ended.
    fn observe(&mut self, millis: u64, count: usize, finished: &Finished) -> Phase {
        self.now += Duration::from_millis(millis);
        let batch = vec![finished.clone(); count];
        // They are read by halves, and judged together.
        let (one, other) = batch.split_at(count / 2);
        for part in [one, other, &[]] {
            self.alert.observe(part, self.now, self.time);
        }
        self.alert.standing().phase
    }

    fn text(&self) -> String {
        Notice::of(&self.alert, &self.alert.standing(), false).text
    }
}

#[test]
fn it_fires_as_soon_as_it_holds_of_enough_requests() {
    let mut story = Story::of("when = 'error-rate > 5%'\nover = '1m'");
    assert_eq!(story.observe(0, 19, &failed(NOON)), Phase::Ok);
    assert_eq!(story.observe(250, 1, &failed(NOON)), Phase::Firing);
    assert!(story.metrics.encode().contains("lockgate_alerts_firing{alert=\"orders\"} 1"));
    let said = "orders fires: error-rate is 100% over the last 1m (20 of 20 requests; it fires above 5%)";
    assert_eq!(story.text(), said);
}

#[test]
fn what_is_read_in_parts_is_judged_together() {
    let story = Story::of("when = 'error-rate > 5%'\nover = '1m'");
    let observe = |batch: &[Finished]| story.alert.observe(batch, story.now, story.time);
    observe(&vec![failed(NOON); 30]);
    assert_eq!(story.alert.standing().phase, Phase::Ok, "more of the same moment may come");
    observe(&vec![finished(NOON); 2_000]);
    observe(&[]);
    assert_eq!(story.alert.standing().phase, Phase::Ok, "30 of 2030 are 1.5 %");
}

#[test]
fn it_is_resolved_when_it_has_not_held_for_a_while_and_flaps_no_quicker() {
    let mut story = Story::of("when = 'error-rate > 50%'\nover = '1m'\nkeep_firing_for = '10s'");
    assert_eq!(story.observe(0, 30, &failed(NOON)), Phase::Firing);
    assert_eq!(story.observe(250, 31, &finished(NOON)), Phase::Firing);
    assert_eq!(story.observe(9_000, 10, &failed(NOON)), Phase::Firing);
    assert_eq!(story.observe(5_000, 11, &finished(NOON)), Phase::Firing);
    assert_eq!(story.observe(9_999, 0, &finished(NOON)), Phase::Firing);
    assert_eq!(story.observe(1, 0, &finished(NOON)), Phase::Ok);
    assert!(story.metrics.encode().contains("lockgate_alerts_firing{alert=\"orders\"} 0"));
    assert!(story.text().starts_with("orders is resolved: error-rate is 48.78% over"), "{}", story.text());
}

#[test]
fn where_nothing_comes_any_more_nothing_is_known_and_it_is_resolved() {
    let mut story = Story::of("when = 'error-rate > 5%'\nover = '1m'\nkeep_firing_for = '0ms'");
    assert_eq!(story.observe(0, 20, &failed(NOON)), Phase::Firing);
    assert_eq!(story.observe(57_000, 0, &failed(NOON)), Phase::Firing);
    assert_eq!(story.observe(3_000, 0, &failed(NOON)), Phase::Ok);
    assert!(story.text().contains("there are too few requests to tell its error-rate"), "{}", story.text());
}

#[test]
fn only_what_is_asked_about_counts_and_only_what_is_said_to_be_one_is_an_error() {
    let not_found = Finished { status: Some(404), ..finished(NOON) };
    let mut story =
        Story::of("when = 'error-rate > 50%'\nwhere = ['api=petstore']\nat_least = 1\nerrors = ['status=5xx']");
    assert_eq!(story.observe(0, 50, &not_found), Phase::Ok);
    assert_eq!(story.observe(250, 99, &Finished { operation: None, ..failed(NOON) }), Phase::Ok);
    assert_eq!(story.observe(250, 51, &failed(NOON)), Phase::Firing);
    assert!(story.text().contains(" where api=petstore (51 of 101 requests"), "{}", story.text());
}

#[test]
fn times_are_watched_by_their_percentiles() {
    let mut story = Story::of("when = 'p90 > 500ms'\nover = '1m'");
    let slow = Finished { total_us: 1_500_000, ..finished(NOON) };
    assert_eq!(story.observe(0, 90, &finished(NOON)), Phase::Ok);
    assert_eq!(story.observe(250, 10, &slow), Phase::Ok);
    assert_eq!(story.observe(250, 1, &slow), Phase::Firing);
    assert!(story.text().starts_with("orders fires: p90 is 1.5"), "{}", story.text());
}

#[test]
fn that_too_little_comes_is_known_after_a_whole_window_only() {
    let mut story = Story::of("when = 'requests < 10'\nover = '1m'");
    assert_eq!(story.observe(0, 0, &finished(NOON)), Phase::Ok);
    assert_eq!(story.observe(57_999, 9, &finished(NOON)), Phase::Ok);
    assert_eq!(story.observe(2_001, 0, &finished(NOON)), Phase::Firing);
    let mut story = Story::of("when = 'requests < 10'\nover = '1m'");
    for _ in 0..400 {
        assert_eq!(story.observe(5_000, 1, &finished(NOON)), Phase::Ok, "twelve a minute");
    }
    let mut story = Story::of("when = 'requests > 600'\nover = '1m'");
    assert_eq!(story.observe(0, 601, &finished(NOON)), Phase::Firing, "more than enough is known at once");
}

#[test]
fn how_many_come_is_told_as_people_say_it() {
    let mut story = Story::of("when = 'requests < 10'\nover = '1m'");
    story.observe(0, 0, &finished(NOON));
    story.observe(60_000, 1, &finished(NOON));
    let text = story.text();
    assert!(text.starts_with("orders fires: requests came at 1.03 a minute over the last 1m"), "{text}");
    assert!(text.ends_with(" (1 request; it fires below 10 a minute)"), "{text}");
    let mut story = Story::of("when = 'error-rate > 5%'\nover = '1m'\nat_least = 1");
    story.observe(0, 1, &failed(NOON));
    assert!(story.text().contains("(1 of 1 request; it fires above 5%)"), "{}", story.text());
}

#[test]
fn a_clock_that_is_set_changes_nothing_but_what_is_shown() {
    let mut story = Story::of("when = 'requests < 10'\nover = '1m'");
    for time in [NOON, NOON + 365 * 86_400, 0, NOON] {
        story.time = UNIX_EPOCH + Duration::from_secs(time);
        for _ in 0..30 {
            // Of whatever time they say they are.
            let finished = finished(time + 86_400);
            assert_eq!(story.observe(2_000, 1, &finished), Phase::Ok);
        }
    }
    assert_eq!(story.alert.standing().reading.requests, 30);
}

#[tokio::test]
async fn an_alert_that_stays_goes_on_and_one_that_is_gone_is_over() {
    let tasks = tokio::task::LocalSet::new();
    let mut story = Story::of("when = 'error-rate > 5%'\nover = '1m'");
    let (alerts, other) = (Alerts::default(), Story::of("when = 'error-rate > 6%'\nover = '1m'").alert);
    let observe = |story: &Story, count| {
        [&vec![failed(NOON); count][..], &[]].iter().for_each(|batch| alerts.observe(batch, story.now));
    };
    tasks.run_until(async { alerts.take_up(vec![story.alert.clone()]) }).await;
    observe(&story, 10);
    tasks.run_until(async { alerts.take_up(vec![story.alert.clone(), other.clone()]) }).await;
    observe(&story, 10);
    assert_eq!((story.alert.standing().phase, other.standing().phase), (Phase::Firing, Phase::Ok));
    tasks.run_until(async { alerts.take_up(vec![other.clone()]) }).await;
    observe(&story, 10);
    let over = story.alert.standing();
    assert!(over.is_over && over.phase == Phase::Ok && story.text().contains("changed or removed"));
    assert_eq!((over.reading.requests, other.standing().phase), (20, Phase::Firing));
    alerts.rest();
    story.now += Duration::from_secs(3_600);
    observe(&story, 0);
    assert_eq!(other.standing().phase, Phase::Firing, "the end of a process is no measure of anything");
}

#[test]
fn a_notice_has_a_stable_shape() {
    let mut story = Story::of("when = 'error-rate > 5%'\nwhere = ['api=petstore', 'consumer=x\" OR 1=1']");
    let strange = Finished { consumer: Some("x\" OR 1=1".into()), ..failed(NOON) };
    assert_eq!(story.observe(0, 25, &strange), Phase::Firing);
    let notice = Notice::of(&story.alert, &story.alert.standing(), true);
    let json: serde_json::Value = serde_json::from_slice(&notice.json()).unwrap();
    let wanted = serde_json::json!({
        "format": 1,
        "name": "orders",
        "state": "firing",
        "repeated": true,
        "text": "orders still fires: error-rate is 100% over the last 5m where api=petstore and consumer=x\" OR 1=1 (25 of 25 requests; it fires above 5%)",
        "when": "error-rate > 5%",
        "value": 1.0,
        "threshold": 0.05,
        "unit": "ratio",
        "requests": 25,
        "errors": 25,
        "window": 300,
        "where": ["api=petstore", "consumer=x\" OR 1=1"],
        "since": "2027-01-15T12:00:00.000000Z",
    });
    assert_eq!(json, wanted);
}
