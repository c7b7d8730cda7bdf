//! Owns what a record of processing activities says, as programs read it: names that stay as long as the format does.

use serde::Serialize;
use serde_json::Value;

/// Of the shape of a report.
pub(super) const FORMAT: u32 = 1;

/// Everything there is to say of a folder.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) format: u32,
    pub(super) lockgate: &'static str,
    /// Stated in gateway.toml, and null where nobody did.
    pub(super) controller: Option<String>,
    pub(super) contact: Option<String>,
    pub(super) officer: Option<String>,
    pub(super) representative: Option<String>,
    pub(super) activities: Vec<Activity>,
    pub(super) listeners: Vec<Peer>,
    /// Who is told of exchanges besides.
    pub(super) collectors: Vec<Peer>,
    pub(super) kept: Vec<Kept>,
    /// What may pass as it is against what is wanted.
    pub(super) gaps: Vec<Passing>,
    /// What passes as it is and is meant to, or by default.
    pub(super) passes: Vec<Passing>,
}

/// What one API does with data.
#[derive(Debug, Serialize)]
pub(super) struct Activity {
    pub(super) api: String,
    pub(super) version: String,
    /// Its folder, to which what is missing belongs.
    pub(super) folder: String,
    /// Files of its OpenAPI document.
    pub(super) documents: Vec<String>,
    /// Stated in api.toml, and empty or null where nobody did.
    pub(super) purposes: Vec<String>,
    pub(super) legal_basis: Vec<String>,
    pub(super) subjects: Vec<String>,
    pub(super) recipients: Vec<String>,
    pub(super) transfers: Vec<String>,
    pub(super) retention: Option<String>,
    pub(super) categories: Vec<Category>,
    pub(super) upstreams: Vec<Peer>,
    /// Services its policies may ask, by which of them.
    pub(super) services: Vec<Service>,
    pub(super) policies: Vec<Guard>,
    pub(super) routes: Vec<Route>,
}

/// A kind of data, and how many fields are of it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Category {
    pub(super) category: String,
    pub(super) sensitivity: &'static str,
    pub(super) fields: usize,
}

/// Somebody the gateway talks to, and how.
#[derive(Debug, Serialize)]
pub(super) struct Peer {
    pub(super) name: String,
    pub(super) addresses: Vec<String>,
    /// How what is said is protected on its way.
    pub(super) protection: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Service {
    #[serde(flatten)]
    pub(super) peer: Peer,
    pub(super) policies: Vec<String>,
}

/// One place of a policy in a chain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Guard {
    pub(super) policy: String,
    pub(super) source: String,
    /// `gateway`, the API or `API/route`.
    pub(super) chain: String,
    pub(super) redacts: bool,
    /// It is told what the document says.
    pub(super) by_annotations: bool,
    /// Whether requests go on without it when it fails.
    pub(super) is_skipped: bool,
    /// Without what the gateway added.
    pub(super) config: Value,
}

impl Guard {
    /// Nothing it is told of passes where it cannot do its work.
    pub(super) fn is_reliable(&self) -> bool {
        self.redacts && self.by_annotations && !self.is_skipped
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Route {
    pub(super) route: String,
    pub(super) methods: Vec<String>,
    pub(super) path: String,
    /// The document says something of it.
    pub(super) is_described: bool,
    /// The policies a request passes, outermost first.
    pub(super) chain: Vec<String>,
    pub(super) fields: Vec<Field>,
}

/// Something classified.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Field {
    pub(super) direction: Direction,
    /// Of a response.
    pub(super) status: Option<String>,
    /// `body`, `form`, `query`, `path`, `header` or `cookie`.
    pub(super) part: &'static str,
    pub(super) at: String,
    pub(super) category: String,
    pub(super) sensitivity: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Direction {
    Request,
    Response,
}

/// What the gateway itself stores, and for how long.
#[derive(Debug, Serialize)]
pub(super) struct Kept {
    pub(super) what: String,
    pub(super) until: String,
}

/// Something that may pass as it is.
#[derive(Debug, Serialize)]
pub(super) struct Passing {
    pub(super) api: String,
    /// None where it is about the whole API.
    pub(super) route: Option<String>,
    /// None where it is about all of the route.
    pub(super) field: Option<Field>,
    pub(super) because: String,
}
