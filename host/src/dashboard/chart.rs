//! What happened over time, drawn: shapes in a space of 1000 by 100, which the page stretches, and what stands beside them.

use crate::report::{Answer, Point, Total};

use super::words;

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 100.0;
/// Of a bar, what is left free to the next.
const GAP: f64 = 0.15;
/// Times below a chart, at most, and by how many seconds they may be apart.
const MOST_TICKS: u64 = 6;
const DAY: u64 = 86_400;
const BETWEEN: [u64; 14] =
    [60, 300, 600, 900, 1_800, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600, DAY, 2 * DAY, 7 * DAY, 28 * DAY, 182 * DAY];
/// Bars of the small chart of a row.
const TREND: usize = 32;

pub(super) struct Chart {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// What there is to see, for whoever does not.
    pub(super) about: String,
    pub(super) panels: Vec<Panel>,
    pub(super) ticks: Vec<Tick>,
}

pub(super) struct Tick {
    pub(super) x: String,
    pub(super) anchor: &'static str,
    pub(super) text: String,
}

pub(super) struct Panel {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) is_low: bool,
    /// From top to bottom, in like distances.
    pub(super) scale: Vec<String>,
    pub(super) marks: Vec<Mark>,
    /// What is told of each step where somebody points at it.
    pub(super) steps: Vec<Step>,
}

impl Panel {
    /// Heights of the lines behind the marks.
    pub(super) fn lines(&self) -> Vec<String> {
        let between = HEIGHT / (self.scale.len() - 1).max(1) as f64;
        (0..self.scale.len()).map(|line| place(line as f64 * between)).collect()
    }

    /// Whether it has to be said which mark is which.
    pub(super) fn is_named(&self) -> bool {
        self.marks.len() > 1
    }
}

pub(super) struct Mark {
    pub(super) name: &'static str,
    /// How it looks.
    pub(super) class: &'static str,
    pub(super) path: String,
}

pub(super) struct Step {
    pub(super) x: String,
    pub(super) width: String,
    pub(super) told: String,
}

pub(super) fn charts(answer: &Answer, is_of_calls: bool) -> Vec<Chart> {
    let (requests, times) = (requests(answer), times(answer));
    match is_of_calls {
        true => vec![
            Chart { title: "Calls of policies and faults", ..requests },
            Chart { title: "Time of a call", ..times },
        ],
        false => vec![requests, times],
    }
}

fn requests(answer: &Answer) -> Chart {
    let told = |point: &Point| {
        let it = &point.figures;
        format!("{} requests, {} errors", words::count(it.requests), words::count(it.errors))
    };
    let panel = |id, name, class, is_low, of: fn(&Point) -> u64| {
        let numbers: Vec<_> = answer.points.iter().map(of).collect();
        let top = round(numbers.iter().copied().max().unwrap_or_default());
        let scale = [top, top / 2, 0].map(words::count).into();
        let mark = Mark { name, class, path: bars(&numbers, top) };
        Panel { id, name, is_low, scale, marks: vec![mark], steps: steps(answer, told) }
    };
    let most = answer.points.iter().max_by_key(|point| point.figures.requests);
    let most = most.map(|point| format!(" Most came at {}: {}.", words::moment(&point.at), told(point)));
    let total = &answer.total;
    Chart {
        id: "requests",
        title: "Requests and errors",
        about: format!(
            "{} requests and {} errors in {} steps.{}",
            words::count(total.requests),
            words::count(total.errors),
            answer.points.len(),
            most.unwrap_or_default()
        ),
        panels: vec![
            panel("requests-all", "Requests", "bar", false, |point| point.figures.requests),
            panel("requests-errors", "Errors", "bar bad", true, |point| point.figures.errors),
        ],
        ticks: ticks(answer),
    }
}

fn times(answer: &Answer) -> Chart {
    let of = |point: &Point, q: fn(&Total) -> f64| point.figures.total_us.as_ref().map(q).map(|us| us.max(1.0));
    let all: [(_, _, fn(&Total) -> f64); 3] =
        [("p99", "line p99", |it| it.p99), ("p90", "line p90", |it| it.p90), ("p50", "line p50", |it| it.p50)];
    let known = || answer.points.iter().filter_map(|point| point.figures.total_us.as_ref());
    let most = known().map(|it| it.p99).fold(1.0, f64::max);
    let least = known().map(|it| it.p50).fold(most, f64::min).max(1.0);
    let (low, high) = (least.log10().floor(), most.log10().ceil());
    let high = high.max(low + 1.0);
    let height = |us: f64| HEIGHT * (high - us.log10()) / (high - low);
    let marks = all.map(|(name, class, q)| {
        let heights: Vec<_> = answer.points.iter().map(|point| of(point, q).map(height)).collect();
        Mark { name, class, path: stairs(&heights) }
    });
    let told = |point: &Point| match &point.figures.total_us {
        Some(it) => {
            let [p50, p90, p99] = [it.p50, it.p90, it.p99].map(words::duration);
            format!("p50 {p50}, p90 {p90}, p99 {p99}")
        }
        None => "nothing".to_owned(),
    };
    let decades = (high - low) as i32;
    let scale = (0..=decades).map(|decade| words::duration(10_f64.powf(high - f64::from(decade)))).collect();
    let about = answer.total.total_us.as_ref().map(|it| {
        let [p50, p90, p99] = [it.p50, it.p90, it.p99].map(words::duration);
        format!("Of all requests half took {p50} at most, 90 % {p90}, 99 % {p99}. Each line of the scale is ten times the one below.")
    });
    Chart {
        id: "times",
        title: "Time of the whole request",
        about: about.unwrap_or_default(),
        panels: vec![Panel {
            id: "times-all",
            name: "Percentiles",
            is_low: false,
            scale,
            marks: marks.into(),
            steps: steps(answer, told),
        }],
        ticks: ticks(answer),
    }
}

/// How the requests of a row are spread over time, as the bars of a small chart.
pub(super) fn trend(steps: &[u64]) -> String {
    let sums: Vec<u64> = steps.chunks(steps.len().div_ceil(TREND).max(1)).map(|steps| steps.iter().sum()).collect();
    bars(&sums, sums.iter().copied().max().unwrap_or_default())
}

fn bars(numbers: &[u64], top: u64) -> String {
    let width = WIDTH / numbers.len().max(1) as f64;
    let bar = |(at, number): (usize, &u64)| {
        // What is there is seen.
        let height = (HEIGHT * *number as f64 / top.max(1) as f64).max(1.5);
        let (left, right) = (at as f64 * width, (at as f64 + 1.0 - GAP) * width);
        format!("M{} 100V{}H{}V100Z", place(left), place(HEIGHT - height), place(right))
    };
    numbers.iter().enumerate().filter(|(_, number)| **number > 0).map(bar).collect()
}

/// A level for each step, and nothing where there is none.
fn stairs(heights: &[Option<f64>]) -> String {
    let width = WIDTH / heights.len().max(1) as f64;
    let (mut path, mut is_on) = (String::new(), false);
    for (at, height) in heights.iter().enumerate() {
        if let Some(height) = height {
            let height = place(*height);
            let begun = if is_on { format!("V{height}") } else { format!("M{} {height}", place(at as f64 * width)) };
            path.push_str(&format!("{begun}H{}", place((at as f64 + 1.0) * width)));
        }
        is_on = height.is_some();
    }
    path
}

fn steps(answer: &Answer, told: impl Fn(&Point) -> String) -> Vec<Step> {
    let width = WIDTH / answer.points.len().max(1) as f64;
    let step = |(at, point): (usize, &Point)| Step {
        x: place(at as f64 * width),
        width: place(width),
        told: format!("{}: {}", words::moment(&point.at), told(point)),
    };
    answer.points.iter().enumerate().map(step).collect()
}

/// Round times, where they are.
fn ticks(answer: &Answer) -> Vec<Tick> {
    let span = (answer.step * answer.points.len() as u64).max(1);
    let between = BETWEEN.into_iter().find(|between| span / between <= MOST_TICKS).unwrap_or(span);
    let mut ticks = Vec::new();
    let mut time = answer.start.next_multiple_of(between);
    while time < answer.start + span {
        let x = 100.0 * (time - answer.start) as f64 / span as f64;
        let anchor = match x {
            ..4.0 => "start",
            96.0.. => "end",
            _ => "middle",
        };
        ticks.push(Tick { x: format!("{}%", place(x)), anchor, text: words::tick(time) });
        time += between;
    }
    ticks
}

/// The next number that is short, even and no less.
fn round(number: u64) -> u64 {
    let mut unit = 1_u64;
    loop {
        let mut parts = [2, 4, 6, 8, 10].into_iter().map(|part| unit.saturating_mul(part));
        if let Some(round) = parts.find(|round| *round >= number) {
            return round;
        }
        unit = unit.saturating_mul(10);
    }
}

/// A coordinate, no finer than is seen.
fn place(at: f64) -> String {
    let text = format!("{at:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_high_as_their_numbers_and_steps_without_have_none() {
        assert_eq!(bars(&[5, 0, 10], 10), "M0 100V50H283.3V100ZM666.7 100V0H950V100Z");
        assert_eq!(bars(&[], 0), "");
        assert!(bars(&[1, 1_000_000], 1_000_000).starts_with("M0 100V98.5"), "one of many is seen");
        assert_eq!(trend(&[3; 500]).matches('M').count(), 32);
    }

    #[test]
    fn lines_end_where_nothing_is_known() {
        assert_eq!(stairs(&[Some(10.0), Some(20.0), None, Some(30.0)]), "M0 10H250V20H500M750 30H1000");
    }

    #[test]
    fn scales_have_round_numbers() {
        let rounded = [0, 1, 2, 3, 9, 10, 11, 21, 999, 1_001, u64::MAX].map(round);
        assert_eq!(rounded, [2, 2, 2, 4, 10, 10, 20, 40, 1_000, 2_000, u64::MAX]);
    }
}
