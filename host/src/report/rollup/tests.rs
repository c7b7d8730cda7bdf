//! Tests of what is counted together.

use super::super::tests::{NOON, failed, finished};
use super::*;

fn record(rollup: &mut Rollup, second: u64, finished: &Finished) -> bool {
    rollup.record(second, finished, &Laps::of(finished))
}

#[test]
fn requests_are_counted_on_two_axes_and_never_by_both_together() {
    let mut rollup = Rollup::new(Caps::default());
    for operation in 0..10 {
        for consumer in 0..20 {
            let name = |text: String| Some(Arc::from(text));
            let (operation, consumer) = (name(format!("op{operation}")), name(format!("c{consumer}")));
            assert!(record(&mut rollup, NOON, &Finished { operation, consumer, ..finished(NOON) }));
        }
    }
    let of =
        |axis| rollup.cells().iter().filter(move |((_, series), _)| series.axis == axis).map(|(_, cell)| cell.requests);
    assert_eq!(of(Axis::Operation).collect::<Vec<_>>(), [20; 10]);
    assert_eq!(of(Axis::Consumer).collect::<Vec<_>>(), [10; 20]);
}

#[test]
fn minutes_kinds_of_answers_and_what_has_no_name_are_told_apart() {
    let mut rollup = Rollup::new(Caps::default());
    let unknown =
        Finished { api: None, version: None, operation: None, consumer: None, application: None, ..finished(NOON) };
    for finished in [finished(NOON), finished(NOON + 59), failed(NOON), unknown] {
        assert!(record(&mut rollup, NOON, &finished));
    }
    assert!(record(&mut rollup, NOON + 60, &finished(NOON)));
    let mut cells: Vec<_> = rollup.cells().iter().filter(|((_, series), _)| series.axis == Axis::Operation).collect();
    cells.sort_by_key(|(key, _)| *key);
    let told = cells.iter().map(|((minute, series), cell)| {
        (minute - NOON, series.operation.as_deref(), series.status, series.is_error(), cell.requests)
    });
    let expected = [
        (0, None, Some(200), false, 1),
        (0, Some("getPet"), Some(200), false, 2),
        (0, Some("getPet"), Some(502), true, 1),
        (60, Some("getPet"), Some(200), false, 1),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}
