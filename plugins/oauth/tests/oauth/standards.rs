//! The examples of the standards, as they stand there.

use crate::support::*;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing;
use serde_json::json;

/// RFC 9449 section 7.1: the token, the proof sent with it, and the thumbprint of its key (section 6.1).
const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
const PROOF: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJo\
                     RjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJ\
                     qdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXN\
                     vdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yR\
                     qzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
const THUMBPRINT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
/// `iat` of the proof.
const THEN_MS: u64 = 1_562_262_618_000;

#[test]
fn the_request_of_rfc_9449_is_admitted_once() {
    let policy = introspecting(json!({"audience": null, "any_audience": true, "dpop": {"replays": "proofs"}}));
    testing::clock::set(THEN_MS);
    // What section 6.2 has the authorization server say of it, and when it ends.
    says(json!({
        "active": true, "sub": "someone@example.com", "iss": "https://idp", "nbf": 1_562_262_611, "exp": 1_562_266_216,
        "cnf": {"jkt": THUMBPRINT},
    }));
    let facts = to("GET", "https", "resource.example.org", "/protectedresource");
    let facts = facts.field("authorization", format!("DPoP {TOKEN}")).field("dpop", PROOF).build();
    assert_eq!(outcome(&policy.on_request(&facts.head())), "pass");
    assert_eq!(outcome(&policy.on_request(&facts.head())), "401 proof_replayed");
}

#[test]
fn the_token_of_rfc_8705_needs_its_certificate() {
    // Section 3.2: what an introspection answer says of a token bound to a certificate.
    let digest = "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2";
    let policy = introspecting(json!({"audience": null, "any_audience": true, "issuer": null}));
    testing::clock::set(1_493_720_000_000);
    says(json!({
        "active": true, "iss": "https://server.example.com", "sub": "ty.webb@example.com", "exp": 1_493_726_400,
        "nbf": 1_493_722_800, "cnf": {"x5t#S256": digest},
    }));
    let with = |shown: &str| {
        let facts = request().field("authorization", format!("Bearer {OPAQUE}")).field(":client-certificate", shown);
        outcome(&policy.on_request(&facts.build().head()))
    };
    assert_eq!(with(digest), "401 token_not_yet_valid");
    testing::clock::set(1_493_723_000_000);
    assert_eq!(with(digest), "pass");
    assert_eq!(with(THUMBPRINT), "401 certificate_other");
}
