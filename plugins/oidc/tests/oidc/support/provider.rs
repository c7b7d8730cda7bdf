//! A provider that does what a strict one does, and can be told to do something else.

use super::{ISSUER, NOW, merge};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use lockgate_sdk::crypto::{self, Algorithm, HashAlgorithm, VerifyError};
use lockgate_sdk::egress::Error;
use lockgate_sdk::testing::egress::Asked;
use lockgate_sdk::{Response, testing};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Parameters of a query or a form.
pub(crate) fn decoded(query: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
        assert_eq!(found.insert(name, value), None, "a parameter is there twice: {query}");
    }
    found
}

#[derive(Clone)]
pub(crate) struct Provider(Rc<RefCell<State>>);

pub(crate) struct State {
    /// Changes of its document; null takes a member away.
    pub(crate) document: Value,
    /// Changes of the next ID tokens.
    pub(crate) claims: Value,
    /// Changes of the headers of these.
    pub(crate) header: Value,
    /// Changes of what the token endpoint answers.
    pub(crate) answer: Value,
    /// What is answered at a path, instead of what would be.
    pub(crate) instead: BTreeMap<String, Result<(u16, String), Error>>,
    /// Method, path and body of every call.
    pub(crate) asked: Vec<(String, String, String)>,
    /// What was announced, or asked for by a browser, by a reference or a code.
    requests: BTreeMap<String, BTreeMap<String, String>>,
    refresh_tokens: Vec<String>,
    made: u32,
}

impl Provider {
    pub(crate) fn start() -> Self {
        let state = State {
            document: json!({}),
            claims: json!({}),
            header: json!({}),
            answer: json!({}),
            instead: BTreeMap::new(),
            asked: Vec::new(),
            requests: BTreeMap::new(),
            refresh_tokens: Vec::new(),
            made: 0,
        };
        let provider = Self(Rc::new(RefCell::new(state)));
        let it = provider.clone();
        testing::egress::answer_with(move |asked| it.answer(asked));
        testing::crypto::verify_with(|asked| {
            assert_eq!(asked.keys, "idp");
            match asked.algorithm {
                Algorithm::Rs256 | Algorithm::Eddsa | Algorithm::Hs256
                    if asked.signature == signature(asked.message) =>
                {
                    Ok(())
                }
                _ => Err(VerifyError::BadSignature),
            }
        });
        provider
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.borrow_mut());
    }

    /// Let a path be answered so.
    pub(crate) fn instead(&self, path: &str, answer: Result<(u16, &str), Error>) {
        let answer = answer.map(|(status, body)| (status, body.to_owned()));
        self.change(|state| drop(state.instead.insert(path.to_owned(), answer)));
    }

    /// Bodies of the calls of a path so far.
    pub(crate) fn asked(&self, path: &str) -> Vec<String> {
        let state = self.0.borrow();
        state.asked.iter().filter(|(_, asked, _)| asked == path).map(|(_, _, body)| body.clone()).collect()
    }

    /// What a browser brings back to us once somebody signed in where it was sent.
    pub(crate) fn sign_in(&self, location: &str) -> String {
        let (endpoint, query) = location.split_once('?').unwrap();
        assert_eq!(endpoint, format!("{ISSUER}/auth"));
        let mut asked = decoded(query);
        if let Some(reference) = asked.get("request_uri") {
            assert_eq!(asked.len(), 2, "the rest was announced: {query}");
            let announced = self.0.borrow_mut().requests.remove(reference).unwrap();
            assert_eq!(announced["client_id"], asked["client_id"]);
            asked = announced;
        }
        assert_eq!((&*asked["response_type"], &*asked["client_id"]), ("code", "shop"));
        assert_eq!(asked["code_challenge_method"], "S256");
        assert!(asked["scope"].split(' ').any(|scope| scope == "openid"));
        for told in ["state", "nonce"] {
            let challenge = URL_SAFE_NO_PAD.encode(digest(asked[told].as_bytes()));
            assert_ne!(challenge, asked["code_challenge"], "whoever sees the {told} would know the verifier");
        }
        let code = self.next("code");
        let back = format!("{}?code={code}&state={}", asked["redirect_uri"], asked["state"]);
        self.change(|state| drop(state.requests.insert(code, asked)));
        back
    }

    fn next(&self, what: &str) -> String {
        let mut state = self.0.borrow_mut();
        state.made += 1;
        format!("secret-{what}-{}", state.made)
    }

    fn answer(&self, asked: &Asked<'_>) -> Result<Response, Error> {
        assert_eq!(asked.egress, "idp");
        let body = String::from_utf8(asked.body.to_vec()).unwrap();
        let path = asked.target.strip_prefix("/realms/main").unwrap().to_owned();
        self.change(|state| state.asked.push((asked.method.to_owned(), path.clone(), body.clone())));
        if let Some(instead) = self.0.borrow().instead.get(&path) {
            let (status, body) = instead.clone()?;
            return Ok(Response::new(status).body(body));
        }
        match (asked.method, path.as_str()) {
            ("GET", "/.well-known/openid-configuration") => Ok(Response::json(200, &self.document())),
            ("POST", "/par") => {
                let reference = format!("urn:ietf:params:oauth:request_uri:{}", self.next("request"));
                self.change(|state| drop(state.requests.insert(reference.clone(), decoded(&body))));
                Ok(Response::json(201, &json!({"request_uri": reference, "expires_in": 60})))
            }
            ("POST", "/token") => {
                assert_eq!(asked.text("content-type"), Some("application/x-www-form-urlencoded"));
                Ok(self.give(&decoded(&body)))
            }
            _ => panic!("nobody asks for {} {path}", asked.method),
        }
    }

    fn document(&self) -> Value {
        let mut document = json!({
            "issuer": ISSUER,
            "authorization_endpoint": format!("{ISSUER}/auth"),
            "token_endpoint": format!("{ISSUER}/token"),
            "end_session_endpoint": format!("{ISSUER}/logout"),
        });
        merge(&mut document, self.0.borrow().document.clone());
        document
    }

    /// Tokens for a code or a refresh token, each of which is good once.
    fn give(&self, form: &BTreeMap<String, String>) -> Response {
        let refused = || Response::json(400, &json!({"error": "invalid_grant", "error_description": "<b>secret</b>"}));
        assert_eq!(form["client_id"], "shop");
        let nonce = match &*form["grant_type"] {
            "authorization_code" => {
                let Some(request) = self.0.borrow_mut().requests.remove(&form["code"]) else { return refused() };
                let challenge = URL_SAFE_NO_PAD.encode(digest(form["code_verifier"].as_bytes()));
                if challenge != request["code_challenge"] || form["redirect_uri"] != request["redirect_uri"] {
                    return refused();
                }
                Some(request["nonce"].clone())
            }
            "refresh_token" => {
                let mut state = self.0.borrow_mut();
                let token = state.refresh_tokens.iter().position(|token| *token == form["refresh_token"]);
                let Some(at) = token else { return refused() };
                state.refresh_tokens.remove(at);
                None
            }
            other => panic!("{other} is no grant"),
        };
        let (access, refresh) = (self.next("access"), self.next("refresh"));
        self.change(|state| state.refresh_tokens.push(refresh.clone()));
        let mut answer = json!({
            "access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": 300,
            "id_token": self.id_token(nonce, &access),
        });
        merge(&mut answer, self.0.borrow().answer.clone());
        Response::json(200, &answer)
    }

    fn id_token(&self, nonce: Option<String>, access: &str) -> String {
        let state = self.0.borrow();
        let mut header = json!({"alg": "RS256", "kid": "k1"});
        merge(&mut header, state.header.clone());
        let mut claims = json!({
            "iss": ISSUER, "aud": "shop", "sub": "ann", "iat": NOW, "exp": NOW + 86_400,
            "at_hash": URL_SAFE_NO_PAD.encode(&digest(access.as_bytes())[..16]),
            "email": "ann@example.com", "groups": ["staff"],
        });
        merge(&mut claims, json!({"nonce": nonce}));
        merge(&mut claims, state.claims.clone());
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(&header), encode(&claims));
        let signature = URL_SAFE_NO_PAD.encode(signature(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

fn signature(message: &[u8]) -> Vec<u8> {
    digest(&[b"signed ", message].concat())
}

pub(crate) fn digest(bytes: &[u8]) -> Vec<u8> {
    crypto::hash(HashAlgorithm::Sha256, bytes)
}
