//! Tokens bound to a certificate: good on a connection whose client proved to have it, and nowhere else (RFC 8705).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lockgate_tests::{Authority, Certificate, Handshake};

use super::*;

#[test]
fn a_token_bound_to_a_certificate_is_good_with_that_alone() {
    let (authority, members) = (Authority::new(), Authority::new());
    let site = authority.issue(&["site.example"]);
    let (ada, eve) = (members.issue_to("Ada", "spiffe://club/ada"), members.issue_to("Eve", "spiffe://club/eve"));
    let folder = Gateway::folder()
        .listener("tls = [{ certificate = 'site.pem', key = 'secret:site', client_ca = 'members.pem', client_optional = true }]")
        .file("site.pem", &site.certificate)
        .file("members.pem", members.pem());
    std::fs::write(folder.root().join("site.key"), &site.key).unwrap();
    let mut guarded = Guarded::within(folder, "[secret.site]\nfile = 'site.key'\n", &introspecting("5m"));
    let token = guarded.server.tell(&format!("certified {}", STANDARD.encode(&ada.certificate)));
    let ask = |shown: Option<&Certificate>, more: &[(&str, &str)]| {
        let handshake = shown.map_or_else(Handshake::new, |shown| Handshake::new().showing(shown));
        let mut client = authority.connect(guarded.gateway.public(), "site.example", &handshake).unwrap();
        let request = Request::get("/x").field("host", "site.example").bearer(&token);
        client.send(&more.iter().fold(request, |request, (name, value)| request.field(name, value)))
    };
    ask(Some(&ada), &[]).assert_status(200);
    refused(&ask(Some(&eve), &[]), 401, "certificate_other");
    refused(&ask(None, &[]), 401, "certificate_missing");
    // Whoever comes from outside can write what proxies write.
    let pem = ada.certificate.replace('\n', "%0A");
    let encoded = STANDARD.encode(ada.der());
    let digest = STANDARD.encode([7; 32]);
    for (name, value) in [
        ("x-forwarded-client-cert", format!("Hash={digest};Cert=\"{pem}\"")),
        ("client-cert", format!(":{encoded}:")),
        ("x-ssl-client-cert", pem.clone()),
        ("x-client-certificate", pem.clone()),
    ] {
        refused(&ask(None, &[(name, &value)]), 401, "certificate_missing");
        refused(&ask(Some(&eve), &[(name, &value)]), 401, "certificate_other");
    }
}
