//! Takes two header fields for who asks and what for, as policies that find out do with better reasons.

use lockgate_sdk::prelude::*;

const ATTRIBUTES: [(&str, &str); 2] = [("x-test-consumer", "auth.consumer"), ("x-test-scope", "auth.scope")];

#[derive(Deserialize)]
struct Who {}

impl Policy for Who {
    fn interest(&self) -> Interest {
        ATTRIBUTES.iter().fold(Interest::new(), |interest, (field, attribute)| {
            interest.request_read(*field).attribute_write(*attribute)
        })
    }
}

impl RequestPhase for Who {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        let told = ATTRIBUTES.iter().filter_map(|(field, attribute)| Some((*attribute, head.text(field)?)));
        told.fold(Edits::new(), |edits, (attribute, value)| edits.attribute(attribute, value)).into()
    }
}

lockgate_sdk::export!(Who: RequestPhase);
