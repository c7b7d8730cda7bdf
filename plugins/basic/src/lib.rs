//! The `basic` policy: a request passes with the key of an application as the password of HTTP Basic (RFC 7617).
//!
//! For clients that know nothing else. Passwords are keys, which the gateway makes: nobody chooses one that can be
//! guessed. They appear in no log line, answer or error.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lockgate_sdk::Problem;
use lockgate_sdk::consumers::{self, Asked, Error};
use lockgate_sdk::names::{AttributePrefix, Realm};
use lockgate_sdk::prelude::*;

const FIELD: &str = "authorization";
/// Longest credentials that are read, as they are sent.
const MAX_CREDENTIALS: usize = 1024;
const MISSING: &str = "urn:problem-type:lockgate:credentials_missing";
const MALFORMED: &str = "urn:problem-type:lockgate:credentials_malformed";
const SEVERAL: &str = "urn:problem-type:lockgate:credentials_sent_twice";

/// The policy; `README.md` explains each key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    #[serde(default)]
    optional: bool,
    /// Whether the upstream sees the credentials.
    #[serde(default)]
    forward: bool,
    #[serde(default)]
    prefix: AttributePrefix,
    #[serde(default)]
    realm: Realm,
}

/// Why credentials cannot be read.
enum Unreadable {
    Malformed,
    Several,
}

impl Policy for Basic {
    fn interest(&self) -> Interest {
        let interest = Asked::FACTS.into_iter().fold(Interest::new(), Interest::request_read);
        let interest = interest.request_read(FIELD).consumers().may_respond();
        let interest = interest.attribute_write(format!("{}*", self.prefix.as_str()));
        if self.forward { interest } else { interest.request_write(FIELD) }
    }
}

impl RequestPhase for Basic {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        let credentials = match credentials(head) {
            Ok(Some(credentials)) => credentials,
            Ok(None) if self.optional => return Verdict::Pass,
            Ok(None) => {
                let problem = Problem::new(401, "Unauthorized").kind(MISSING).detail("a name and a key are required");
                return Response::from(problem).field("www-authenticate", self.challenge()).into();
            }
            Err(Unreadable::Malformed) => {
                let problem = Problem::new(400, "Bad Request").kind(MALFORMED).detail("the credentials are malformed");
                return Response::from(problem).into();
            }
            Err(Unreadable::Several) => {
                let problem = Problem::new(400, "Bad Request").kind(SEVERAL).detail("credentials are sent twice");
                return Response::from(problem).into();
            }
        };
        // A name cannot hold a colon (RFC 7617 section 2), and neither can a key.
        let (name, key) = credentials.split_once(':').unwrap_or((&credentials, ""));
        let identity = match consumers::identify(key.as_bytes(), Asked::of(head)) {
            Ok(identity) => identity,
            Err(why) => return consumers::refuse(why, &self.challenge()),
        };
        if !is_named(&identity, name) {
            // Whoever has the key of another does not learn whose it is.
            return consumers::refuse(Error::Unknown, &self.challenge());
        }
        let edits = if self.forward { Edits::new() } else { Edits::new().remove(FIELD) };
        identity.attributes(self.prefix.as_str(), edits).into()
    }
}

impl Basic {
    fn challenge(&self) -> String {
        format!("Basic realm=\"{}\", charset=\"UTF-8\"", self.realm.as_str())
    }
}

/// Whether somebody calls themselves by their consumer, or by consumer and application.
fn is_named(identity: &consumers::Identity, name: &str) -> bool {
    let (consumer, application) = name.split_once('/').map_or((name, None), |(consumer, it)| (consumer, Some(it)));
    identity.get("consumer") == Some(consumer)
        && application.is_none_or(|application| identity.get("application") == Some(application))
}

/// Name and password as they are sent, if a request has some; those of other schemes are none.
fn credentials(head: &Head<'_>) -> Result<Option<String>, Unreadable> {
    let mut values = head.all(FIELD);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Unreadable::Several);
    }
    let Some((scheme, rest)) = value.split_at_checked("basic ".len()) else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return Ok(None);
    }
    let sent = Some(rest.trim_ascii()).filter(|sent| sent.len() <= MAX_CREDENTIALS);
    let decoded = sent.and_then(|sent| String::from_utf8(STANDARD.decode(sent).ok()?).ok());
    decoded.map(Some).ok_or(Unreadable::Malformed)
}

lockgate_sdk::export!(Basic: RequestPhase);
