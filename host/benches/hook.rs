//! What a hook call costs, on a warm instance and on fresh ones: `cargo bench -p lockgate --features bench`.

use criterion::{Criterion, criterion_group, criterion_main};
use lockgate::bench::{Hook, Instances, builtin};

fn warm(criterion: &mut Criterion) {
    let Some(headers) = builtin("headers") else { return };
    for (name, request) in [
        ("set one field", r#"{ "set": { "x-a": "1" } }"#),
        ("rename, absent: pass", r#"{ "rename": { "x-absent": "x-b" } }"#),
    ] {
        match Hook::new(headers, &format!(r#"{{ "request": {request} }}"#), Instances::Warm) {
            Ok(hook) => {
                criterion.bench_function(&format!("{name}, 20 fields in"), |bencher| bencher.iter(|| hook.request()));
                criterion.bench_function(&format!("{name}, the path in"), |bencher| {
                    bencher.iter(|| hook.request_with_path())
                });
                criterion.bench_function(&format!("{name}, nothing in"), |bencher| {
                    bencher.iter(|| hook.request_without_facts())
                });
            }
            Err(error) => eprintln!("{name}: {error:#}"),
        }
    }
}

fn fresh(criterion: &mut Criterion) {
    let Some(headers) = builtin("headers") else { return };
    let one = r#"{ "request": { "set": { "x-a": "1" } } }"#.to_owned();
    // As many names as an interest can have.
    let fields: Vec<_> = (0..256).map(|n| format!(r#""x-{n}": "{}""#, "v".repeat(110))).collect();
    let many = format!(
        r#"{{ "response": {{ "set": {{ {} }} }}, "request": {{ "rename": {{ "x-a": "x-b" }} }} }}"#,
        fields.join(", ")
    );
    for (size, config) in [("a small configuration", one), ("30 KB of configuration", many)] {
        for (name, instances) in [
            ("warm", Instances::Warm),
            ("fresh from an image", Instances::FromImage),
            ("fresh and configured", Instances::Configured),
        ] {
            match Hook::new(headers, &config, instances) {
                Ok(hook) => {
                    criterion.bench_function(&format!("{name}, {size}"), |bencher| {
                        bencher.iter(|| hook.request_with_path())
                    });
                }
                Err(error) => eprintln!("{name}, {size}: {error:#}"),
            }
        }
    }
}

criterion_group!(benches, warm, fresh);
criterion_main!(benches);
