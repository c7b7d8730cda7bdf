//! Signing in: the way of a visitor to the provider and back, with a session at its end.

use crate::Oidc;
use crate::browser;
use crate::callback::{Arrival, BEGIN, Outcome};
use crate::cookie::Cookies;
use crate::id_token;
use crate::login::{self, Login};
use crate::provider::Provider;
use crate::refusal::{Halt, Refusal, Refused, private};
use crate::sealer::Purpose;
use crate::service;
use crate::session::Session;
use crate::tokens;
use crate::url::{ReturnTo, Url};
use form_urlencoded::Serializer;
use lockgate_sdk::{Failure, Head, Response, clock, log};
use serde::Deserialize;

/// Longest reference to what was announced, in bytes.
const MAX_REQUEST_URI: usize = 1024;

impl Oidc {
    /// What becomes of a request without a session: a visitor is sent to sign in, a program is told.
    pub(crate) fn without_session(&self, head: &Head<'_>, cookies: &Cookies<'_>) -> Result<Response, Halt> {
        if !browser::visits_page(head) {
            return Err(Refusal::LoginNeeded.into());
        }
        let provider = Provider::discover(&self.config)?;
        let login = Login::new(ReturnTo::new(head.path().unwrap_or("/"), head.query()), clock::unix_ms());
        let state = login.state();
        let sealed = self.sealer.seal(Purpose::Login, &login)?;
        let id = login::id_of(&state).unwrap_or_default();
        let cookie =
            self.names.set_login(id, &sealed, self.config.login_lifetime.seconds()).ok_or(Failure::Internal)?;
        let location = match provider.pushed {
            // The secrets have to be the same when this hook is called again with what the provider said to them, and
            // those that are made here are others each time. So they go into the cookie, and the browser comes back.
            Some(_) => self.config.url.join(&format!("{}?{BEGIN}={state}", self.config.callback.as_str())),
            None => provider.authorization.with_query(&login.parameters(&self.config)),
        };
        let response = self.names.clear_oldest(cookies).into_iter().fold(private(Response::new(302)), set_cookie);
        Ok(set_cookie(response, cookie).field("location", location))
    }

    /// What becomes of whoever comes to the callback.
    pub(crate) fn callback(&self, head: &Head<'_>, cookies: &Cookies<'_>) -> Result<Response, Halt> {
        // A code is used up by one request, so by none that is only about the head.
        if head.method() != Some("GET") {
            return Err(Refused::from(Refusal::MethodNotPermitted).field("allow", "GET").into());
        }
        match Arrival::read(head)? {
            Arrival::Begin(state) => {
                let login = self.login(cookies, &state)?;
                self.announce(&login).map_err(|halt| halt.map(|refused| refused.back_to(&login.return_to)))
            }
            Arrival::Answered { state, issuer, outcome } => {
                let login = self.login(cookies, &state)?;
                let spent = self.names.clear_login(login::id_of(&state).unwrap_or_default());
                match self.complete(&login, issuer.as_deref(), outcome) {
                    Ok(response) => Ok(set_cookie(response, spent)),
                    Err(halt) => Err(halt.map(|refused| refused.back_to(&login.return_to).field("set-cookie", spent))),
                }
            }
        }
    }

    /// The login with this state, which this browser began.
    fn login(&self, cookies: &Cookies<'_>, state: &str) -> Result<Login, Halt> {
        let id = login::id_of(state).ok_or(Refusal::StateUnknown)?;
        let (_, sealed) = cookies.logins.iter().find(|(found, _)| *found == id).ok_or(Refusal::StateUnknown)?;
        let login: Login = self.sealer.open(Purpose::Login, sealed)?.ok_or(Refusal::StateUnknown)?;
        if login.state() != state {
            return Err(Refusal::StateMismatch.into());
        }
        Ok(login)
    }

    /// Tell the provider what is asked for, so that it does not go through the browser (RFC 9126).
    fn announce(&self, login: &Login) -> Result<Response, Halt> {
        #[derive(Deserialize)]
        struct Announced {
            request_uri: String,
        }
        self.check_time(login)?;
        let provider = Provider::discover(&self.config)?;
        let Some(target) = &provider.pushed else {
            return Ok(to(&provider.authorization, &login.parameters(&self.config)));
        };
        let parameters = login.parameters(&self.config);
        let answer = service::tell(&self.config, &service::form(target, &parameters))?;
        let reply = answer.reply();
        let announced = match reply.json::<Announced>() {
            Ok(announced) if matches!(reply.status(), 200 | 201) => announced.request_uri,
            _ => {
                let (status, error) = (reply.status(), service::error_of(reply));
                log::warn(&format!("the provider did not take what a login asks for: status {status}, {error}"));
                return Err(Failure::Dependency.into());
            }
        };
        if !(1..=MAX_REQUEST_URI).contains(&announced.len()) {
            log::warn("the provider refers to what a login asks for by too long a name");
            return Err(Failure::Dependency.into());
        }
        let query = Serializer::new(String::new())
            .append_pair("client_id", self.config.client_id.as_str())
            .append_pair("request_uri", &announced)
            .finish();
        Ok(to(&provider.authorization, &query))
    }

    /// From the answer of the provider to a session.
    fn complete(&self, login: &Login, issuer: Option<&str>, outcome: Outcome) -> Result<Response, Halt> {
        let config = &self.config;
        self.check_time(login)?;
        let provider = Provider::discover(config)?;
        let is_said = issuer.is_some() || provider.names_issuer;
        if is_said && issuer != Some(config.issuer.name()) {
            return Err(Refusal::IssuerMismatch.into());
        }
        let code = match outcome {
            Outcome::Code(code) => code,
            Outcome::Error => return Err(Refusal::LoginRefused.into()),
        };
        let tokens = tokens::exchange(config, &provider, login, &code)?;
        let nonce = login.nonce();
        let claims = id_token::check(config, &tokens, &nonce, false)?;
        if config.refresh && tokens.refresh.is_none() {
            log::warn("the provider gave no refresh token, so the session ends with the access token; see `scopes`");
        }
        let now_ms = clock::unix_ms();
        let session = Session::begin(config, nonce, &claims, tokens, now_ms);
        let cookie = self.session_cookie(&session, now_ms)?;
        let location = config.url.join(login.return_to.as_str());
        Ok(set_cookie(private(Response::new(303)), cookie).field("location", location))
    }

    fn check_time(&self, login: &Login) -> Result<(), Refusal> {
        if login.is_over(self.config.login_lifetime.ms(), self.config.leeway.ms(), clock::unix_ms()) {
            Err(Refusal::LoginExpired)
        } else {
            Ok(())
        }
    }
}

fn to(authorization: &Url, query: &str) -> Response {
    private(Response::new(302)).field("location", authorization.with_query(query))
}

fn set_cookie(response: Response, cookie: String) -> Response {
    response.field("set-cookie", cookie)
}
