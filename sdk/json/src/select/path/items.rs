//! Which items of an array a selector selects, where that does not depend on how many there are.

/// The end of `Items` that have none, and the index that stands for all that come after it.
pub(in crate::select) const ENDLESS: u32 = u32::MAX;

/// Items of an array: from `start`, every `step`th, before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::select) struct Items {
    pub(in crate::select) start: u32,
    pub(in crate::select) end: u32,
    pub(in crate::select) step: u32,
}

/// It depends on the length of the array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FromTheEnd;

impl Items {
    pub(in crate::select) const EVERY: Self = Self { start: 0, end: ENDLESS, step: 1 };

    /// The item of an index selector (RFC 9535 section 2.3.3), or none where no array has it.
    pub(super) fn of_index(index: i64) -> Result<Option<Self>, FromTheEnd> {
        match index {
            0.. => Ok(Self::between(index, Some(index + 1), 1)),
            _ if is_before_all(index) => Ok(None),
            _ => Err(FromTheEnd),
        }
    }

    /// The items of a slice selector (RFC 9535 section 2.3.4) as a set, or none where no array has any.
    pub(super) fn of_slice(start: Option<i64>, end: Option<i64>, step: i64) -> Result<Option<Self>, FromTheEnd> {
        match step {
            0 => Ok(None),
            1.. => Self::forwards(start.unwrap_or(0), end, step),
            _ => Self::backwards(start, end, step),
        }
    }

    fn forwards(start: i64, end: Option<i64>, step: i64) -> Result<Option<Self>, FromTheEnd> {
        let start = if is_before_all(start) { 0 } else { start };
        let end = end.map(|end| if is_before_all(end) { 0 } else { end });
        match (start, end) {
            // Both count from the end: they never meet in any other order.
            (..0, Some(end @ ..0)) if start >= end => Ok(None),
            (_, Some(0)) => Ok(None),
            (0.., None | Some(0..)) => Ok(Self::between(start, end, step)),
            _ => Err(FromTheEnd),
        }
    }

    fn backwards(start: Option<i64>, end: Option<i64>, step: i64) -> Result<Option<Self>, FromTheEnd> {
        let end = end.filter(|end| !is_before_all(*end));
        // The last item that can be among them, if it is known, and the first.
        let (last, first) = match (start.filter(|start| *start != -1), end) {
            // They end at the last item, which is not among them.
            (_, Some(-1)) => return Ok(None),
            (Some(start), _) if is_before_all(start) => return Ok(None),
            (Some(start @ ..0), Some(end @ ..0)) if start <= end => return Ok(None),
            (Some(..0), _) | (_, Some(..0)) => return Err(FromTheEnd),
            (last, end) => (last, end.map_or(0, |end| end + 1)),
        };
        // A longer step counts from the last item there is, unless only one item can be meant.
        if step == -1 || last.is_some_and(|last| last <= first) {
            Ok(Self::between(first, last.map(|last| last + 1), 1))
        } else {
            Err(FromTheEnd)
        }
    }

    /// Of bounds and steps that are not negative, cut to what is counted.
    fn between(start: i64, end: Option<i64>, step: i64) -> Option<Self> {
        if end.is_some_and(|end| start >= end) {
            return None;
        }
        let next = start.saturating_add(step);
        // Where a step leads out, there is but one.
        let (end, step) = if end.is_some_and(|end| next >= end) || next >= i64::from(ENDLESS) {
            (Some(start + 1), 1)
        } else {
            (end, step)
        };
        Some(Self { start: counted(start), end: end.map_or(ENDLESS, counted), step: counted(step) })
    }
}

/// Whether an index that counts from the end is in front of all arrays that are followed.
fn is_before_all(index: i64) -> bool {
    index <= -i64::from(ENDLESS)
}

fn counted(index: i64) -> u32 {
    u32::try_from(index).unwrap_or(ENDLESS)
}
