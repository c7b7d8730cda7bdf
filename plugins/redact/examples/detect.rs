//! Reads lines `["kind", ...]<tab>"text"` of JSON, and writes for each what is found in the text: `[[start, end, "kind"], ...]`,
//! in characters. For scripts that compare detectors.
#![allow(clippy::print_stdout, reason = "what it is for")]

use lockgate_plugin_redact::detect::{Detectors, Kinds};
use std::error::Error;
use std::io::stdin;

fn main() -> Result<(), Box<dyn Error>> {
    for line in stdin().lines() {
        let line = line?;
        let (kinds, text) = line.split_once('\t').ok_or("no tab")?;
        let kinds: Kinds = serde_json::from_str(kinds)?;
        let text: String = serde_json::from_str(text)?;
        let mut found = Vec::new();
        Detectors::new(kinds).find(&text, &mut found);
        let characters = |at: usize| text.get(..at).map_or(0, |before| before.chars().count());
        let found: Vec<_> =
            found.iter().map(|hit| (characters(hit.start), characters(hit.end), hit.kind.name())).collect();
        println!("{}", serde_json::to_string(&found)?);
    }
    Ok(())
}
