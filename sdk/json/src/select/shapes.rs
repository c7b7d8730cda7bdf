//! What a description of a document says about its values: a graph of shapes.

/// The shapes of the values of a document, as an OpenAPI document or a JSON Schema describes them.
///
/// Shapes refer to one another by their place in the list, in circles if need be: a recursive schema is a circle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shapes {
    /// The shapes; the index of one is how others name it.
    pub shapes: Vec<Shape>,
}

/// What is known of the values at one place, or at all places that one schema describes.
///
/// # Which members are listed
///
/// Several shapes may apply to one value: the one that led there, all those it has in `also`, and those that other
/// shapes there lead to. A member of the value is listed where any of them names it, closed or not; `rest` does not
/// list a member, for it knows no names. It is unlisted where none of them names it and at least one is closed. So
/// `allOf` of a closed shape and an open one lists what either names, and an open shape does not open a closed one.
///
/// The members that are listed for a value of `oneOf` or `anyOf` are those of all alternatives: which of them the value
/// is may be known only when it has passed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// The class of the values, if they have one.
    pub class: Option<u16>,
    /// The members of an object and their shapes. A name may have several, all of which apply.
    pub members: Vec<(String, usize)>,
    /// The shape of the items of an array.
    pub items: Option<usize>,
    /// The shape of the members of an object that this shape does not name (`additionalProperties`).
    pub rest: Option<usize>,
    /// Whether a member that no shape names here is unlisted.
    pub is_closed: bool,
    /// Shapes that apply to the same values (`allOf`, `oneOf`, `anyOf`).
    pub also: Vec<usize>,
}

/// A shape refers to one that is not there, at this index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchShape(pub usize);

impl std::fmt::Display for NoSuchShape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "there is no shape number {}", self.0)
    }
}

impl std::error::Error for NoSuchShape {}
