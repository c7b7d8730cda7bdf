//! Finds gaps: what is classified and passes as it is, as far as anybody can tell from a folder.

use super::gather::{field, guards, is_public};
use super::report::{Gap, Guard};
use crate::config::{self, Api, Backend, Config};
use crate::openapi::{self, Fields};

/// What of an API may pass as it is.
pub(super) fn gaps(api: &Api, config: &Config) -> Vec<Gap> {
    let Some(document) = &api.openapi else {
        let because = format!("{}/api.toml names no OpenAPI document, so nobody knows what passes", api.folder);
        return vec![Gap { api: api.name.clone(), route: None, field: None, because }];
    };
    let views = api.views();
    let of_route = |route: &config::Route| {
        let found = Finder { api, config, route, guards: guards(api, route, config) };
        match document.fields(route.view(), &views) {
            Some(fields) => found.gaps(fields),
            // What is always the same, or sends clients elsewhere, carries nobody's data.
            None if matches!(route.backend, Backend::Respond(_) | Backend::Redirect(_)) => Vec::new(),
            None => vec![found.gap(None, "the document says nothing of this route".to_owned())],
        }
    };
    api.routes.iter().flat_map(of_route).collect()
}

struct Finder<'a> {
    api: &'a Api,
    config: &'a Config,
    route: &'a config::Route,
    guards: Vec<Guard>,
}

impl Finder<'_> {
    fn gaps(&self, Fields { fields, unread, is_cut }: Fields<'_>) -> Vec<Gap> {
        let (weakness, mut gaps) = (self.weakness(), Vec::new());
        for found in fields {
            let (part, found) = (found.part, field(found));
            let because = match &weakness {
                _ if is_public(&found) => continue,
                Some(weakness) => weakness.clone(),
                None if part == openapi::Part::Path && self.config.access_log => {
                    "it stands in the path, which the access log keeps".to_owned()
                }
                None => continue,
            };
            gaps.push(self.gap(Some(found), because));
        }
        for (status, media) in unread {
            let of = status.map_or_else(|| "requests".to_owned(), |status| format!("responses {status}"));
            let because =
                format!("something classified stands in {of} of the type `{media}`, where no policy finds it");
            gaps.push(self.gap(None, because));
        }
        if is_cut {
            gaps.push(self.gap(None, "there is more that is classified than is listed".to_owned()));
        }
        gaps
    }

    /// Why what is classified on this route may pass as it is; none where a policy redacts it.
    fn weakness(&self) -> Option<String> {
        let redacting: Vec<_> = self.guards.iter().filter(|guard| guard.redacts).collect();
        let good = redacting.iter().any(|guard| guard.by_annotations && !guard.is_skipped);
        let why = match (redacting.iter().find(|guard| guard.by_annotations), redacting.first()) {
            _ if good => return None,
            (Some(guard), _) => format!("`{}` redacts it, and is skipped when it fails", guard.policy),
            (None, Some(guard)) => {
                format!("`{}` redacts by rules of its own and not `with` the classification", guard.policy)
            }
            (None, None) => "no policy of its chain redacts".to_owned(),
        };
        Some(why)
    }

    fn gap(&self, field: Option<super::report::Field>, because: String) -> Gap {
        Gap { api: self.api.name.clone(), route: Some(self.route.name.clone()), field, because }
    }
}
