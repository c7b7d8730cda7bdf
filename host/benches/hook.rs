//! What a warm hook call costs: `cargo bench -p lockgate --features bench`.

use criterion::{Criterion, criterion_group, criterion_main};
use lockgate::bench::{Hook, builtin};

fn hooks(criterion: &mut Criterion) {
    let Some(headers) = builtin("headers") else { return };
    let config = |request: &str| format!(r#"{{ "request": {request} }}"#);
    for (name, request) in [
        ("set one field", r#"{ "set": { "x-a": "1" } }"#),
        ("rename, absent: pass", r#"{ "rename": { "x-absent": "x-b" } }"#),
    ] {
        match Hook::new(headers, &config(request)) {
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

criterion_group!(benches, hooks);
criterion_main!(benches);
