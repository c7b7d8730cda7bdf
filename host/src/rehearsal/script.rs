//! A file of exchanges: reads it, says all that is wrong with it, and writes into it what came of them.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::facts::Told;
use super::head::{Answer, Asked};
use super::lines::{Faults, Line, Mark, lines};
use crate::config::ConfigFault;
use crate::near::nearest;

/// Most exchanges of one file.
const MOST: usize = 1000;

/// What a file says.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) scenes: Vec<Scene>,
    /// The configuration of the policy, as seen from the file.
    pub(crate) config: Option<PathBuf>,
    /// What it is granted.
    pub(crate) grants: Option<PathBuf>,
    text: String,
}

/// One exchange, and what is expected to come of it.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) title: String,
    /// Of the title.
    pub(crate) line: usize,
    pub(crate) asked: Asked,
    pub(crate) told: Told,
    pub(crate) upstream: Answer,
    /// What services answer, by name, one call after the other.
    pub(crate) services: Vec<(String, Answer)>,
    /// None where nobody said.
    pub(crate) expected: Option<String>,
    /// The lines of that, or where it would stand; counted from 0.
    outcome: Range<usize>,
}

impl Script {
    /// Read the text of a file.
    pub(crate) fn parse(file: &Path, text: String) -> Result<Self, Vec<ConfigFault>> {
        let mut faults = Faults::of(file);
        let all = lines(&text);
        let titles: Vec<_> =
            all.iter().enumerate().filter(|(_, line)| matches!(line.mark(), Mark::Exchange(_))).collect();
        let begins: Vec<_> = titles.into_iter().map(|(at, _)| at).collect();
        let (config, grants) = settings(&all[..begins.first().copied().unwrap_or(all.len())], &mut faults);
        if begins.is_empty() {
            faults.add(1, "", "has no exchange", "begin one with a line `### what is to be shown`, then `GET /`");
        }
        if let Some(line) = begins.get(MOST).and_then(|at| all.get(*at)) {
            faults.add(
                line.number,
                "",
                format!("has more than {MOST} exchanges"),
                "share them out among several files",
            );
        }
        let ends = begins.iter().skip(1).copied().chain([all.len()]);
        let blocks = begins.iter().copied().zip(ends).take(MOST);
        let scenes = blocks.filter_map(|(from, to)| Scene::read(&all[from..to], &mut faults)).collect();
        match faults.found.is_empty() {
            true => Ok(Self { scenes, config, grants, text }),
            false => Err(faults.found),
        }
    }

    /// The text with these outcomes in it, one for each exchange.
    pub(crate) fn with<'a>(&self, outcomes: impl Iterator<Item = &'a str>) -> String {
        let end = if self.text.contains("\r\n") { "\r\n" } else { "\n" };
        let all: Vec<_> = self.text.lines().collect();
        let (mut written, mut done) = (Vec::new(), 0);
        for (scene, outcome) in self.scenes.iter().zip(outcomes) {
            let Range { start, end } = scene.outcome;
            written.extend_from_slice(all.get(done..start).unwrap_or_default());
            if scene.expected.is_none() {
                written.push("");
            }
            written.extend(outcome.lines());
            done = end;
        }
        written.extend_from_slice(all.get(done..).unwrap_or_default());
        written.join(end) + end
    }
}

impl Scene {
    /// Whether this is what is expected.
    pub(crate) fn expects(&self, outcome: &str) -> bool {
        self.expected.as_deref() == Some(outcome)
    }

    /// Of the lines from its title to the next.
    fn read(block: &[Line<'_>], faults: &mut Faults) -> Option<Self> {
        let (&first, rest) = block.split_first()?;
        let Mark::Exchange(title) = first.mark() else { return None };
        if title.is_empty() {
            faults.add(first.number, "", "is an exchange without a title", "say behind `###` what is to be shown");
        }
        let filled = rest.iter().rposition(|line| !line.is_blank()).map_or(0, |last| last + 1);
        let said = rest.iter().position(|line| line.mark() == Mark::Outcome);
        let outcome = first.number + said.unwrap_or(filled)..first.number + filled;
        let expected = said.map(|at| rest[at..filled].iter().map(|line| format!("{}\n", line.text)).collect());
        let told = &rest[..said.unwrap_or(filled)];

        let ends = told.iter().position(|line| line.mark() != Mark::None).unwrap_or(told.len());
        let (request, mut sections) = told.split_at(ends);
        let mut scene = Self {
            title: title.to_owned(),
            line: first.number,
            asked: Asked::read(first, request, faults),
            told: Told::default(),
            upstream: Answer::default(),
            services: Vec::new(),
            expected,
            outcome,
        };
        let mut known = Vec::new();
        while let Some((head, after)) = sections.split_first() {
            let end = after.iter().position(|line| line.mark() != Mark::None).unwrap_or(after.len());
            let (inside, next) = after.split_at(end);
            scene.section(*head, inside, &mut known, faults);
            sections = next;
        }
        Some(scene)
    }

    fn section<'a>(&mut self, head: Line<'a>, inside: &[Line<'_>], known: &mut Vec<&'a str>, faults: &mut Faults) {
        let Mark::Section(name) = head.mark() else { return };
        if known.contains(&name) && !name.starts_with("service ") {
            faults.add(head.number, name, "is there again", "say it once");
        }
        known.push(name);
        match (name, name.strip_prefix("service ").map(str::trim)) {
            ("facts", _) => self.told = Told::read(inside, faults),
            ("upstream", _) => self.upstream = Answer::read(head, inside, name, faults),
            (_, Some(service)) => self.services.push((service.to_owned(), Answer::read(head, inside, name, faults))),
            _ => {
                let word = name.split(' ').next().unwrap_or_default();
                let near = nearest(word, ["facts", "upstream", "service"]);
                let near = near.map(|near| format!("did you mean `--- {near}`?"));
                let advice = near.unwrap_or_else(|| {
                    "there are `--- facts`, `--- upstream` and `--- service NAME`; in a body, write `\\` before it"
                        .to_owned()
                });
                faults.add(head.number, "", "begins no part of an exchange that is known", advice);
            }
        }
    }
}

/// What is said before the first exchange, for all of them.
fn settings(lines: &[Line<'_>], faults: &mut Faults) -> (Option<PathBuf>, Option<PathBuf>) {
    let (mut config, mut grants) = (None, None);
    for line in lines.iter().filter(|line| !line.is_blank() && !line.is_remark()) {
        let said = line.text.split_once(':').map(|(name, value)| (name.trim(), faults.folder().join(value.trim())));
        match said {
            Some(("config", path)) if config.is_none() => config = Some(path),
            Some(("grants", path)) if grants.is_none() => grants = Some(path),
            _ => {
                let advice = "before the first `###` there are `config: FILE`, `grants: FILE`, each once, and remarks behind `#`";
                faults.add(line.number, "", "belongs to no exchange", advice);
            }
        }
    }
    (config, grants)
}

#[cfg(test)]
mod tests;
