//! How a selection is put together.

use super::complex::{Limit, TooComplex};
use super::graph::{Graph, NodeId, Reach};
use super::path::Path;
use super::selection::Selection;
use super::shapes::{NoSuchShape, Shapes};
use super::subset;

/// Puts a selection together: for documents of several kinds, say one for each operation of an API and each direction,
/// what is selected by which rule. Rules are numbers that only the caller knows the meaning of.
///
/// ```
/// use lockgate_json::select::{Path, Reach, SelectionBuilder};
///
/// let mut builder = SelectionBuilder::default();
/// let mut user = builder.entry();
/// user.path(&Path::json_path("$..email")?, 7, Reach::Below);
/// let user = user.index();
/// let selection = builder.build()?;
///
/// let root = selection.root(user).unwrap();
/// let email = selection.member(selection.member(root, "contact"), "email");
/// assert_eq!(selection.rules(email), [7]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct SelectionBuilder {
    graph: Graph,
    roots: Vec<Vec<NodeId>>,
}

/// One kind of document in a selection that is put together.
#[derive(Debug)]
pub struct Entry<'b> {
    graph: &'b mut Graph,
    root: &'b mut Vec<NodeId>,
    index: usize,
}

/// Shapes that a builder knows, for as many kinds of documents as they describe.
#[derive(Clone, Copy, Debug)]
pub struct Described {
    first: usize,
    count: usize,
}

impl SelectionBuilder {
    /// Takes in shapes: `rule_of_class` gives the rule that selects what has a class and how far it reaches; `unlisted`
    /// is the rule that selects members that are not listed, and all that is inside of them.
    ///
    /// # Errors
    ///
    /// Where a shape refers to one that is not there.
    pub fn describe(
        &mut self,
        shapes: &Shapes,
        rule_of_class: impl Fn(u16) -> Option<(u16, Reach)>,
        unlisted: Option<u16>,
    ) -> Result<Described, NoSuchShape> {
        let first = self.graph.shapes(shapes, rule_of_class, unlisted)?;
        Ok(Described { first, count: shapes.shapes.len() })
    }

    /// Opens one more kind of document, in which nothing is selected yet.
    pub fn entry(&mut self) -> Entry<'_> {
        let index = self.roots.len();
        let root = self.roots.push_mut(Vec::new());
        Entry { graph: &mut self.graph, root, index }
    }

    /// The selection.
    ///
    /// # Errors
    ///
    /// Where it would be too large, or take too long. A configuration that asks for it is best refused: what the error
    /// says is advice for who wrote it.
    pub fn build(mut self) -> Result<Selection, TooComplex> {
        if self.graph.has_too_many_names() {
            return Err(TooComplex { entry: None, limit: Limit::Names });
        }
        let roots: Vec<_> = self.roots.iter().map(|root| self.graph.together(root)).collect();
        let (drafts, starts) = subset::drafts(&self.graph, &roots)?;
        Ok(Selection::new(&self.graph.names, &drafts, &starts))
    }
}

impl Entry<'_> {
    /// By which number `Selection::root` knows this kind: the first is 0, the next is 1.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Selects by the rule what the path leads to.
    pub fn path(&mut self, path: &Path, rule: u16, reach: Reach) {
        let end = self.graph.selects(rule, reach);
        let start = self.graph.path(path, end);
        self.root.push(start);
    }

    /// Selects by the rule all that the paths do not allow: every value that is not selected by one of them, not inside
    /// of what one selects, and not on the way there.
    ///
    /// An object or array that may have something allowed inside is on the way, and remains, with whatever of it is
    /// allowed. Where it is not an object or array that stands there, nothing can be inside: then the rule selects it
    /// after all, as one of `Selection::scalar_rules`.
    pub fn allow(&mut self, paths: &[Path], rule: u16) {
        let roots = self.graph.allow(paths, rule);
        self.root.extend(roots);
    }

    /// Selects by the shape at `root` what the builder was told of shapes.
    ///
    /// # Errors
    ///
    /// Where there is no such shape.
    pub fn shapes(&mut self, described: &Described, root: usize) -> Result<(), NoSuchShape> {
        if root >= described.count {
            return Err(NoSuchShape(root));
        }
        let node = NodeId::try_from(described.first + root).map_err(|_| NoSuchShape(root))?;
        self.root.push(node);
        Ok(())
    }
}
