//! A browser as far as a policy can tell: a cookie jar that keeps what browsers keep, and Fetch metadata.

use super::SHOP;
use lockgate_plugin_oidc::Oidc;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing::Facts;

/// Names and values, in the order in which they were set.
#[derive(Clone, Default)]
pub(crate) struct Browser {
    pub(crate) jar: Vec<(String, String)>,
}

/// A request as a page makes it.
#[derive(Clone)]
pub(crate) struct Request {
    method: String,
    target: String,
    fields: Vec<(String, String)>,
}

impl Request {
    pub(crate) fn get(target: &str) -> Self {
        Self { method: "GET".to_owned(), target: target.to_owned(), fields: Vec::new() }
    }

    pub(crate) fn method(mut self, method: &str) -> Self {
        self.method = method.to_owned();
        self
    }

    pub(crate) fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl Browser {
    /// Go to a page, by a link of any site.
    pub(crate) fn visit(&mut self, policy: &Oidc, target: &str) -> Verdict {
        self.send(
            policy,
            Request::get(target).field("sec-fetch-mode", "navigate").field("sec-fetch-site", "cross-site"),
        )
    }

    /// Post a form of one of our pages.
    pub(crate) fn post(&mut self, policy: &Oidc, target: &str) -> Verdict {
        let request = Request::get(target).method("POST");
        self.send(policy, request.field("sec-fetch-mode", "navigate").field("sec-fetch-site", "same-origin"))
    }

    /// Make a request, with the response hook on its way back where it passes, and keep the cookies.
    pub(crate) fn send(&mut self, policy: &Oidc, request: Request) -> Verdict {
        let target = request.target.strip_prefix(SHOP).unwrap_or(&request.target);
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let mut facts = Facts::request().method(&request.method).path(path);
        if let Some(query) = query {
            facts = facts.query(query);
        }
        if !self.jar.is_empty() {
            let pairs: Vec<_> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
            facts = facts.field("cookie", pairs.join("; "));
        }
        let facts = request.fields.iter().fold(facts, |facts, (name, value)| facts.field(name, value));
        let verdict = policy.on_request(&facts.build().head());
        if let Some(response) = verdict.response() {
            self.keep(&response.values("set-cookie"));
        }
        if let Some(state) = verdict.edits().and_then(Edits::new_state) {
            assert!(state.len() <= 4096, "the gateway carries no more");
            let back = policy.on_response(&Facts::response().build().head(), state);
            if let Some(edits) = back.edits() {
                assert_eq!(edits.sets("cache-control"), ["no-store"]);
                self.keep(&edits.appends("set-cookie"));
            }
        }
        verdict
    }

    /// Names of cookies that begin so.
    pub(crate) fn named(&self, prefix: &str) -> Vec<&str> {
        self.jar.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with(prefix)).collect()
    }

    pub(crate) fn has_session(&self) -> bool {
        self.jar.iter().any(|(name, _)| name == "__Host-lockgate")
    }

    fn keep(&mut self, set: &[String]) {
        for cookie in set {
            assert!(cookie.len() <= 4096, "browsers keep no more");
            let (pair, attributes) = cookie.split_once("; ").unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let attributes: Vec<_> = attributes.split("; ").collect();
            for needed in ["Path=/", "HttpOnly", "SameSite=Lax"] {
                assert!(attributes.contains(&needed), "{cookie}");
            }
            assert_eq!(attributes.contains(&"Secure"), name.starts_with("__Host-"), "{cookie}");
            match self.jar.iter().position(|(known, _)| known == name) {
                Some(at) if attributes.contains(&"Max-Age=0") => drop(self.jar.remove(at)),
                Some(at) => value.clone_into(&mut self.jar[at].1),
                None if attributes.contains(&"Max-Age=0") => {}
                None => self.jar.push((name.to_owned(), value.to_owned())),
            }
        }
    }
}
