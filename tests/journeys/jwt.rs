//! The built-in policy `jwt` through the gateway, with key sets of the test's own.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockgate_tests::{Gateway, Request, Upstream};
use serde_json::{Value, json};

const MAC_SECRET: &str = "a shared secret of more than thirty-two bytes";

const POLICY: &str = r#"
source = "builtin:jwt"
grant = [
    "key:idp", "key:shared", "read:authorization", "write:authorization", "write:x-user", "attribute-write:auth.*", "respond",
]
"#;

const API: &str = r#"
name = "api"
version = "1"
[upstream.main]
targets = ["http://$upstream"]
[[route]]
name = "idp"
match = { path = "/idp" }
chain = [{ policy = "jwt", config = { keys = "idp", issuer = "https://idp.example", audience = "api", leeway = "0s", headers = { sub = "x-user" } } }]
upstream = "main"
[[route]]
name = "shared"
match = { path = "/shared" }
chain = [{ policy = "jwt", config = { keys = "shared", issuer = "https://idp.example", audience = "api" } }]
upstream = "main"
[[route]]
name = "scoped"
match = { path = "/scoped" }
chain = [{ policy = "jwt", config = { keys = "idp", issuer = "https://idp.example", audience = "api", scopes = ["pets:read"] } }]
upstream = "main"
"#;

/// An identity provider.
struct Issuer {
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
    rsa: RsaKeyPair,
}

impl Issuer {
    fn new() -> Self {
        Self {
            ec: EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            ed: Ed25519KeyPair::generate().unwrap(),
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
        }
    }

    fn jwks(&self) -> String {
        let point = self.ec.public_key().as_ref();
        let [modulus, exponent] = rsa_numbers(self.rsa.public_key().as_ref());
        json!({ "keys": [
            { "kty": "EC", "crv": "P-256", "kid": "ec", "alg": "ES256", "use": "sig", "x": encode(&point[1..33]), "y": encode(&point[33..]) },
            { "kty": "OKP", "crv": "Ed25519", "kid": "ed", "alg": "EdDSA", "x": encode(self.ed.public_key().as_ref()) },
            { "kty": "RSA", "kid": "rsa", "alg": "RS256",
              "n": encode(modulus),
              "e": encode(exponent) },
        ]})
        .to_string()
    }

    fn token(&self, algorithm: &str, claims: &Value) -> String {
        let random = SystemRandom::new();
        let kid = match algorithm {
            "ES256" => "ec",
            "EdDSA" => "ed",
            _ => "rsa",
        };
        sign(&json!({ "alg": algorithm, "kid": kid }), claims, |message| match algorithm {
            "ES256" => self.ec.sign(&random, message).unwrap().as_ref().to_vec(),
            "EdDSA" => self.ed.sign(message).as_ref().to_vec(),
            _ => {
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                self.rsa.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
        })
    }

    fn gateway(&self, upstream: &Upstream) -> Gateway {
        let keys = "[keys.idp]\njwks = \"idp.jwks.json\"\n[secret.mac]\nenv = \"TEST_MAC\"\n\
                    [keys.shared]\nhmac = \"secret:mac\"\nalgorithm = \"HS256\"\n";
        Gateway::folder()
            .upstream(upstream)
            .variable("TEST_MAC", MAC_SECRET)
            .file("idp.jwks.json", self.jwks())
            .gateway_toml(&format!("{keys}[policy.jwt]{POLICY}"))
            .api("api", API)
            .start()
    }
}

#[test]
fn a_valid_token_admits_whatever_its_algorithm() {
    let (upstream, issuer) = (Upstream::echo(), Issuer::new());
    let mut gateway = issuer.gateway(&upstream);
    let tokens = ["ES256", "EdDSA", "RS256"].map(|algorithm| (algorithm, issuer.token(algorithm, &claims())));
    for (algorithm, token) in &tokens {
        let response = gateway.send(&Request::get("/idp").bearer(token).field("x-user", "forged"));
        response.assert_status(200);
        assert_eq!(response.echoed("x-user"), ["ann"], "{algorithm}");
        assert!(response.echoed("authorization").is_empty(), "the upstream got the token");
    }
    let shared = shared_token(MAC_SECRET.as_bytes(), &claims());
    gateway.send(&Request::get("/shared").bearer(&shared)).assert_status(200);
    let written = gateway.all_written();
    assert!(!tokens.iter().any(|(_, token)| written.contains(token)), "the log got a token");
}

#[test]
fn tokens_that_are_not_valid_here_and_now_are_refused() {
    let (upstream, issuer) = (Upstream::echo(), Issuer::new());
    let gateway = issuer.gateway(&upstream);
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        claims
    };
    let without_expiry = json!({ "iss": "https://idp.example", "aud": "api", "sub": "ann" });
    let cases = [
        ("expired", with("exp", json!(now() - 1))),
        ("not yet", with("nbf", json!(now() + 100))),
        ("of another issuer", with("iss", json!("https://evil.example"))),
        ("for another audience", with("aud", json!(["other", "another"]))),
        ("without end", without_expiry),
    ];
    for (what, claims) in cases {
        let response = gateway.send(&Request::get("/idp").bearer(&issuer.token("ES256", &claims)));
        assert_eq!(response.status, 401, "{what}: {response:?}");
        let challenge = response.field("www-authenticate").unwrap();
        assert!(
            challenge.starts_with("Bearer ") && challenge.contains("error=\"invalid_token\""),
            "{what}: {challenge}"
        );
    }
    assert_eq!(upstream.requests(), 0);
}

#[test]
fn a_token_cannot_choose_how_it_is_checked() {
    let (upstream, issuer) = (Upstream::echo(), Issuer::new());
    let gateway = issuer.gateway(&upstream);
    let good = issuer.token("ES256", &claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    let public = issuer.rsa.public_key().as_ref();
    let with_header = |header: Value| format!("{}.{payload}.{signature}", encode(header.to_string().as_bytes()));
    let forged = [
        format!("{}.{payload}.", encode(b"{\"alg\":\"none\"}")),
        // The public key taken for a shared secret.
        sign(&json!({ "alg": "HS256", "kid": "rsa" }), &claims(), |message| mac(public, message)),
        sign(&json!({ "alg": "HS256" }), &claims(), |message| mac(issuer.jwks().as_bytes(), message)),
        with_header(json!({ "alg": "ES256", "kid": "rsa" })),
        with_header(json!({ "alg": "ES256", "kid": "other" })),
        with_header(json!({ "alg": "ES384", "kid": "ec" })),
        // A key inside the token is never looked at.
        Issuer::new().token("ES256", &claims()),
        format!("{header}.{}.{signature}", encode(json!({ "sub": "root" }).to_string().as_bytes())),
        format!("{signed}.{}", encode(&[0; 64])),
        format!("{signed}."),
        signed.to_owned(),
    ];
    for token in forged {
        let response = gateway.send(&Request::get("/idp").bearer(&token));
        assert!(matches!(response.status, 400 | 401), "{token}: {response:?}");
    }
    // A token for one key set says nothing to another.
    gateway.send(&Request::get("/shared").bearer(&good)).assert_status(401);
    gateway
        .send(&Request::get("/shared").bearer(&shared_token(b"another secret, also long enough", &claims())))
        .assert_status(401);
    assert_eq!(upstream.requests(), 0);
    gateway.send(&Request::get("/idp").bearer(&good)).assert_status(200);
}

#[test]
fn a_request_without_a_token_is_told_how_to_come_by_one() {
    let (upstream, issuer) = (Upstream::echo(), Issuer::new());
    let gateway = issuer.gateway(&upstream);
    let bare = gateway.get("/idp");
    bare.assert_status(401);
    assert_eq!(bare.field("www-authenticate"), Some("Bearer realm=\"api\""));
    let basic = gateway.send(&Request::get("/idp").field("authorization", "Basic eDp5"));
    basic.assert_status(401);
    let token = issuer.token("EdDSA", &claims());
    let twice = gateway.send(&Request::get("/idp").bearer(&token).bearer(&token));
    twice.assert_status(400);
    let unscoped = gateway.send(&Request::get("/scoped").bearer(&token));
    unscoped.assert_status(403);
    assert!(unscoped.field("www-authenticate").unwrap().contains("insufficient_scope"));
    let mut scoped = claims();
    scoped["scope"] = json!("pets:write pets:read");
    gateway.send(&Request::get("/scoped").bearer(&issuer.token("EdDSA", &scoped))).assert_status(200);
}

#[test]
fn a_rotated_key_set_takes_effect() {
    let (upstream, issuer, successor) = (Upstream::echo(), Issuer::new(), Issuer::new());
    let gateway = issuer.gateway(&upstream);
    let (old, new) = (issuer.token("ES256", &claims()), successor.token("ES256", &claims()));
    gateway.send(&Request::get("/idp").bearer(&new)).assert_status(401);
    gateway.replace("idp.jwks.json", successor.jwks().as_bytes());
    gateway.wait_for_generation(2);
    lockgate_tests::eventually("the new key to be known", || {
        (gateway.send(&Request::get("/idp").bearer(&new)).status == 200).then_some(())
    });
    lockgate_tests::eventually("the old key to be forgotten", || {
        (gateway.send(&Request::get("/idp").bearer(&old)).status == 401).then_some(())
    });
}

#[test]
fn a_private_key_in_the_policies_folder_is_a_fault() {
    let jwk = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "k", "alg": "EdDSA", "x": encode(&[1; 32]), "d": encode(b"hunter2hunter2hunter2hunter2hunt") }] });
    let folder =
        Gateway::folder().file("idp.jwks.json", jwk.to_string()).gateway_toml("[keys.idp]\njwks = \"idp.jwks.json\"\n");
    let checked = folder.run(&["check"]);
    checked.assert(1, &["idp.jwks.json", "private key", "[secret.NAME]"]);
    assert!(!format!("{checked:?}").contains(&encode(b"hunter2hunter2hunter2hunter2hunt")));
}

/// Modulus and exponent of a public key in DER (RFC 8017 appendix A.1.1).
fn rsa_numbers(der: &[u8]) -> [&[u8]; 2] {
    let (sequence, _) = der_value(der);
    let (modulus, rest) = der_value(sequence);
    let (exponent, _) = der_value(rest);
    // A leading zero only says that the number is positive.
    [modulus, exponent].map(|number| number.strip_prefix(&[0]).unwrap_or(number))
}

/// The content of the first value, and what follows it.
fn der_value(der: &[u8]) -> (&[u8], &[u8]) {
    let (head, length) = match der[1] {
        short @ 0..0x80 => (2, usize::from(short)),
        long => {
            let digits = usize::from(long & 0x7f);
            let number = der[2..2 + digits].iter().fold(0, |number, digit| number << 8 | usize::from(*digit));
            (2 + digits, number)
        }
    };
    der[head..].split_at(length)
}

fn claims() -> Value {
    json!({ "iss": "https://idp.example", "aud": "api", "sub": "ann", "exp": now() + 600 })
}

fn shared_token(secret: &[u8], claims: &Value) -> String {
    sign(&json!({ "alg": "HS256" }), claims, |message| mac(secret, message))
}

fn mac(secret: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec()
}

fn sign(header: &Value, claims: &Value, signature: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let signature = encode(&signature(message.as_bytes()));
    format!("{message}.{signature}")
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
