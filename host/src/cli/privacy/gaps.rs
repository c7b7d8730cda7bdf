//! Finds gaps: what is classified and passes as it is, as far as anybody can tell from a folder; and what passes so because it is meant to.

use super::gather::{field, guards};
use super::handling::{Handled, handled};
use super::report::{Field, Guard, Passing};
use crate::config::{self, Api, Backend, Config};
use crate::openapi::{self, Fields, Part, RouteView, Sensitivity};

/// What passes as it is.
#[derive(Default)]
pub(super) struct Found {
    pub(super) gaps: Vec<Passing>,
    pub(super) passes: Vec<Passing>,
}

/// What of all APIs may pass as it is.
pub(super) fn find(config: &Config) -> Found {
    let mut found = Found::default();
    for api in &config.apis {
        if api.openapi.is_none() {
            let because = format!("{}/api.toml names no OpenAPI document, so nobody knows what passes", api.folder);
            found.gaps.push(Passing { api: api.name.clone(), route: None, field: None, because });
        }
        let views = api.views();
        for route in &api.routes {
            let finder = Finder { api, config, route, guards: guards(api, route, config) };
            finder.route(&views, &mut found);
        }
    }
    found
}

struct Finder<'a> {
    api: &'a Api,
    config: &'a Config,
    route: &'a config::Route,
    guards: Vec<Guard>,
}

impl Finder<'_> {
    fn route(&self, views: &[RouteView<'_>], found: &mut Found) {
        let Some(document) = &self.api.openapi else { return };
        match document.fields(self.route.view(), views) {
            Some(fields) => self.fields(fields, found),
            // What is always the same, or sends clients elsewhere, carries nobody's data.
            None if matches!(self.route.backend, Backend::Respond(_) | Backend::Redirect(_)) => {}
            None => found.gaps.push(self.passing(None, "the document says nothing of this route".to_owned())),
        }
    }

    fn fields(&self, Fields { fields, unread, is_cut }: Fields<'_>, found: &mut Found) {
        let weakness = self.weakness();
        for field in fields.into_iter().filter(|field| field.class.sensitivity > Sensitivity::Public) {
            self.field(field, weakness.as_deref(), found);
        }
        for (status, media) in unread {
            let of = status.map_or_else(|| "requests".to_owned(), |status| format!("responses {status}"));
            let because =
                format!("something classified stands in {of} of the type `{media}`, where no policy finds it");
            found.gaps.push(self.passing(None, because));
        }
        if is_cut {
            found.gaps.push(self.passing(None, "there is more that is classified than is listed".to_owned()));
        }
    }

    fn field(&self, it: openapi::Field<'_>, weakness: Option<&str>, found: &mut Found) {
        const SENT_ON: &str = "it is sent on to the upstream as it is";
        let handled = self.handled(&it);
        let (list, because) = match (it.part, weakness) {
            (Part::Path, _) if self.config.access_log => {
                (&mut found.gaps, "it stands in the path, which the access log keeps")
            }
            // No policy rewrites these.
            (Part::Path | Part::Cookie, _) => (&mut found.passes, SENT_ON),
            (_, Some(weakness)) => (&mut found.gaps, weakness),
            _ if handled == Handled::Redacted => return,
            _ if it.status.is_none() => (&mut found.passes, SENT_ON),
            _ if handled == Handled::Default => (&mut found.passes, "what is internal passes by default"),
            _ => (&mut found.gaps, "the policy that redacts is configured to do so in requests only"),
        };
        list.push(self.passing(Some(field(it)), because.to_owned()));
    }

    /// What becomes of something, by whichever policy does most.
    fn handled(&self, it: &openapi::Field<'_>) -> Handled {
        let redacting = self.guards.iter().filter(|guard| guard.is_reliable());
        redacting.map(|guard| handled(&guard.config, it)).max().unwrap_or(Handled::Elsewhere)
    }

    /// Why what is classified on this route may pass as it is; none where a policy redacts it.
    fn weakness(&self) -> Option<String> {
        let redacting: Vec<_> = self.guards.iter().filter(|guard| guard.redacts).collect();
        let good = redacting.iter().any(|guard| guard.is_reliable());
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

    fn passing(&self, field: Option<Field>, because: String) -> Passing {
        Passing { api: self.api.name.clone(), route: Some(self.route.name.clone()), field, because }
    }
}
