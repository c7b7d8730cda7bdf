//! How fast texts are looked through: `cargo bench -p lockgate-plugin-redact`.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lockgate_plugin_redact::detect::{Detectors, Kind};
use std::hint::black_box;

const PROSE: &str = "The quick brown fox jumps over the lazy dog, and nobody ever asks the dog what it thinks of that. \
                     Foxes, after all, have been doing so for as long as there have been typewriters to try out. ";
/// With dates, amounts, numbers of orders, and identifiers, none of which are anybody's.
const DIGITS: &str = "2024-05-06T12:30:45.123Z 550e8400-e29b-41d4-a716-446655440000 1200.50 3 items, order 10023457, v1.24.3, \
                      0x7fffffff 1715000000 98.6 44 17 2048x1536 ";
const SHORT: [&str; 8] = [
    "id",
    "pending",
    "Blue cotton shirt",
    "en-GB",
    "https://example.com/images/shirt.png",
    "size_chart",
    "M",
    "Free delivery: today",
];

fn looked_through(criterion: &mut Criterion) {
    let detectors = Detectors::new(Kind::ALL.iter().copied().collect());
    let mut group = criterion.benchmark_group("all kinds");
    let texts = [
        ("prose", vec![PROSE.repeat(64)]),
        ("prose with a digit in each sentence", vec![PROSE.replace("as long as", "4 ages, as long as").repeat(64)]),
        ("many digits", vec![DIGITS.repeat(64)]),
        ("short strings", SHORT.iter().map(|text| (*text).to_owned()).collect()),
        ("words of one letter case", vec!["lowercase".to_owned(); 100]),
    ];
    for (name, texts) in texts {
        group.throughput(Throughput::Bytes(texts.iter().map(|text| text.len() as u64).sum()));
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            let mut found = Vec::new();
            bencher.iter(|| {
                found.clear();
                texts.iter().for_each(|text| detectors.find(black_box(text), &mut found));
                assert!(found.is_empty());
            });
        });
    }
    group.finish();
}

criterion_group!(benches, looked_through);
criterion_main!(benches);
