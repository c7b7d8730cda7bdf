//! The `key-auth` policy: a request passes with the key of an application that is good for what it asks.
//!
//! Keys appear in no log line, answer or error; whose a key is, the gateway says.

mod config;
mod credentials;

use config::Config;
use credentials::{Found, Several};
use lockgate_sdk::Problem;
use lockgate_sdk::consumers::{self, Asked};
use lockgate_sdk::prelude::*;

const MISSING: &str = "urn:problem-type:lockgate:key_missing";
const SEVERAL: &str = "urn:problem-type:lockgate:key_sent_twice";

/// The policy; `README.md` explains each key.
#[derive(Debug, Deserialize)]
#[serde(from = "Config")]
pub struct KeyAuth {
    config: Config,
    /// For whoever shows no key, and for whoever shows one that is not good.
    challenges: [String; 2],
}

impl From<Config> for KeyAuth {
    fn from(config: Config) -> Self {
        let realm = config.realm.as_str();
        let challenges = match config.bearer {
            // RFC 6750 section 3.
            true => [format!("Bearer realm=\"{realm}\""), format!("Bearer realm=\"{realm}\", error=\"invalid_token\"")],
            // Section 11.6.1 of RFC 9110 wants a scheme; for keys in a field or in the query there is none.
            false => [(); 2].map(|()| format!("ApiKey realm=\"{realm}\"")),
        };
        Self { config, challenges }
    }
}

impl Policy for KeyAuth {
    fn interest(&self) -> Interest {
        let config = &self.config;
        let mut interest = Interest::new().consumers().may_respond();
        interest = interest.attribute_write(format!("{}*", config.prefix.as_str()));
        for fact in Asked::FACTS {
            interest = interest.request_read(fact);
        }
        for field in config.fields() {
            interest = interest.request_read(field);
            if !config.forward {
                interest = interest.request_write(field);
            }
        }
        if config.query.is_some() {
            interest = interest.request_read(":query");
            if !config.forward {
                interest = interest.request_read(":path").may_set_target();
            }
        }
        interest
    }

    fn check(&self) -> Result<(), Vec<ConfigError>> {
        let faults = self.config.faults();
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

impl RequestPhase for KeyAuth {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        let [missing, wrong] = &self.challenges;
        let found = match credentials::find(head, &self.config) {
            Ok(Some(found)) => found,
            Ok(None) if self.config.optional => return Verdict::Pass,
            Ok(None) => {
                let problem = Problem::new(401, "Unauthorized").kind(MISSING).detail("a key is required");
                return Response::from(problem).field("www-authenticate", missing.as_str()).into();
            }
            Err(Several) => {
                let problem = Problem::new(400, "Bad Request").kind(SEVERAL).detail("a key is sent more than once");
                return Response::from(problem).into();
            }
        };
        match consumers::identify(found.key(), Asked::of(head)) {
            Ok(identity) => identity.attributes(self.config.prefix.as_str(), self.taken_off(head, &found)).into(),
            Err(why) => consumers::refuse(why, wrong),
        }
    }
}

impl KeyAuth {
    /// The request without its key.
    fn taken_off(&self, head: &Head<'_>, found: &Found<'_>) -> Edits {
        if self.config.forward {
            return Edits::new();
        }
        match found {
            Found::Field { name, .. } => Edits::new().remove(name),
            Found::Query { rest, .. } if rest.is_empty() => Edits::new().target(head.path().unwrap_or("/")),
            Found::Query { rest, .. } => Edits::new().target(format!("{}?{rest}", head.path().unwrap_or("/"))),
        }
    }
}

lockgate_sdk::export!(KeyAuth: RequestPhase);
