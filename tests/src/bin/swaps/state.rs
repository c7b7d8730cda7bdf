//! One state of the policies folder: the numbers that stand in its files, and what responses state that are made by it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::certificates::Certificates;

/// Chains that differ in order and in length: what the API has, and what its routes have behind that.
pub(crate) const SHAPES: &[(&[&str], &[&str])] = &[
    (&["first"], &["last"]),
    (&["last"], &["first"]),
    (&["first", "again"], &["last"]),
    (&["first"], &["again", "last"]),
    (&[], &["last", "first"]),
    (&["last", "again", "first"], &[]),
];
/// Where a build of `tell` has its number.
const BUILD: &[u8] = b"<build>";
/// Digits of it.
const DIGITS: usize = 10;
/// Routes that come and go have so many names.
const NAMES: u64 = 8;

const GATEWAY: &str = r#"
[access_log]
enabled = false
[secret.site]
file = "site-CERTIFICATE.key"
[listen.public]
address = "127.0.0.1:0"
[listen.secure]
address = "127.0.0.1:0"
tls = [{ certificate = "site-CERTIFICATE.pem", key = "secret:site" }]
[admin]
address = "127.0.0.1:0"
[policy.headers]
source = "builtin:headers"
grant = ["write:x-test-*"]
[policy.first]
source = "file:components/first.wasm"
grant = ["write:x-test-*"]
isolation = "pooled"
[policy.last]
source = "file:components/last.wasm"
grant = ["write:x-test-*"]
[[chain]]
policy = "headers"
config.response.set = { x-test-gateway = "NUMBER" }
"#;

const API: &str = r#"
name = "soak"
version = "NUMBER"
[[chain]]
policy = "headers"
config = { request = { set = { x-test-config = "NUMBER" } }, response = { set = { x-test-config = "NUMBER" } } }
OUTER
[upstream.main]
targets = ["http://UPSTREAM"]
[[route]]
name = "proxied"
match = { path = "/proxied/{*rest}" }
rewrite = { path = "/NUMBER/{*rest}" }
chain = [INNER]
upgrades = ["websocket"]
upstream = "main"
timeout = "10m"
[[route]]
name = "now-NAME"
match = { path = "/now/NUMBER" }
rewrite = { path = "/NUMBER/echo" }
chain = [INNER]
upstream = "main"
[[route]]
name = "answer"
match = { path = "/answer" }
chain = [INNER]
respond = { file = "answer.txt", content_type = "text/plain" }
"#;

const VISITOR: &str = r#"
name = "visitor"
version = "NUMBER"
[[route]]
name = "here"
match = { path = "/visitor" }
respond = { body = "visitor NUMBER" }
"#;

/// What the files of the folder say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) gateway: u64,
    pub(crate) api: u64,
    /// Which of [`SHAPES`].
    pub(crate) shape: usize,
    /// Of the components `first` and `last`.
    pub(crate) builds: [u64; 2],
    pub(crate) answer: u64,
    pub(crate) certificate: u64,
    /// The API that comes and goes.
    pub(crate) visitor: Option<u64>,
}

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Asked {
    /// What the upstream answers.
    Proxied,
    /// What a file of the folder says.
    Answer,
    /// The route that is there in one configuration only.
    Now(u64),
    /// The API that comes and goes.
    Visitor,
}

/// What a response states of the generation that made it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Said {
    pub(crate) status: u16,
    /// By the gateway's chain.
    pub(crate) gateway: String,
    /// By a policy inside the gateway.
    pub(crate) config: String,
    /// By the response hooks of components, in their order.
    pub(crate) trail: String,
    /// What the upstream was asked for, by which configuration, and by which request hooks.
    pub(crate) told: String,
    /// Only where it is a file or an answer of the folder.
    pub(crate) body: String,
}

/// What all states are written with.
pub(crate) struct Parts {
    pub(crate) upstream: SocketAddr,
    pub(crate) certificates: Certificates,
    component: Vec<u8>,
}

impl Parts {
    pub(crate) fn new(upstream: SocketAddr, component: Vec<u8>) -> Self {
        Self { upstream, certificates: Certificates::default(), component }
    }
}

impl State {
    /// The first.
    pub(crate) fn first() -> Self {
        Self { gateway: 1, api: 1, shape: 0, builds: [1, 1], answer: 1, certificate: 1, visitor: None }
    }

    /// All files of the folder, by path.
    pub(crate) fn files(&self, parts: &Parts) -> BTreeMap<String, Vec<u8>> {
        let certificate = self.certificate.to_string();
        let gateway = GATEWAY.replace("CERTIFICATE", &certificate).replace("NUMBER", &self.gateway.to_string());
        let mut files = BTreeMap::from([
            ("gateway.toml".to_owned(), gateway.into_bytes()),
            ("soak/api.toml".to_owned(), self.api(parts.upstream).into_bytes()),
            ("soak/answer.txt".to_owned(), format!("answer {}", self.answer).into_bytes()),
            ("components/first.wasm".to_owned(), build(&parts.component, self.builds[0])),
            ("components/last.wasm".to_owned(), build(&parts.component, self.builds[1])),
            (format!("site-{certificate}.pem"), parts.certificates.of(self.certificate).certificate.into_bytes()),
        ]);
        if let Some(number) = self.visitor {
            files.insert("visitor/api.toml".to_owned(), visitor(number).into_bytes());
        }
        files
    }

    /// The text of its API.
    pub(crate) fn api(&self, upstream: SocketAddr) -> String {
        let number = self.api.to_string();
        let (outer, inner) = SHAPES[self.shape];
        let config = |name: &str| format!("{{ name = \"{name}\", number = {number} }}");
        let outer: String = outer
            .iter()
            .map(|name| format!("[[chain]]\npolicy = \"{}\"\nconfig = {}\n", policy(name), config(name)))
            .collect();
        let inner: Vec<_> = inner
            .iter()
            .map(|name| format!("{{ policy = \"{}\", config = {} }}", policy(name), config(name)))
            .collect();
        API.replace("OUTER", &outer)
            .replace("INNER", &inner.join(", "))
            .replace("NAME", &(self.api % NAMES).to_string())
            .replace("NUMBER", &number)
            .replace("UPSTREAM", &upstream.to_string())
    }

    /// What a response must state that is made by it.
    pub(crate) fn says(&self, asked: Asked) -> Said {
        let gateway = self.gateway.to_string();
        let nothing = Said { status: 404, gateway: gateway.clone(), ..Said::default() };
        match asked {
            Asked::Now(number) if number != self.api => return nothing,
            Asked::Visitor => {
                let here = |number| Said { status: 200, body: format!("visitor {number}"), ..nothing.clone() };
                return self.visitor.map_or_else(|| nothing.clone(), here);
            }
            _ => {}
        }
        let (outer, inner) = SHAPES[self.shape];
        let mut entries: Vec<_> = outer.iter().chain(inner).map(|name| self.told(name)).collect();
        let told = format!("{0} {0} {1}", self.api, entries.join(", "));
        entries.reverse();
        let said = Said { status: 200, gateway, config: self.api.to_string(), trail: entries.join(", "), ..nothing };
        match asked {
            Asked::Answer => Said { body: format!("answer {}", self.answer), ..said },
            _ => Said { told, ..said },
        }
    }

    fn told(&self, name: &str) -> String {
        let build = self.builds[usize::from(policy(name) == "last")];
        format!("{name} {build} {}", self.api)
    }
}

impl Asked {
    /// The path to ask for; of what the upstream answers, this.
    pub(crate) fn path(self, what: &str) -> String {
        match self {
            Self::Proxied => format!("/proxied/{what}"),
            Self::Answer => "/answer".to_owned(),
            Self::Now(number) => format!("/now/{number}"),
            Self::Visitor => "/visitor".to_owned(),
        }
    }
}

impl Said {
    /// What the fields of a response say, all values of each in their order; `body` where that says something too.
    pub(crate) fn new<'a>(status: u16, body: &[u8], values: impl Fn(&str) -> Vec<&'a str>) -> Self {
        let all = |name: &str| values(name).join(", ");
        let body = match status {
            200 => String::from_utf8_lossy(body).into_owned(),
            _ => String::new(),
        };
        let [gateway, config] = ["x-test-gateway", "x-test-config"].map(all);
        Self { status, gateway, config, trail: all("x-test-trail"), told: all("x-test-told"), body }
    }
}

/// The API that comes and goes.
pub(crate) fn visitor(number: u64) -> String {
    VISITOR.replace("NUMBER", &number.to_string())
}

/// Another build of a component: the same, but for the number it tells.
pub(crate) fn build(component: &[u8], number: u64) -> Vec<u8> {
    let at = component.windows(BUILD.len()).position(|window| window == BUILD).expect("no place for a number");
    let mut bytes = component.to_vec();
    let digits = at + BUILD.len()..at + BUILD.len() + DIGITS;
    bytes[digits].copy_from_slice(format!("{number:0DIGITS$}").as_bytes());
    bytes
}

/// Which policy an entry of a chain is.
fn policy(name: &str) -> &str {
    match name {
        "again" => "first",
        other => other,
    }
}
