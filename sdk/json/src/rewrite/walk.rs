//! Objects and arrays in which the guide is asked: which members and items stay, and the commas between them.

use super::level::{Kind, Level};
use super::lex::white;
use super::limits::WHITE;
use super::pass::{Pass, Progress, Stretch};
use super::position::{Mode, Step};
use super::scalar::Looked;
use super::{Guide, Limit, Replacement, Stop, Treatment};

impl<G: Guide> Pass<'_, G> {
    /// Read on as long as the guide is asked.
    pub(super) fn walk(&mut self, stretch: Stretch<'_>, mut at: usize) -> Result<Progress, Stop> {
        while self.position.mode == Mode::Asking {
            at = self.sweep(stretch, at)?;
            at = white(stretch.bytes(), at);
            let Some(byte) = stretch.bytes().get(at).copied() else {
                return Ok(Progress::Held(at));
            };
            let progress = match (self.position.step, byte) {
                (Step::After, b',') => self.comma(stretch, at)?,
                (Step::Value, _) => self.value(stretch, at, byte)?,
                (Step::Colon, b':') => {
                    self.position.step = Step::Value;
                    Progress::On(at + 1)
                }
                (Step::FirstName | Step::NextName, b'"') => self.member(stretch, None, at)?,
                (Step::FirstName | Step::After, b'}') => self.leave_level(Kind::Object, at)?,
                (Step::FirstItem | Step::After, b']') => self.leave_level(Kind::Array, at)?,
                (Step::FirstItem | Step::NextItem, _) => self.item(None, at)?,
                _ => return Err(self.malformed(at)),
            };
            match progress {
                Progress::On(next) => at = next,
                Progress::Held(_) => return Ok(progress),
            }
        }
        Ok(Progress::On(at))
    }

    /// Go into an object or array.
    pub(super) fn enter_level(&mut self, kind: Kind, at: usize) -> Result<Progress, Stop> {
        let position = &mut *self.position;
        if position.levels.len() >= usize::from(self.limits.depth) {
            return Err(Stop::Beyond(Limit::Depth));
        }
        position.levels.push(Level { kind, state: position.at, is_begun: false, index: 0 });
        position.step = if kind == Kind::Object { Step::FirstName } else { Step::FirstItem };
        Ok(Progress::On(at + 1))
    }

    fn leave_level(&mut self, kind: Kind, at: usize) -> Result<Progress, Stop> {
        if self.level(at)?.kind != kind {
            return Err(self.malformed(at));
        }
        self.position.levels.pop();
        self.position.complete();
        Ok(Progress::On(at + 1))
    }

    /// Whether a comma stays depends on what follows it, so it is held until that is known. It does not stay where so
    /// much white space, or the end of a line, follows that it cannot be held; the next that stays brings it along.
    fn comma(&mut self, stretch: Stretch<'_>, at: usize) -> Result<Progress, Stop> {
        let kind = self.level(at)?.kind;
        let next = white(stretch.bytes(), at + 1);
        let is_end = next == stretch.end();
        if next - at > 1 + WHITE || is_end && stretch.is_closed {
            self.remove(at, at + 1);
            self.position.is_owed = true;
            self.position.step = if kind == Kind::Object { Step::NextName } else { Step::NextItem };
            return Ok(Progress::On(at + 1));
        }
        match (kind, stretch.bytes().get(next)) {
            (_, None) => Ok(Progress::Held(at)),
            (Kind::Object, Some(b'"')) => self.member(stretch, Some(at), next),
            (Kind::Object, Some(_)) => Err(self.malformed(next)),
            (Kind::Array, Some(_)) => self.item(Some(at), next),
        }
    }

    /// Read a name, and decide on its member.
    fn member(&mut self, stretch: Stretch<'_>, comma: Option<usize>, start: usize) -> Result<Progress, Stop> {
        let level = self.level(start)?;
        let (name, end) = match self.look(stretch, start, self.limits.name)? {
            Looked::Whole(text) => text,
            Looked::Cut => return Ok(Progress::Held(comma.unwrap_or(start))),
            Looked::TooLong => return Err(Stop::Beyond(Limit::Name)),
        };
        let name = name.as_str(self.scratch);
        let state = self.guide.member(level.state, name);
        let treatment = self.guide.treatment(state);
        let replacement =
            if self.inspects && treatment != Treatment::Remove { self.guide.inspect(name) } else { Replacement::Keep };
        self.settle(treatment, comma, start)?;
        self.put_name(replacement, start, end)?;
        if treatment == Treatment::Remove {
            self.guide.took(state);
            self.remove(start, end);
            self.position.mode = Mode::Dropping;
        }
        self.position.at = state;
        // What follows at once needs no turn of its own.
        if treatment != Treatment::Remove && stretch.bytes().get(end) == Some(&b':') {
            self.position.step = Step::Value;
            return Ok(Progress::On(end + 1));
        }
        self.position.step = Step::Colon;
        Ok(Progress::On(end))
    }

    /// Decide on an item, which begins at an offset.
    fn item(&mut self, comma: Option<usize>, start: usize) -> Result<Progress, Stop> {
        let level = self.level(start)?;
        let index = if self.position.step == Step::FirstItem { 0 } else { level.index.saturating_add(1) };
        let state = self.guide.item(level.state, index);
        let treatment = self.guide.treatment(state);
        self.settle(treatment, comma, start)?;
        if let Some(level) = self.position.levels.last_mut() {
            level.index = index;
        }
        if treatment == Treatment::Remove {
            self.guide.took(state);
            self.position.mode = Mode::Dropping;
        }
        self.position.at = state;
        self.position.step = Step::Value;
        Ok(Progress::On(start))
    }

    /// Decide on the comma before what begins at `start`: it stays if something is before it and something behind.
    #[inline(always)]
    fn settle(&mut self, treatment: Treatment, comma: Option<usize>, start: usize) -> Result<(), Stop> {
        let stays = match treatment {
            Treatment::Block => return Err(Stop::Blocked),
            Treatment::Remove => false,
            Treatment::Keep | Treatment::Null | Treatment::Rewrite | Treatment::Embedded => true,
        };
        let is_owed = std::mem::take(&mut self.position.is_owed);
        let Some(level) = self.position.levels.last_mut() else { return Ok(()) };
        let has_before = level.is_begun;
        level.is_begun |= stays;
        if has_before && stays {
            if is_owed {
                self.replace(start, start, |out| out.push(b','));
            }
        } else if let Some(comma) = comma {
            self.remove(comma, start);
        }
        Ok(())
    }

    /// The innermost container; outside of all, nothing that needs one can stand.
    #[inline]
    fn level(&self, at: usize) -> Result<Level, Stop> {
        self.position.levels.last().copied().ok_or_else(|| self.malformed(at))
    }
}
