//! Owns tests of declared keys and of literal secrets.

use crate::config::{KeySource, Made, Material, PublishedAt};
use crate::keys::Algorithm;

use super::{LISTEN, PETS, assert_fault, gateway, parse};

const PUBLIC_JWKS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA"}]}"#;

#[test]
fn keys_come_from_files_secrets_or_are_made() {
    let text = r#"
        secret.hush.env = "HUSH"
        keys.idp.jwks = "keys/idp.json"
        keys.remote.jwks = "secret:hush"
        keys.site = { pem = "./site.pem", algorithm = "RS256" }
        keys.mac = { hmac = "secret:hush", algorithm = "HS256" }
        keys.own.generate = "EdDSA"
        keys.out = { private = "secret:hush", algorithm = "PS512" }
        keys.session.generate = "sealing"
        keys.shared.sealing = ["secret:hush"]
    "#;
    let gateway = format!("{text}\n{LISTEN}");
    let files = [("gateway.toml", gateway.as_str()), ("keys/idp.json", PUBLIC_JWKS), ("site.pem", "public")];
    let keys = parse(&files).unwrap().keys;
    let KeySource::Jwks(Material::File(file)) = &keys["idp"].source else { panic!("{keys:?}") };
    assert_eq!((file.path.to_str(), &file.content[..]), (Some("keys/idp.json"), PUBLIC_JWKS.as_bytes()));
    assert_eq!(keys["remote"].source, KeySource::Jwks(Material::Secret("hush".to_owned())));
    assert!(matches!(
        &keys["site"].source,
        KeySource::Pem { material: Material::File(_), algorithm: Algorithm::Rs256 }
    ));
    assert_eq!(keys["mac"].source, KeySource::Hmac { secret: "hush".to_owned(), algorithm: Algorithm::Hs256 });
    assert_eq!(keys["own"].source, KeySource::Generate(Made::Signing(Algorithm::EdDsa)));
    assert_eq!(keys["out"].source, KeySource::Private { secret: "hush".to_owned(), algorithm: Algorithm::Ps512 });
    assert_eq!(keys["session"].source, KeySource::Generate(Made::Sealing));
    assert_eq!(keys["shared"].source, KeySource::Sealing(vec!["hush".to_owned()]));
    assert_eq!(keys["own"].place.key, "keys.own");
}

#[test]
fn keys_that_make_no_sense_are_faults() {
    let cases = [
        (
            "",
            "keys.k: lacks its kind; give exactly one of `jwks`, `pem`, `hmac`, `private`, `sealing`, `generate`, `fetch`, `discover`",
        ),
        ("jwks = 'secret:s'\ngenerate = 'ES256'", "keys.k: is of several kinds at once"),
        ("jwks = 'absent.json'", "keys.k.jwks: names no file of the policies folder"),
        ("jwks = '/etc/passwd'", "names no file"),
        ("jwks = '../gateway.toml'", "names no file"),
        ("jwks = 'secret:x'", "names a secret that is not declared"),
        ("jwks = 3", "keys.k.jwks: is an integer"),
        ("jwks = 'secret:s'\nalgorithm = 'ES256'", "keys.k.algorithm: has no meaning here"),
        ("pem = 'secret:s'", "keys.k.algorithm: is missing"),
        ("pem = 'secret:s'\nalgorithm = 'none'", "keys.k.algorithm: \"none\" is not valid"),
        ("pem = 'secret:s'\nalgorithm = 'HS256'", "keys.k.algorithm: is symmetric"),
        ("hmac = 'secret:s'", "keys.k.algorithm: is missing"),
        ("hmac = 'secret:s'\nalgorithm = 'RS256'", "keys.k.algorithm: is not symmetric"),
        ("hmac = 'gateway.toml'\nalgorithm = 'HS256'", "keys.k.hmac: names no secret; write \"secret:NAME\""),
        (
            "generate = 'ES512'",
            "keys.k.generate: \"ES512\" does not fit; write one of \"EdDSA\", \"ES256\", \"ES384\", \"sealing\"",
        ),
        ("private = 'secret:s'", "keys.k.algorithm: is missing"),
        ("private = 'out.pem'\nalgorithm = 'EdDSA'", "keys.k.private: names no secret"),
        ("private = 'secret:s'\nalgorithm = 'RS256'", "keys.k.algorithm: is none to sign with; write one of \"EdDSA\""),
        ("private = 'secret:s'\nalgorithm = 'HS256'", "keys.k.algorithm: is symmetric"),
        ("sealing = []", "keys.k.sealing: is empty"),
        ("sealing = ['secret:x']", "names a secret that is not declared"),
        ("sealing = ['secret:s']\nalgorithm = 'ES256'", "keys.k.algorithm: has no meaning here"),
    ];
    for (text, fault) in cases {
        assert_fault(gateway(&format!("[secret.s]\nenv = 'S'\n[keys.k]\n{text}\n")), fault);
    }
}

#[test]
fn keys_are_granted_for_what_they_can_do() {
    let keys = "[secret.s]\nenv = 'S'\n[keys.site]\npem = 'secret:s'\nalgorithm = 'ES256'\n[keys.mac]\nhmac = 'secret:s'\nalgorithm = 'HS256'\n\
                [keys.out]\nprivate = 'secret:s'\nalgorithm = 'ES256'\n[keys.own]\ngenerate = 'ES256'\n[keys.seal]\nsealing = ['secret:s']\n\
                [keys.made]\ngenerate = 'sealing'\n";
    let granted =
        |word: &str| gateway(&format!("{keys}[policy.p]\nsource = 'builtin:cors'\ngrant = ['{word}']\n")).map(drop);
    for word in
        ["key:site", "key:mac", "key:out", "key:own", "sign:mac", "sign:out", "sign:own", "seal:seal", "seal:made"]
    {
        assert_eq!(granted(word), Ok(()), "{word}");
    }
    for (word, does) in [
        ("key:seal", "verifies"),
        ("key:made", "verifies"),
        ("sign:site", "signs"),
        ("sign:seal", "signs"),
        ("seal:own", "seals"),
        ("seal:mac", "seals"),
    ] {
        assert_fault(granted(word), &format!("and none of them {does}"));
    }
    let advice = "names the keys `absent`, which are not declared; declare them as [keys.absent], of a kind that signs";
    assert_fault(granted("sign:absent"), advice);
}

#[test]
fn a_key_in_the_wrong_place_is_never_shown() {
    let faults = gateway("[keys.k]\nhmac = 'hunter2'\nalgorithm = 'HS256'").unwrap_err();
    assert!(!faults.concat().contains("hunter2"), "{faults:?}");
}

#[test]
fn a_private_key_below_the_folder_is_a_fault() {
    for (file, text) in [
        ("site.pem", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n"),
        ("idp.json", r#"{"keys":[{"kty":"EC","d":"AAAA"}]}"#),
        ("pets/tests/key.jwk", r#"{"kty":"oct","k":"AAAA"}"#),
    ] {
        let expected = format!("{file}{}: holds a private key", if file == "site.pem" { ":1" } else { "" });
        assert_fault(parse(&[("gateway.toml", LISTEN), (file, text)]), &expected);
    }
}

#[test]
fn a_literal_secret_in_a_policy_configuration_is_a_fault() {
    let cases = [
        ("client_secret = 'hunter2'", "route[0].chain[0].config.client_secret: is a literal secret"),
        ("deep = [{ db = { password = 'hunter2' } }]", "config.deep[0].db.password: is a literal secret"),
        ("api_key = ['hunter2']", "config.api_key[0]: is a literal secret"),
        ("secret = { value = 'hunter2' }", "config.secret.value: is a literal secret"),
        ("password = 123456", "config.password: is a literal secret"),
        ("set = { authorization = 'Bearer hunter2' }", "config.set.authorization: is a literal secret"),
        ("jwk = { kty = 'oct', k = 'hunter2' }", "config: holds a private key"),
        ("jwk = '{\"kty\":\"oct\",\"k\":\"hunter2\"}'", "config.jwk: holds a private key"),
        ("x = '-----BEGIN PRIVATE KEY-----'", "config.x: holds a private key"),
        ("x = \"\\u002d----BEGIN PRIVATE KEY-----\"", "config.x: holds a private key"),
    ];
    for (config, fault) in cases {
        let route = "[[route]]\nname = 'a'\nmatch.path = '/'\nupstream = 'pets'\n";
        let text = format!("{PETS}{route}chain = [{{ policy = 'cors', config = {{ {config} }} }}]\n");
        let faults = super::api(&text);
        assert!(!format!("{faults:?}").contains("hunter2"));
        assert_fault(faults, fault);
    }
}

#[test]
fn a_private_key_in_a_comment_is_a_fault() {
    assert_fault(gateway("# -----BEGIN EC PRIVATE KEY-----"), "gateway.toml:3: holds a private key");
}

#[test]
fn the_name_of_a_made_key_becomes_a_file_name() {
    let with = |length: usize| gateway(&format!("[keys.{}]\ngenerate = 'EdDSA'\n", "k".repeat(length)));
    assert!(with(64).is_ok());
    assert_fault(with(65), "has a name that is too long for its file; use at most 64 letters");
}

#[test]
fn a_key_file_is_public_whatever_its_name() {
    let gateway = format!("{LISTEN}[keys.k]\njwks = 'idp.wasm'\n");
    let files =
        [("gateway.toml", gateway.as_str()), ("idp.wasm", r#"{"keys":[{"kty":"oct","k":"AAAA","alg":"HS256"}]}"#)];
    assert_fault(parse(&files), "idp.wasm: holds a private key");
}

const SERVICE: &str =
    "[egress.idp]\nurl = 'https://idp.example.com/base'\npaths = ['/certs', '/t/.well-known/openid-configuration']\n";

#[test]
fn keys_are_fetched_by_way_of_services() {
    let text = "[keys.a]\nfetch = '/certs?x=1'\negress = ['idp']\nrefresh = '1m'\n\
                [keys.b]\ndiscover = 'https://idp.example.com/base/t'\negress = ['idp']\ncool_down = '1s'\nstale = '1h'\n";
    let keys = parse(&[("gateway.toml", &format!("{LISTEN}{SERVICE}{text}"))]).unwrap().keys;
    let of = |name: &str| match &keys[name].source {
        KeySource::Published { services, at, refresh } => {
            assert_eq!(services, &["idp"]);
            (at.clone(), [refresh.refresh, refresh.cool_down, refresh.stale].map(|time| time.as_secs()))
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(of("a"), (PublishedAt::Target("/certs?x=1".to_owned()), [60, 5, 86_400]));
    assert_eq!(of("b"), (PublishedAt::Issuer("https://idp.example.com/base/t".to_owned()), [600, 1, 3600]));
}

#[test]
fn keys_that_could_not_be_fetched_are_faults() {
    let cases = [
        ("fetch = '/certs'", "keys.k.egress: is missing: nothing is fetched but by a service"),
        ("fetch = '/certs'\negress = ['ipd']", "names the service `ipd`, which is not declared; did you mean `idp`?"),
        ("fetch = 'certs'\negress = ['idp']", "keys.k.fetch"),
        ("fetch = '/other'\negress = ['idp']", "asks for /other, which its service may not be asked for"),
        ("fetch = '/certs'\ndiscover = 'https://idp.example.com'\negress = ['idp']", "is of several kinds at once"),
        ("discover = 'https://idp.example.com'\negress = ['idp']", "is below the URL of none of the services"),
        ("discover = 'https://idp.example.com.evil/base/t'\negress = ['idp']", "is below the URL of none"),
        ("discover = 'https://u@idp.example.com/base/t'\negress = ['idp']", "is below the URL of none"),
        ("discover = 'http://idp.example.com/base/t'\negress = ['idp']", "is below the URL of none"),
        ("fetch = '/certs'\negress = ['idp']\nstale = '10m'", "keys.k.stale: is less than twice `refresh`"),
        ("generate = 'EdDSA'\nrefresh = '1m'", "keys.k.refresh: has no meaning here"),
        ("fetch = '/certs'\negress = ['idp']\nalgorithm = 'ES256'", "keys.k.algorithm: has no meaning here"),
    ];
    for (text, fault) in cases {
        assert_fault(gateway(&format!("{SERVICE}[keys.k]\n{text}\n")), fault);
    }
}
