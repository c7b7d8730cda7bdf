//! The soak, for as long as it takes to know that it works: `cargo run --release -p lockgate-tests --bin soak` goes on longer.

use std::process::Command;

#[test]
fn everything_at_once_costs_nothing_that_must_not_be() {
    let soak = Command::new(env!("CARGO_BIN_EXE_soak")).args(["--seconds", "3"]).output().unwrap();
    let said = String::from_utf8_lossy(&soak.stdout);
    assert!(soak.status.success(), "{said}{}", String::from_utf8_lossy(&soak.stderr));
    assert!(said.contains("open files") && said.contains("slope"), "{said}");
}
