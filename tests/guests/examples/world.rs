//! Tells what it learns of the world: the time, random bytes, and facts a connection or others found out.

use lockgate_sdk::prelude::*;
use lockgate_sdk::{clock, random};

const FACTS: [&str; 5] = [":client", ":scheme", ":route", ":param.id", ":client-certificate-name"];

#[derive(Deserialize)]
struct World {}

impl Policy for World {
    fn interest(&self) -> Interest {
        let interest = Interest::new().may_respond().attribute_read("auth.sub");
        FACTS.iter().fold(interest, |interest, name| interest.request_read(*name))
    }
}

impl RequestPhase for World {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        let facts = FACTS.map(|name| head.text(name).unwrap_or("-").to_owned());
        let subject = head.attribute("auth.sub");
        let told =
            format!("{} {} {:?} {}", facts.join(" "), subject.unwrap_or_default(), random::bytes(4), clock::unix_ms());
        Response::new(200).body(told).into()
    }
}

lockgate_sdk::export!(World: RequestPhase);
