//! Tells the upstream what is known of the client's certificate.

use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Certificate {}

impl Policy for Certificate {
    fn interest(&self) -> Interest {
        Interest::new()
            .request_read(":scheme")
            .request_read(":client-certificate")
            .request_read(":client-certificate-subject")
            .request_read(":client-certificate-name")
            .request_write("x-test-certificate")
    }
}

impl RequestPhase for Certificate {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        let names: Vec<_> = head.client_certificate_names().collect();
        let scheme = head.text(":scheme").unwrap_or_default();
        let subject = head.client_certificate_subject().unwrap_or("none");
        let length = head.client_certificate().map_or(0, str::len);
        Edits::new().set("x-test-certificate", format!("{scheme} {subject} {} {length}", names.join(","))).into()
    }
}

lockgate_sdk::export!(Certificate: RequestPhase);
