//! Reads the operations of a document: where each takes and gives data, and the shapes of that.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fault::Wrong;
use super::media::{Media, essence};
use super::nodes::{Id, Value};
use super::schema::Schemas;
use super::shapes::{ClassId, Shape, ShapeId};

/// Operations of a document, and parameters of one.
const MOST_OPERATIONS: usize = 10_000;
const MOST_PARAMETERS: usize = 256;
/// Methods that have a field of their own in a path item.
pub(super) const METHODS: [&str; 9] = ["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"];

/// An operation as it is written.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) name: Option<Arc<str>>,
    /// In capitals, but for those nobody registered.
    pub(super) method: Arc<str>,
    pub(super) path: Arc<str>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) request: Body,
    /// By status, `4XX` or `default`.
    pub(super) responses: BTreeMap<Arc<str>, Response>,
}

#[derive(Debug, Clone)]
pub(super) struct Parameter {
    pub(super) name: Arc<str>,
    pub(super) place: ParameterPlace,
    pub(super) value: Carried,
    /// `filter[name]=` and not `name=` where the value is an object.
    pub(super) is_deep: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ParameterPlace {
    Query,
    /// The whole of the query.
    QueryString,
    Header,
    Path,
    Cookie,
}

/// What is known of a value that is not a body.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Carried {
    pub(super) class: Option<ClassId>,
    pub(super) shape: Option<ShapeId>,
}

#[derive(Debug, Default)]
pub(super) struct Response {
    pub(super) body: Body,
    pub(super) headers: Vec<(Arc<str>, Carried)>,
}

/// By how they are read.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) json: Vec<ShapeId>,
    pub(super) forms: Vec<ShapeId>,
    /// With their media types, or ranges of them.
    pub(super) others: Vec<(Arc<str>, ShapeId)>,
}

impl Schemas<'_> {
    /// All operations of a document. Components that none of them uses are read too: what is wrong there is told
    /// before somebody does.
    pub(super) fn operations(&mut self, root: Id) -> Vec<Written> {
        let mut operations = Vec::new();
        for (path, item) in self.object(root, "paths").iter().filter(|(path, _)| path.starts_with('/')) {
            self.path_item(path, *item, &mut operations);
            if operations.len() > MOST_OPERATIONS {
                let wrong =
                    Wrong::new(format!("has more than {MOST_OPERATIONS} operations"), "make several APIs of it");
                self.files.fault(root, wrong);
                break;
            }
        }
        if let Some(components) = self.files.nodes.member(root, "components") {
            self.components(components);
        }
        operations
    }

    fn components(&mut self, at: Id) {
        for (_, id) in self.object(at, "schemas").iter() {
            self.shape(*id);
        }
        for (_, id) in self.object(at, "parameters").iter() {
            self.parameter(*id);
        }
        for (_, id) in self.object(at, "headers").iter() {
            self.header(*id);
        }
        for (_, id) in self.object(at, "requestBodies").iter() {
            self.body(*id);
        }
        for (_, id) in self.object(at, "responses").iter() {
            self.response(*id);
        }
        for (_, id) in self.object(at, "mediaTypes").iter() {
            self.media(Media::Json, *id);
        }
        for (_, id) in self.object(at, "pathItems").iter() {
            self.path_item(&Arc::from(""), *id, &mut Vec::new());
        }
    }

    fn path_item(&mut self, path: &Arc<str>, item: Id, operations: &mut Vec<Written>) {
        // What stands beside a reference holds too.
        let way = self.files.resolve(item);
        let shared: Vec<_> = way.iter().flat_map(|at| self.parameters(*at)).collect();
        for at in way {
            for method in METHODS {
                if let Some(operation) = self.files.nodes.member(at, method) {
                    let method = method.to_ascii_uppercase();
                    operations.push(self.operation(path, method.into(), operation, &shared));
                }
            }
            for (method, operation) in self.object(at, "additionalOperations").iter() {
                operations.push(self.operation(path, method.clone(), *operation, &shared));
            }
        }
    }

    fn operation(&mut self, path: &Arc<str>, method: Arc<str>, at: Id, shared: &[Parameter]) -> Written {
        if !self.files.nodes.is_map(at) {
            self.mistaken(at, "an operation, which is an object");
        }
        let mut parameters = self.parameters(at);
        let is_own = |parameter: &Parameter, own: &[Parameter]| {
            own.iter().any(|it| (&it.name, it.place) == (&parameter.name, parameter.place))
        };
        let inherited: Vec<_> = shared.iter().filter(|it| !is_own(it, &parameters)).cloned().collect();
        parameters.extend(inherited);
        if parameters.len() > MOST_PARAMETERS {
            parameters.clear();
            let wrong = Wrong::new(format!("has more than {MOST_PARAMETERS} parameters"), "put some into a body");
            self.files.fault(at, wrong);
        }
        let responses = self.object(at, "responses");
        let responses = responses.iter().filter(|(status, _)| !status.starts_with("x-"));
        let responses = responses.map(|(status, id)| (status.clone(), self.response(*id))).collect();
        Written {
            name: self.files.nodes.text_of(at, "operationId").map(Arc::from),
            method,
            path: path.clone(),
            parameters,
            request: self.files.nodes.member(at, "requestBody").map(|body| self.body(body)).unwrap_or_default(),
            responses,
        }
    }

    fn parameters(&mut self, at: Id) -> Vec<Parameter> {
        let Some(id) = self.files.nodes.member(at, "parameters") else { return Vec::new() };
        let Value::List(items) = self.files.nodes.value(id) else {
            self.mistaken(id, "a list of parameters");
            return Vec::new();
        };
        items.clone().iter().take(MOST_PARAMETERS + 1).filter_map(|item| self.parameter(*item)).collect()
    }

    fn parameter(&mut self, at: Id) -> Option<Parameter> {
        let way = self.files.resolve(at);
        let (class, target) = (self.class_on(&way), *way.first()?);
        let nodes = &self.files.nodes;
        let place = match nodes.text_of(target, "in") {
            Some("query") => ParameterPlace::Query,
            Some("querystring") => ParameterPlace::QueryString,
            Some("header") => ParameterPlace::Header,
            Some("path") => ParameterPlace::Path,
            Some("cookie") => ParameterPlace::Cookie,
            _ => {
                let advice = "write `in: query`, `header`, `path` or `cookie`";
                self.files.fault(target, Wrong::new("does not say where the parameter stands", advice));
                return None;
            }
        };
        let is_deep = nodes.text_of(target, "style") == Some("deepObject");
        let Some(name) = nodes.text_of(target, "name").map(Arc::from) else {
            self.files.fault(target, Wrong::new("is a parameter without a name", "add `name`"));
            return None;
        };
        Some(Parameter { name, place, value: self.carried(target, class), is_deep })
    }

    fn header(&mut self, at: Id) -> Option<Carried> {
        let way = self.files.resolve(at);
        let class = self.class_on(&way);
        way.first().map(|target| self.carried(*target, class))
    }

    /// What a parameter or a header holds: by its schema, or as content of a media type.
    fn carried(&mut self, at: Id, class: Option<ClassId>) -> Carried {
        let mut shapes: Vec<_> =
            self.files.nodes.member(at, "schema").map(|schema| self.shape(schema)).into_iter().collect();
        for (media, id) in self.object(at, "content").iter() {
            shapes.extend(self.media(Media::of(media), *id));
        }
        Carried { class, shape: self.shapes.join(shapes) }
    }

    fn response(&mut self, at: Id) -> Response {
        let Some(target) = self.files.resolve(at).first().copied() else { return Response::default() };
        let headers = self.object(target, "headers");
        let headers = headers.iter().filter_map(|(name, id)| Some((name.clone(), self.header(*id)?))).collect();
        Response { body: self.body(target), headers }
    }

    /// The content of a request body or of a response.
    fn body(&mut self, at: Id) -> Body {
        let (mut body, target) = (Body::default(), self.files.resolve(at).first().copied());
        let content = target.map(|target| self.object(target, "content")).unwrap_or_default();
        for (name, id) in content.iter() {
            let media = Media::of(name);
            let Some(shape) = self.media(media, *id) else { continue };
            match media {
                Media::Json | Media::Sequence | Media::Events => body.json.push(shape),
                Media::Form => body.forms.push(shape),
                Media::Range => {
                    body.json.push(shape);
                    body.others.push((essence(name).into(), shape));
                }
                Media::Other => body.others.push((essence(name).into(), shape)),
            }
        }
        body
    }

    /// What a media type object says of a body.
    fn media(&mut self, media: Media, at: Id) -> Option<ShapeId> {
        let way = self.files.resolve(at);
        let (class, target) = (self.class_on(&way), *way.first()?);
        let schemas = ["schema", "itemSchema"].map(|keyword| self.files.nodes.member(target, keyword));
        let also: Vec<_> = schemas.into_iter().flatten().map(|schema| self.shape(schema)).collect();
        let (is_sequence, is_event) = match media {
            Media::Sequence => (true, false),
            Media::Events => (true, true),
            Media::Json | Media::Range | Media::Form | Media::Other => (false, false),
        };
        if class.is_none() && !is_sequence {
            return self.shapes.join(also);
        }
        Some(self.shapes.add(Shape { class, also, is_sequence, is_event, ..Shape::default() }))
    }

    /// What annotations say of an object, where it stands or where it is referred to.
    fn class_on(&mut self, way: &[Id]) -> Option<ClassId> {
        let classes: Vec<_> = way.iter().map(|at| self.class(*at)).collect();
        classes.into_iter().flatten().next_back()
    }

    /// The members of an object in an object; none where it is not there.
    pub(super) fn object(&mut self, at: Id, name: &str) -> Arc<[(Arc<str>, Id)]> {
        let Some(id) = self.files.nodes.member(at, name) else { return Arc::default() };
        if !self.files.nodes.is_map(id) {
            self.mistaken(id, "an object");
        }
        self.named.insert(id);
        self.files.nodes.members(id)
    }
}
