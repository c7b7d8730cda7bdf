//! The path patterns of one host as a tree of segments.

use std::collections::HashMap;

use super::pattern::{PathPattern, Segment, split_segment};

/// Routes with the same host and path shape, by their places in the list.
pub(super) type Slot = Vec<usize>;

/// A tree whose edges are segments; parameters share an edge whatever they are called.
#[derive(Debug, Default)]
pub(super) struct Trie {
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    literals: HashMap<Box<str>, Node>,
    param: Option<Box<Node>>,
    /// Routes whose pattern ends here.
    end: Slot,
    /// Routes whose pattern is open from here on.
    rest: Slot,
}

impl Trie {
    /// Where routes of this path shape stand, made when missing.
    pub(super) fn slot(&mut self, pattern: &PathPattern) -> &mut Slot {
        let mut node = &mut self.root;
        for segment in pattern.segments() {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.clone()).or_default(),
                Segment::Param(_) => node.param.get_or_insert_default(),
                Segment::Rest(_) => return &mut node.rest,
            };
        }
        &mut node.end
    }

    /// Show the slots that cover a path to `visit`, the more specific first, until it answers.
    ///
    /// No node is entered twice, and none deeper than the longest pattern.
    pub(super) fn walk<'a, R>(&'a self, path: &str, visit: &mut impl FnMut(&'a Slot) -> Option<R>) -> Option<R> {
        self.root.walk(Some(path.strip_prefix('/')?), visit)
    }
}

impl Node {
    /// `left` is the path below this node, `None` when it ended here.
    fn walk<'a, R>(&'a self, left: Option<&str>, visit: &mut impl FnMut(&'a Slot) -> Option<R>) -> Option<R> {
        let Some(left) = left else {
            return visit(&self.end).or_else(|| visit(&self.rest));
        };
        let (segment, after) = split_segment(left);
        let literal = self.literals.get(segment);
        let param = self.param.as_deref().filter(|_| !segment.is_empty());
        for child in literal.into_iter().chain(param) {
            if let Some(answer) = child.walk(after, visit) {
                return Some(answer);
            }
        }
        visit(&self.rest)
    }
}
