//! Signing out: the session ends here, and then at the provider (OpenID Connect RP-Initiated Logout 1.0).

use crate::Oidc;
use crate::browser;
use crate::cookie::Cookies;
use crate::page::Page;
use crate::provider::Provider;
use crate::refusal::{Halt, Refusal, Refused, private};
use crate::sealer::Purpose;
use crate::service::Unanswered;
use crate::session::Session;
use form_urlencoded::Serializer;
use lockgate_sdk::store::{self, Error};
use lockgate_sdk::{Failure, Head, Response, clock, log};

const ASK: Page = Page { title: "Sign out", text: "You will have to sign in again to go on." };

impl Oidc {
    /// What becomes of whoever comes to sign out: only a request that a page of ours made ends a session.
    pub(crate) fn logout(&self, head: &Head<'_>, cookies: &Cookies<'_>) -> Result<Response, Halt> {
        match head.method() {
            Some("GET" | "HEAD") => Ok(private(ASK.with_button(200, "Sign out"))),
            Some("POST") if browser::is_from_here(head, &self.config.url) => self.sign_out(cookies),
            Some("POST") => Err(Refusal::CrossSite.into()),
            _ => Err(Refused::from(Refusal::MethodNotPermitted).field("allow", "GET, HEAD, POST").into()),
        }
    }

    fn sign_out(&self, cookies: &Cookies<'_>) -> Result<Response, Halt> {
        let location = self.after_logout()?;
        if let Some(sealed) = cookies.session
            && let Some(session) = self.sealer.open::<Session>(Purpose::Session, sealed)?
        {
            self.revoke(&session)?;
        }
        let response = private(Response::new(303)).field("location", location);
        Ok(response.field("set-cookie", self.names.clear_session()))
    }

    /// Where a visitor goes on to. A provider that is down keeps nobody from signing out here.
    fn after_logout(&self) -> Result<String, Failure> {
        let config = &self.config;
        let here = config.url.join(config.after_logout.as_str());
        let provider = match Provider::discover(config) {
            Ok(provider) => provider,
            Err(Unanswered::Pending) => return Err(Unanswered::Pending.into()),
            Err(Unanswered::Failed(_)) => {
                log::warn(
                    "somebody signed out here and not at the provider, which cannot be asked where to go for that",
                );
                return Ok(here);
            }
        };
        let Some(end_session) = provider.end_session else { return Ok(here) };
        let query = Serializer::new(String::new())
            .append_pair("client_id", config.client_id.as_str())
            .append_pair("post_logout_redirect_uri", &here)
            .finish();
        Ok(end_session.with_query(&query))
    }

    /// Remember that a session has ended for as long as its cookie, of which there may be copies, would be good.
    fn revoke(&self, session: &Session) -> Result<(), Failure> {
        let Some(revoked) = &self.config.revoked else { return Ok(()) };
        let left_ms = session.ends_ms.saturating_sub(clock::unix_ms());
        if left_ms == 0 {
            return Ok(());
        }
        store::set(revoked.as_str(), &session.id, b"", Some(left_ms)).map_err(failed)
    }

    /// Whether somebody signed out of it.
    pub(crate) fn is_revoked(&self, session: &Session) -> Result<bool, Failure> {
        match &self.config.revoked {
            Some(revoked) => store::get(revoked.as_str(), &session.id).map(|found| found.is_some()).map_err(failed),
            None => Ok(false),
        }
    }
}

fn failed(error: Error) -> Failure {
    match error {
        Error::Unavailable => Failure::Dependency,
        Error::Denied | Error::Limit | Error::NotACounter => {
            log::error("the store in `revoked` is full, or cannot be used");
            Failure::Internal
        }
    }
}
