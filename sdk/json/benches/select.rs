//! What a selection costs: to follow a document with, and to build or refuse: `cargo bench -p lockgate-json --bench select`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lockgate_json::select::{Path, Reach, Selection, SelectionBuilder, Shape, Shapes, State};
use std::error::Error;
use std::hint::black_box;

/// Members as they are met in documents, of which a selection knows every third.
fn names() -> Vec<String> {
    let plain =
        ["id", "name", "email", "created_at", "updated_at", "phone", "address", "street", "city", "postal_code"];
    let more = (0..50).map(|n| format!("{}_{n}", plain.get(n % plain.len()).copied().unwrap_or_default()));
    plain.iter().map(|name| (*name).to_owned()).chain(more).collect()
}

fn known(names: &[String]) -> Result<Selection, Box<dyn Error>> {
    let mut builder = SelectionBuilder::default();
    let mut entry = builder.entry();
    for (rule, name) in (0..).zip(names.iter().step_by(3)) {
        entry.path(&Path::pointer(&format!("/{name}"))?, rule, Reach::Here);
    }
    Ok(builder.build()?)
}

fn member(criterion: &mut Criterion) {
    let names = names();
    let Ok(selection) = known(&names) else { return };
    let root = selection.root(0).unwrap_or(State::QUIET);
    let (mut hits, mut misses) = (Vec::new(), Vec::new());
    for (index, name) in names.iter().enumerate() {
        if index % 3 == 0 { hits.push(name.as_str()) } else { misses.push(name.as_str()) }
    }
    let mut group = criterion.benchmark_group("member");
    for (name, asked) in [("hit", hits), ("miss", misses), ("miss by its length", vec!["a_very_long_name_indeed"])] {
        group.throughput(Throughput::Elements(asked.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for name in &asked {
                    black_box(selection.member(black_box(root), black_box(name)));
                }
            });
        });
    }
    group.finish();
}

fn item(criterion: &mut Criterion) {
    for path in ["$[*].a", "$[3,5,8:20].a", "$[::3].a"] {
        let mut builder = SelectionBuilder::default();
        let Ok(parsed) = Path::json_path(path) else { return };
        builder.entry().path(&parsed, 1, Reach::Here);
        let Ok(selection) = builder.build() else { return };
        let root = selection.root(0).unwrap_or(State::QUIET);
        criterion.bench_function(&format!("item, {path}"), |bencher| {
            bencher.iter(|| selection.item(black_box(root), black_box(9)));
        });
    }
}

fn build(criterion: &mut Criterion) {
    let bombs = [
        format!("$..a{}", ".*".repeat(30)),
        format!("$..a{}", ".*".repeat(1_000)),
        format!("$..[::2]{}", "[::3,1:7]".repeat(20)),
    ];
    for (number, bomb) in bombs.iter().enumerate() {
        criterion.bench_function(&format!("refuse bomb {number}"), |bencher| {
            bencher.iter(|| {
                let mut builder = SelectionBuilder::default();
                if let Ok(path) = Path::json_path(bomb) {
                    builder.entry().path(&path, 1, Reach::Here);
                }
                builder.build().is_err()
            });
        });
    }
    let shapes = api();
    criterion.bench_function("build for 300 operations of 60 fields", |bencher| {
        bencher.iter(|| {
            let mut builder = SelectionBuilder::default();
            if let Ok(described) = builder.describe(&shapes, |class| Some((class, Reach::Below)), Some(9)) {
                for operation in 0..300 {
                    let _ = builder.entry().shapes(&described, operation * 8);
                }
            }
            builder.build().map(|selection| selection.states())
        });
    });
}

/// An API of 300 operations, each with an answer of 60 fields in a chain of six objects.
fn api() -> Shapes {
    let mut shapes = Vec::new();
    for operation in 0..300 {
        let first = shapes.len();
        for object in 0..6 {
            let members = (0..10).map(|field| match field {
                9 if object < 5 => (format!("common_{field}"), first + object + 1),
                8 => (format!("common_{field}"), first + 6),
                _ => (format!("field_{field}_of_{operation}"), first + 7),
            });
            shapes.push(Shape { members: members.collect(), is_closed: true, ..Shape::default() });
        }
        shapes.push(Shape { class: Some(operation % 4), ..Shape::default() });
        shapes.push(Shape::default());
    }
    Shapes { shapes }
}

criterion_group!(benches, member, item, build);
criterion_main!(benches);
