//! The policy of the README, word for word, so that its test is run.

use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Greet {
    greeting: String,
}

impl Policy for Greet {
    fn interest(&self) -> Interest {
        Interest::new().response_write("x-greeting")
    }
}

impl ResponsePhase for Greet {
    fn on_response(&self, _head: &Head<'_>, _state: &[u8]) -> Verdict {
        Edits::new().set("x-greeting", &self.greeting).into()
    }
}

lockgate_sdk::export!(Greet: ResponsePhase);

#[test]
fn a_response_is_greeted() {
    use lockgate_sdk::testing::{self, Facts};

    let greet: Greet = testing::configure(r#"{"greeting":"ahoy"}"#).unwrap();
    let facts = Facts::response().status(200).build();
    let verdict = greet.on_response(&facts.head(), b"");
    assert_eq!(verdict.edits().unwrap().sets("x-greeting"), ["ahoy"]);
}
