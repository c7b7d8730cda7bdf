//! Faults that only the whole of a configuration shows, each with its place.

use super::{Config, Sign, Verify};
use crate::algorithm::Algorithm;
use crate::component::{Component, Form, Source};
use crate::message::Kinds;
use lockgate_sdk::{ConfigError, Direction};

/// Most components of one signature.
const MAX_COMPONENTS: usize = 32;
const MAX_BODY: u64 = 64 << 20;

/// All faults there are.
pub(super) fn of(config: &Config) -> Vec<ConfigError> {
    let mut faults = Vec::new();
    let tables = [("verify", "sign", Direction::Request), ("verify_responses", "sign_responses", Direction::Response)];
    for (verifies, signs, direction) in tables {
        let is_request = direction == Direction::Request;
        if let Some(verify) = config.verify(direction) {
            let mut table = Table { name: verifies, is_request, kinds: &config.structured, faults: &mut faults };
            table.verify(verify);
        }
        if let Some(sign) = config.sign(direction) {
            let mut table = Table { name: signs, is_request, kinds: &config.structured, faults: &mut faults };
            table.sign(sign);
            if config.verify(direction).is_some_and(|verify| verify.forward) {
                let message =
                    "contradicts that messages are signed here, which takes the place of the signatures there are";
                faults.push(ConfigError::new(format!("{verifies}.forward"), message));
            }
        }
    }
    let directions = [Direction::Request, Direction::Response];
    if directions.iter().all(|direction| config.verify(*direction).is_none() && config.sign(*direction).is_none()) {
        let message = "must say what to do: `verify`, `sign`, `verify_responses` or `sign_responses`";
        faults.push(ConfigError::new("", message));
    }
    match config.max_body {
        Some(most) if most == 0 || most > MAX_BODY => {
            faults.push(ConfigError::new("max_body", format!("must be from 1 to {MAX_BODY} bytes")));
        }
        Some(_) if !directions.iter().any(|direction| config.reads_body(*direction)) => {
            faults.push(ConfigError::new("max_body", "has no effect where no body is read; cover `content-digest`"));
        }
        _ => {}
    }
    faults
}

/// One of the four tables, and where to say what is wrong with it.
struct Table<'a> {
    name: &'static str,
    is_request: bool,
    kinds: &'a Kinds,
    faults: &'a mut Vec<ConfigError>,
}

impl Table<'_> {
    fn verify(&mut self, verify: &Verify) {
        if verify.algorithms.is_empty() {
            self.fault("algorithms", "must name at least one algorithm");
        }
        self.components(&verify.components, &verify.may_cover);
        if verify.allow_no_nonce && verify.nonces.is_none() {
            self.fault("allow_no_nonce", "has no effect without `nonces`");
        }
        if verify.nonces.is_some() && verify.allow_no_created {
            self.fault("allow_no_created", "contradicts `nonces`: for how long would they have to be remembered?");
        }
        if verify.consumers.is_some() && !self.is_request {
            self.fault("consumers", "is for requests; an upstream is nobody's consumer");
        }
    }

    fn sign(&mut self, sign: &Sign) {
        if sign.algorithm == Algorithm::RsaPkcs1 {
            self.fault("algorithm", "is for verifying what others sign; write `rsa-pss-sha512`");
        }
        self.components(&sign.components, &sign.may_cover);
        if sign.may_cover.iter().any(Component::is_digest) {
            self.fault("may_cover", "must not hold `content-digest`, which is always made; name it in `components`");
        }
    }

    fn components(&mut self, required: &[Component], optional: &[Component]) {
        if required.is_empty() {
            self.fault("components", "must name what is covered; what covers nothing would fit every message");
        }
        if required.len() + optional.len() > MAX_COMPONENTS {
            self.fault("components", &format!("and `may_cover` must hold at most {MAX_COMPONENTS} components"));
        }
        let named =
            (0..).zip(required).map(|at| ("components", at)).chain((0..).zip(optional).map(|at| ("may_cover", at)));
        let mut earlier: Vec<&Component> = Vec::new();
        for (list, (at, component)) in named {
            if let Some(message) = self.fault_of(component, &earlier) {
                self.fault(&format!("{list}[{at}]"), message);
            }
            earlier.push(component);
        }
    }

    fn fault_of(&self, component: &Component, earlier: &[&Component]) -> Option<&'static str> {
        if earlier.iter().any(|earlier| earlier.is_named_by(component.item())) {
            return Some("is there already");
        }
        if !component.fits(self.is_request) {
            return Some(if self.is_request {
                "is of responses"
            } else {
                "is of requests; write `;req` for that of the request which is answered"
            });
        }
        match component.source() {
            Source::Field { name, form: Form::Strict } if !self.kinds.contains_key(name) => {
                Some("needs the type of the field; say it in `structured`")
            }
            _ => None,
        }
    }

    fn fault(&mut self, key: &str, message: &str) {
        self.faults.push(ConfigError::new(format!("{}.{key}", self.name), message));
    }
}

#[cfg(test)]
mod tests {
    use crate::Signature;
    use lockgate_sdk::testing;
    use serde_json::{Value, json};

    fn paths(config: &Value) -> Vec<String> {
        match testing::configure::<Signature>(&config.to_string()) {
            Ok(_) => Vec::new(),
            Err(faults) => faults.into_iter().map(|fault| fault.path).collect(),
        }
    }

    /// A right table with one key changed.
    fn changed(mut table: Value, key: &str, value: Value) -> Value {
        table[key] = value;
        table
    }

    fn verify() -> Value {
        json!({"keys": "partners", "algorithms": ["ed25519"], "components": ["date"]})
    }

    fn sign() -> Value {
        json!({"key": "own", "algorithm": "ed25519", "components": ["date"]})
    }

    #[test]
    fn each_table_is_enough_and_none_is_too_little() {
        assert_eq!(paths(&json!({})), [""]);
        for (name, table) in
            [("verify", verify()), ("sign", sign()), ("verify_responses", verify()), ("sign_responses", sign())]
        {
            assert!(paths(&json!({name: table})).is_empty(), "{name}");
        }
    }

    #[test]
    fn faulty_settings_of_verifying_are_named() {
        for (key, value, path) in [
            ("keys", json!(""), "verify.keys"),
            ("algorithms", json!([]), "verify.algorithms"),
            ("algorithms", json!(["none"]), "verify.algorithms[0]"),
            ("components", json!([]), "verify.components"),
            ("components", json!(["date", "x;tr"]), "verify.components[1]"),
            ("components", json!(["date", "@status"]), "verify.components[1]"),
            ("components", json!(["date;req"]), "verify.components[0]"),
            ("components", json!(["x;sf"]), "verify.components[0]"),
            ("may_cover", json!(["@path", "date"]), "verify.may_cover[1]"),
            ("may_cover", json!((0..32).map(|at| format!("x-{at}")).collect::<Vec<_>>()), "verify.components"),
            ("origin", json!("api"), "verify.origin"),
            ("max_age", json!("0s"), "verify.max_age"),
            ("max_age", json!("86401s"), "verify.max_age"),
            ("max_age", json!(300), "verify.max_age"),
            ("leeway", json!("301s"), "verify.leeway"),
            ("nonces", json!(""), "verify.nonces"),
            ("allow_no_nonce", json!(true), "verify.allow_no_nonce"),
            ("label", json!("Sig"), "verify.label"),
            ("tag", json!("\u{e9}"), "verify.tag"),
            ("consumers", json!({"": "a"}), "verify.consumers"),
        ] {
            let faults = paths(&json!({"verify": changed(verify(), key, value.clone())}));
            assert!(faults.len() == 1 && faults[0].starts_with(path), "{key} = {value}: {faults:?}");
        }
        let nonces = changed(changed(verify(), "nonces", json!("seen")), "allow_no_created", json!(true));
        assert_eq!(paths(&json!({"verify": nonces})), ["verify.allow_no_created"]);
        let consumers = changed(verify(), "consumers", json!({"k": "a"}));
        assert_eq!(paths(&json!({"verify_responses": consumers})), ["verify_responses.consumers"]);
        let derived = changed(verify(), "components", json!(["@path", "@path;req", "@status"]));
        assert_eq!(paths(&json!({"verify_responses": derived})), ["verify_responses.components[0]"]);
    }

    #[test]
    fn faulty_settings_of_signing_are_named() {
        for (key, value, path) in [
            ("key", json!(""), "sign.key"),
            ("algorithm", json!("rsa-v1_5-sha256"), "sign.algorithm"),
            ("may_cover", json!(["content-digest"]), "sign.may_cover"),
            ("digest", json!("md5"), "sign.digest"),
            ("expires_in", json!("0s"), "sign.expires_in"),
            ("expires_in", json!("2d"), "sign.expires_in"),
            ("label", json!(""), "sign.label"),
            ("keyid", json!(""), "sign.keyid"),
        ] {
            assert_eq!(paths(&json!({"sign": changed(sign(), key, value.clone())})), [path], "{key} = {value}");
        }
    }

    #[test]
    fn the_bound_of_bodies_is_for_bodies_that_are_read() {
        let with = |component: &str, most: u64| json!({"sign": changed(sign(), "components", json!([component])), "max_body": most});
        assert!(paths(&with("content-digest", 1)).is_empty());
        for config in [with("date", 1), with("content-digest", 0), with("content-digest", (64 << 20) + 1)] {
            assert_eq!(paths(&config), ["max_body"], "{config}");
        }
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let config = json!({"verify": changed(verify(), "algorithms", json!([])), "sign": changed(sign(), "components", json!([])), "max_body": 1});
        assert_eq!(paths(&config), ["verify.algorithms", "sign.components", "max_body"]);
    }
}
