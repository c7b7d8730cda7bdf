//! Puts a greeting on every response. The type is the configuration; `interest` is the whole of its power.

use lockgate_sdk::prelude::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    greeting: String,
}

impl Policy for Config {
    fn interest(&self) -> Interest {
        Interest::new().response_write("x-greeting")
    }
}

impl ResponsePhase for Config {
    fn on_response(&self, _head: &Head<'_>, _state: &[u8]) -> Verdict {
        Edits::new().set("x-greeting", &self.greeting).into()
    }
}

lockgate_sdk::export!(Config: ResponsePhase);

// Tests run natively, against doubles of all that the gateway offers: see `lockgate_sdk::testing`.
#[cfg(test)]
mod tests {
    use super::*;
    use lockgate_sdk::testing::{self, Facts};

    #[test]
    fn a_response_is_greeted() {
        let policy: Config = testing::configure(include_str!("../$NAME.json")).unwrap();
        let facts = Facts::response().status(200).build();
        let verdict = policy.on_response(&facts.head(), b"");
        assert_eq!(verdict.edits().unwrap().sets("x-greeting"), ["ahoy"]);
    }

    #[test]
    fn a_configuration_without_a_greeting_is_refused() {
        assert!(testing::configure::<Config>("{}").is_err());
    }
}
