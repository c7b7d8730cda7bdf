//! What guests share: most misbehave only when a request asks them to, so that a test can see the next one succeed.

use lockgate_sdk::prelude::*;

/// The field by which a request asks for misbehaviour.
pub const ASK: &str = "x-test-break";

/// An interest that sees whether misbehaviour is asked for.
pub fn listening() -> Interest {
    Interest::new().request_read(ASK)
}

/// What is asked for, if anything.
pub fn asked<'a>(head: &Head<'a>) -> Option<&'a str> {
    head.text(ASK)
}

/// A policy that marks both directions with a letter, and checks that both hooks of an exchange are its own.
#[derive(Deserialize)]
pub struct Version<const LETTER: char> {}

const FIELD: &str = "x-test-version";

impl<const LETTER: char> Policy for Version<LETTER> {
    fn interest(&self) -> Interest {
        Interest::new().request_write(FIELD).response_write(FIELD).response_write("x-test-mixed")
    }
}

impl<const LETTER: char> RequestPhase for Version<LETTER> {
    fn on_request(&self, _head: &Head<'_>) -> Verdict {
        let letter = LETTER.to_string();
        Edits::new().set(FIELD, &letter).state(letter).into()
    }
}

impl<const LETTER: char> ResponsePhase for Version<LETTER> {
    fn on_response(&self, _head: &Head<'_>, state: &[u8]) -> Verdict {
        let letter = LETTER.to_string();
        let edits = Edits::new().set(FIELD, &letter);
        if state == letter.as_bytes() { edits.into() } else { edits.set("x-test-mixed", state).into() }
    }
}

/// Whoever tests writes another number here, and so has another build.
static BUILD: [u8; 17] = *b"<build>0000000000";

/// A policy that tells which build it is and what it was configured with, in both directions, and whether both hooks of
/// an exchange are of one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tell {
    name: String,
    number: u64,
}

impl Tell {
    fn told(&self) -> String {
        // The compiler must not know what stands there.
        let digits = &std::hint::black_box(&BUILD)[7..];
        let build = String::from_utf8_lossy(digits);
        let build = build.trim_start_matches('0');
        format!("{} {build} {}", self.name, self.number)
    }
}

impl Policy for Tell {
    fn interest(&self) -> Interest {
        Interest::new().request_write("x-test-told").response_write("x-test-trail")
    }
}

impl RequestPhase for Tell {
    fn on_request(&self, _head: &Head<'_>) -> Verdict {
        let told = self.told();
        Edits::new().append("x-test-told", &told).state(told).into()
    }
}

impl ResponsePhase for Tell {
    fn on_response(&self, _head: &Head<'_>, state: &[u8]) -> Verdict {
        let (told, before) = (self.told(), String::from_utf8_lossy(state));
        let all = if before == told { told } else { format!("{told} after {before}") };
        Edits::new().append("x-test-trail", all).into()
    }
}

/// What a policy and the one that takes its place have in common: a word that goes from the request to the response.
pub struct Rolled;

impl Rolled {
    const FIELD: &str = "x-test-rolled";

    pub fn interest() -> Interest {
        Interest::new().request_write(Self::FIELD).response_write(Self::FIELD)
    }

    pub fn carry(word: &str) -> Verdict {
        Self::carry_other(word, word)
    }

    pub fn carry_other(word: &str, state: &str) -> Verdict {
        Edits::new().set(Self::FIELD, word).state(state).into()
    }

    pub fn arrive(state: &[u8]) -> Verdict {
        Edits::new().set(Self::FIELD, state).into()
    }
}
