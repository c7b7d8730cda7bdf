//! A policy in plain Rust with all of std, compiled for wasm32-wasip2: tries out what there is of the machine, one thing for each request.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lockgate_guests::{asked, listening};
use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
struct Tourist {
    /// What to do while it is configured, of which only `whim` makes another policy of it.
    #[serde(default)]
    before: String,
}

impl Policy for Tourist {
    fn interest(&self) -> Interest {
        match self.before.as_str() {
            "whim" => listening().request_read(&whim()),
            _ => listening().request_write("x-test-seen"),
        }
    }

    fn check(&self) -> Result<(), Vec<ConfigError>> {
        match self.before.as_str() {
            // Keys of the map are hashed with a seed of random bytes.
            "hash" => assert_eq!(HashMap::from([(1, 2)])[&1], 2),
            "time" => assert!(SystemTime::now() > UNIX_EPOCH),
            "exit" => std::process::exit(3),
            "complain" => panic!("no such town"),
            _ => {}
        }
        Ok(())
    }
}

/// The name of a header field that is another one each time, as far as that is up to it.
fn whim() -> String {
    let hashed = std::hash::BuildHasher::hash_one(&std::collections::hash_map::RandomState::new(), 1);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("x-test-{hashed}-{}", since.as_millis())
}

impl RequestPhase for Tourist {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        let seen = match asked(head).unwrap_or_default() {
            "print" => {
                println!("one line\nand \u{1b}[31manother");
                eprint!("one without an end");
                String::new()
            }
            "flood" => {
                let line = "f".repeat(10_000);
                (0..20).for_each(|_| println!("{line}"));
                String::new()
            }
            "environment" => {
                let (variables, arguments) = (std::env::vars().count(), std::env::args().count());
                format!("{variables} variables, {arguments} arguments, {:?}", std::env::var("HOME"))
            }
            "input" => {
                let mut bytes = Vec::new();
                let read = std::io::stdin().read_to_end(&mut bytes);
                format!("{read:?}")
            }
            "file" => {
                let errors =
                    ["/etc/passwd", "gateway.toml", "/proc/self/environ"].map(|path| std::fs::read(path).is_err());
                format!("{errors:?} {}", std::fs::write("/tmp/tourist", "was here").is_err())
            }
            "time" => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let begun = Instant::now();
                while begun.elapsed().is_zero() {}
                format!(
                    "{} {} {}",
                    since.as_millis(),
                    since.subsec_nanos() % 1_000_000,
                    begun.elapsed().subsec_nanos() % 1_000_000
                )
            }
            "random" => {
                let hashed = std::hash::BuildHasher::hash_one(&std::collections::hash_map::RandomState::new(), 1);
                format!("{hashed}")
            }
            "sleep" => {
                std::thread::sleep(Duration::from_secs(60));
                "awake".to_owned()
            }
            "exit" => std::process::exit(3),
            "calls" => loop {
                let _ = std::io::stdout().write_all(b".").and_then(|()| std::io::stdout().flush());
            },
            _ => String::new(),
        };
        Edits::new().set("x-test-seen", seen).into()
    }
}

lockgate_sdk::export!(Tourist: RequestPhase);
