//! Tests of what is counted together.

use super::super::tests::{NOON, failed, finished, of_api};
use super::*;

fn record(rollup: &mut Rollup, second: u64, finished: &Finished) -> bool {
    rollup.record(second, finished, &Laps::of(finished))
}

#[test]
fn requests_are_counted_on_two_axes_and_never_by_both_together() {
    let mut rollup = Rollup::new(Caps::default());
    let operations: Vec<_> = (0..30).map(|operation| of_api("petstore", &format!("op{operation}"))).collect();
    let consumers: Vec<_> = (0..50).map(|consumer| Some(Arc::from(format!("c{consumer}")))).collect();
    assert!(operations.len() * consumers.len() > MOST_PAIRS);
    for _ in 0..2 {
        for operation in &operations {
            for consumer in &consumers {
                let (operation, consumer) = (operation.clone(), consumer.clone());
                assert!(record(&mut rollup, NOON, &Finished { operation, consumer, ..finished(NOON) }));
            }
        }
    }
    let mut of = |axis| {
        rollup
            .cells()
            .into_iter()
            .filter(move |((_, series), _)| series.axis == axis)
            .map(|(_, cell)| cell.requests)
            .collect::<Vec<_>>()
    };
    assert_eq!(of(Axis::Operation), [100; 30]);
    assert_eq!(of(Axis::Consumer), [60; 50]);
}

#[test]
fn minutes_kinds_of_answers_and_what_has_no_name_are_told_apart() {
    let mut rollup = Rollup::new(Caps::default());
    let unknown = Finished { operation: None, consumer: None, application: None, ..finished(NOON) };
    for finished in [finished(NOON), finished(NOON + 59), failed(NOON), unknown] {
        assert!(record(&mut rollup, NOON, &finished));
    }
    assert!(record(&mut rollup, NOON + 60, &finished(NOON)));
    let mut cells: Vec<_> =
        rollup.cells().into_iter().filter(|((_, series), _)| series.axis == Axis::Operation).collect();
    cells.sort_by_key(|(key, _)| key);
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

#[test]
fn what_was_put_on_the_disk_is_counted_from_nothing_in_the_same_minute_and_in_the_next() {
    let mut rollup = Rollup::new(Caps::default());
    let (mut told, names) = (Vec::new(), finished(NOON));
    for (now, times) in [(NOON, 3), (NOON + 5, 2), (NOON + 59, 0), (NOON + 61, 4), (NOON + 62, 1)] {
        rollup.on(now);
        (0..times).for_each(|_| assert!(record(&mut rollup, now, &names)));
        let cells = rollup.cells().into_iter().filter(|((_, series), _)| series.axis == Axis::Operation);
        told.push(cells.map(|((minute, _), cell)| (minute - NOON, cell.requests)).collect::<Vec<_>>());
        rollup.clear();
    }
    assert_eq!(told, [vec![(0, 3)], vec![(0, 2)], vec![], vec![(60, 4)], vec![(60, 1)]]);
}

#[test]
fn a_name_is_the_same_wherever_it_lies() {
    let mut rollup = Rollup::new(Caps::default());
    (0..5).for_each(|_| assert!(record(&mut rollup, NOON, &finished(NOON))));
    let of: Vec<_> = rollup.cells().into_iter().map(|(_, cell)| cell.requests).collect();
    assert_eq!(of, [5; 3]);
}
