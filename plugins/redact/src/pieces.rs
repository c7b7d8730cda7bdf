//! Bodies, piece by piece.

use crate::carried::{Reading, Terms};
use crate::config::Config;
use crate::judge::Judge;
use crate::pairs;
use crate::plan::Plan;
use crate::refusal::Refusal;
use lockgate_json::rewrite::{Framing, Limits, Position, Replacement, Rewriter};
use lockgate_sdk::prelude::*;

/// Most bytes of a pair of a form, and of a line of text: they are judged whole.
const LONGEST_RUN: usize = 16 * 1024;

/// What becomes of a piece.
struct Judged {
    splices: Splices,
    hold: usize,
    position: Position,
}

/// The hook.
pub(crate) fn piece(
    plan: &Plan,
    config: &Config,
    direction: Direction,
    chunk: &[u8],
    last: bool,
    state: &[u8],
) -> Verdict<ChunkEdits> {
    let Some((terms, position)) = Terms::decode(state) else { return Refusal::Internal.verdict(direction) };
    if !position.states().chain([terms.root]).all(|state| plan.selection.contains(state.to_bits())) {
        return Refusal::Internal.verdict(direction);
    }
    // A body of no bytes is no document that would have to be whole.
    let is_nothing = last && chunk.is_empty() && position == Position::start(terms.root);
    if terms.active == 0 || is_nothing {
        return Verdict::Pass;
    }
    let mut judge = Judge::new(plan, config.pseudonyms.as_ref(), terms.clone());
    let judged = match terms.reading {
        Reading::Document => document(Framing::Single, position, &mut judge, chunk, last),
        Reading::Lines => document(Framing::Lines, position, &mut judge, chunk, last),
        Reading::Events => document(Framing::Events, position, &mut judge, chunk, last),
        Reading::Form => form(plan, &terms, &mut judge, chunk, last),
        Reading::Text => text(&terms, &mut judge, chunk, last),
    };
    judge.report();
    match judged {
        Ok(Judged { splices, hold, position }) => {
            let bytes = if splices.is_empty() { Change::Keep } else { Change::Splice(splices) };
            ChunkEdits::new(bytes).state(terms.encode(&position)).hold(hold).into()
        }
        Err(refusal) => judge.why(refusal).verdict(direction),
    }
}

fn document(
    framing: Framing,
    position: Position,
    judge: &mut Judge<'_>,
    chunk: &[u8],
    last: bool,
) -> Result<Judged, Refusal> {
    let mut rewriter = Rewriter::new(Limits::default(), framing, position);
    let piece = rewriter.piece(judge, chunk, last)?;
    Ok(Judged { splices: piece.splices, hold: piece.hold, position: rewriter.position().clone() })
}

fn form(plan: &Plan, terms: &Terms<'_>, judge: &mut Judge<'_>, chunk: &[u8], last: bool) -> Result<Judged, Refusal> {
    let whole = whole(chunk, b'&', last, "a pair of the form is too long")?;
    let pairs = str::from_utf8(whole).map_err(|_| Refusal::Unreadable("it is not a form in UTF-8"))?;
    let mut splices = Splices::new();
    let rules = &plan.scopes.of(terms.route).form;
    pairs::rewrite(pairs, rules, judge, |range, put| {
        splices.put(range.start as u32, range.len() as u32, put.as_bytes());
    })
    .map_err(|_| Refusal::Blocked)?;
    Ok(Judged { splices, hold: chunk.len() - whole.len(), position: Position::start(terms.root) })
}

fn text(terms: &Terms<'_>, judge: &mut Judge<'_>, chunk: &[u8], last: bool) -> Result<Judged, Refusal> {
    let whole = whole(chunk, b'\n', last, "a line of it is too long")?;
    let text = str::from_utf8(whole).map_err(|_| Refusal::Unreadable("it is not text in UTF-8"))?;
    let mut splices = Splices::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        match judge.looked_at(line.trim_end_matches(['\r', '\n'])) {
            Replacement::Keep => {}
            Replacement::Block => return Err(Refusal::Blocked),
            replaced => {
                let new = if let Replacement::Text(new) = replaced { new } else { String::new() };
                splices.put(at as u32, line.trim_end_matches(['\r', '\n']).len() as u32, new.as_bytes());
            }
        }
        at += line.len();
    }
    Ok(Judged { splices, hold: chunk.len() - whole.len(), position: Position::start(terms.root) })
}

/// What of a piece has come whole, up to the last `end`; the rest is held.
fn whole<'c>(chunk: &'c [u8], end: u8, last: bool, too_long: &'static str) -> Result<&'c [u8], Refusal> {
    let whole = match chunk.iter().rposition(|byte| *byte == end) {
        _ if last => chunk,
        Some(at) => &chunk[..=at],
        None => &[],
    };
    let is_short = |run: &[u8]| run.len() <= LONGEST_RUN;
    if whole.split(|byte| *byte == end).all(is_short) && is_short(&chunk[whole.len()..]) {
        Ok(whole)
    } else {
        Err(Refusal::TooLong(too_long))
    }
}
