//! What rewriting costs, in bytes per second, beside reading a document whole, changing it and writing it.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panic")]

mod documents;
mod guide;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use guide::Names;
use lockgate_json::rewrite::{Framing, Limits, Position, Rewriter};
use lockgate_json::select::State;
use std::hint::black_box;

/// As long as the pieces a host gives, at most and when there is time.
const PIECES: [usize; 2] = [16 * 1024, 64 * 1024];

/// Read a body in pieces as a policy is given them, and say how many bytes changed.
fn rewrite(guide: &mut Names, body: &[u8], piece: usize) -> usize {
    let mut rewriter = Rewriter::new(Limits::default(), Framing::Single, Position::start(State::from_bits(1)));
    let (mut begin, mut changed) = (0, 0);
    while begin < body.len() {
        let end = body.len().min(begin + piece);
        let done = rewriter.piece(guide, &body[begin..end], end == body.len()).unwrap();
        changed += done.splices.len();
        begin = end - done.hold;
    }
    changed
}

fn benches(criterion: &mut Criterion) {
    for (name, body) in documents::all() {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(body.len() as u64));
        for (selected, mut guide) in [("none", Names::none()), ("few", Names::few()), ("many", Names::many())] {
            for piece in PIECES {
                group.bench_function(format!("{selected}/{}KiB", piece / 1024), |bencher| {
                    bencher.iter(|| black_box(rewrite(&mut guide, black_box(&body), piece)));
                });
            }
        }
        let few = Names::few();
        group.bench_function("few/serde_json", |bencher| {
            bencher.iter(|| {
                let mut value = serde_json::from_slice(black_box(&body)).unwrap();
                few.change(&mut value);
                black_box(serde_json::to_vec(&value).unwrap())
            });
        });
        group.finish();
    }
}

criterion_group!(all, benches);
criterion_main!(all);
