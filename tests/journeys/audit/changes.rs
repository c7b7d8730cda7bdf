//! What `lockgate audit --diff` tells of each kind of change.

use std::fs;

use lockgate_tests::{Authority, Folder, Gateway};

use super::{API, GATEWAY, diff, folder, keep};

/// A change of a file, and words of what widened, narrowed (`<`) or changed (`=`) by it.
const CHANGES: [(&str, &str, &str, &str); 17] = [
    (
        "gateway.toml",
        "grant = [\"read:*\"",
        "limits = { cpu = \"9ms\" }\ngrant = [\"read:*\"",
        "mark: limits.cpu (ms): 9, before 5",
    ),
    (
        "gateway.toml",
        "grant = [\"read:*\"",
        "isolation = \"pooled\"\ngrant = [\"read:*\"",
        "mark: no more: has a fresh instance",
    ),
    ("gateway.toml", "\"write:x-test-*\"", "\"write:x-*\"", "mark: is granted `write:x-*`"),
    ("gateway.toml", "[[chain]]\npolicy = \"mark\"", "", "mark: is in the chain no more"),
    (
        "gateway.toml",
        "[[chain]]\npolicy = \"mark\"",
        "[[chain]]\npolicy = \"mark\"\non_error = \"skip\"",
        "mark: is skipped when it fails",
    ),
    (
        "gateway.toml",
        "[[chain]]\npolicy = \"mark\"",
        "[[chain]]\npolicy = \"mark\"\n[[chain]]\npolicy = \"ask\"",
        "ask: asks idp for /keys/*",
    ),
    ("api/api.toml", "16KiB", "32KiB", "guard: bytes of a body of requests: 32768, before 16384"),
    ("api/api.toml", "path = \"/two\"", "path = \"/other\"", "-: is for other requests"),
    (
        "api/api.toml",
        "name = \"two\"",
        "name = \"three\"",
        "-: is new: * * /two leads to api/main (http://127.0.0.1:9) (api/three)",
    ),
    (
        "api/api.toml",
        "path = \"/two\" }\nupstream = \"main\"",
        "path = \"/two\" }\nrespond = { status = 204 }",
        "-: leads elsewhere",
    ),
    (
        "api/api.toml",
        "[[route]]\nname = \"two\"",
        "[[route]]\nname = \"new\"\nmatch = { path = \"/new\" }\nchain = [\"ask\"]\nupstream = \"main\"\n[[route]]\nname = \"two\"",
        "ask: asks idp for /keys/* (api/new)",
    ),
    (
        "api/api.toml",
        "[[route]]\nname = \"two\"",
        "[[route]]\nname = \"new\"\nmatch = { path = \"/new\" }\nupstream = \"main\"\n\
         chain = [{ policy = \"guard\", config = { max_bytes = \"32KiB\" } }]\n[[route]]\nname = \"two\"",
        "guard: bytes of a body of requests: 32768, before 16384 (api/new)",
    ),
    ("api/api.toml", "on_error = \"skip\"", "", "<guard: is skipped no more"),
    (
        "gateway.toml",
        "grant = [\"read:*\"",
        "breaker = { failures = 3 }\ngrant = [\"read:*\"",
        "=mark: after 3 failures in ten seconds",
    ),
    ("api/api.toml", "16KiB", "8KiB", "<guard: bytes of a body of requests: 8192, before 16384"),
    (
        "gateway.toml",
        "\"write:x-test-*\"",
        "\"write:x-test-version\", \"write:x-test-mixed\"",
        "<mark: no more: is granted `write:x-test-*`",
    ),
    (
        "gateway.toml",
        "grant = [\"read:*\"",
        "limits = { calls = 7 }\ngrant = [\"read:*\"",
        "<mark: limits.calls: 7, before 1000",
    ),
];

/// Of this folder.
fn more_folder() -> Folder {
    let declared = r#"
[secret.one]
env = "ONE"
[secret.two]
env = "TWO"
[tls.own]
[keys.issuer]
jwks = "issuer.json"
[policy.jwt]
source = "builtin:jwt"
grant = ["key:issuer", "read:authorization", "write:authorization", "attribute-write:auth.sub", "respond"]
"#;
    let gateway = GATEWAY.replace("[egress.idp]", "[egress.idp]\ntls = \"own\"\nbearer = \"secret:one\"");
    Gateway::folder()
        .variable("ONE", "hunter2")
        .variable("TWO", "hunter3")
        .variable("LONG", &"hunter".repeat(9))
        .guest("version-a")
        .guest("ask")
        .file("issuer.json", issuer("first"))
        .file("ca.pem", Authority::new().pem())
        .gateway_toml(&format!("{declared}{gateway}"))
        .api("api", MORE_API)
}

/// A key set of one public key, of RFC 8037 appendix A.
fn issuer(id: &str) -> String {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    format!(
        "{{\"keys\": [{{\"kty\": \"OKP\", \"crv\": \"Ed25519\", \"alg\": \"EdDSA\", \"kid\": \"{id}\", \"x\": \"{x}\"}}]}}"
    )
}

const MORE_API: &str = r#"
name = "api"
version = "1"
hosts = ["a.test", "b.test"]
[upstream.main]
targets = ["https://127.0.0.1:9"]
tls = "own"
[[route]]
name = "one"
match = { path = "/one", headers = { x-version = "1", cookie = "hunter4" }, query = { v = "1", token = "hunter4" } }
chain = [{ policy = "jwt", config = { keys = "issuer", issuer = "i", audience = "a" } }]
upstream = "main"
[[route]]
name = "two"
match = { path = "/two" }
chain = ["ask"]
upstream = "main"
"#;

/// What is beside policies and can let more through all the same.
const MORE_CHANGES: [(&str, &str, &str, &str); 13] = [
    ("issuer.json", "first", "second", "jwt: checks signatures with the keys `issuer` (file:issuer.json, sha256:"),
    (
        "gateway.toml",
        "jwks = \"issuer.json\"",
        "hmac = \"secret:long\"\nalgorithm = \"HS256\"\n[secret.long]\nenv = \"LONG\"",
        "jwt: checks signatures with the keys `issuer` (secret:long, HS256)",
    ),
    ("gateway.toml", "secret:one", "secret:two", "ask: asks idp with authorization (Bearer, secret:two) attached"),
    (
        "gateway.toml",
        "[tls.own]",
        "[tls.own]\nverify = false",
        "ask: asks idp whoever answers, for no certificate is verified",
    ),
    (
        "gateway.toml",
        "[tls.own]",
        "[tls.own]\nverify = false",
        "-: leads elsewhere: api/main (https://127.0.0.1:9; NOT VERIFIED",
    ),
    (
        "gateway.toml",
        "[tls.own]",
        "[tls.own]\nca = \"ca.pem\"",
        "ask: asks idp as it is known by the authorities of file:ca.pem, sha256:",
    ),
    ("api/api.toml", "127.0.0.1:9", "127.0.0.1:8", "-: leads elsewhere: api/main (https://127.0.0.1:8"),
    (
        "api/api.toml",
        "\"https://127.0.0.1:9\"",
        "\"https://127.0.0.1:9\", \"https://127.0.0.1:8\"",
        "-: leads elsewhere",
    ),
    (
        "api/api.toml",
        "[[route]]\nname = \"two\"",
        "[[route]]\nname = \"two\"\nupgrades = [\"websocket\"]",
        "-: may be upgraded to websocket (api/two)",
    ),
    ("api/api.toml", "x-version = \"1\"", "x-version = \"2\"", "[x-version: 2] [?token"),
    ("api/api.toml", "hunter4", "hunter5", "-: is for other requests: * a.test /one"),
    ("api/api.toml", "v = \"1\"", "v = true", "-: is for other requests: * a.test /one"),
    ("api/api.toml", "hosts = [\"a.test\"", "hosts = [\"c.test\"", "-: is for other requests"),
];

#[test]
fn each_kind_of_change_is_told_as_wider_or_narrower_or_neither() {
    tell(&folder(), &CHANGES);
}

#[test]
fn what_is_beside_policies_and_lets_more_through_is_told_too() {
    let folder = more_folder();
    tell(&folder, &MORE_CHANGES);
    let said = folder.run(&["audit", "--json"]).stdout + &folder.run(&["audit"]).stdout;
    assert!(!said.contains("hunter"), "{said}");
}

/// Make one change after the other, each to the folder as it was.
fn tell(folder: &Folder, changes: &[(&str, &str, &str, &str)]) {
    keep(folder);
    for &(file, from, to, said) in changes {
        let text = fs::read_to_string(folder.policies().join(file)).unwrap();
        assert!(text.contains(from), "{from}");
        folder.write(file, &text.replace(from, to));
        let way = said.chars().next().filter(|way| "<=".contains(*way));
        let [widened, narrowed, changed] = diff(folder, if way.is_some() { 0 } else { 3 });
        let (found, said) = match way {
            Some('<') => (narrowed, &said[1..]),
            Some(_) => (changed, &said[1..]),
            None => (widened, said),
        };
        assert!(found.contains(said), "{said}\n{found}");
        folder.write(file, &text);
    }
}

/// What is about listeners, and about how components are exchanged and upstreams fail.
const SETTINGS: [(&str, &str, &str, &str); 13] = [
    ("gateway.toml", "[listen.public]\n", "[listen.public]\nmin_rate = \"0B\"\n", "ends what sends bodies too slowly"),
    (
        "gateway.toml",
        "[listen.public]\n",
        "[listen.public]\nmax_connections = 20_000\n",
        "-: the listener public max_connections: 20000, before 10000 ()",
    ),
    (
        "gateway.toml",
        "[listen.public]\n",
        "[listen.public]\nmax_connections = 5_000\n",
        "<-: the listener public max_connections: 5000, before 10000",
    ),
    (
        "gateway.toml",
        "[listen.public]\naddress = \"127.0.0.1:0\"",
        "[listen.public]\naddress = \"0.0.0.0:0\"",
        "-: the listener public listens at 0.0.0.0:0",
    ),
    (
        "gateway.toml",
        "[listen.public]\naddress = \"127.0.0.1:0\"",
        "[listen.public]\naddress = \"unix:/run/a.sock\"\nmode = \"0666\"",
        "-: the listener public lets everybody on the machine connect",
    ),
    (
        "gateway.toml",
        "[listen.public]\n",
        "[listen.other]\naddress = \"127.0.0.1:8\"\n[listen.public]\n",
        "-: the listener other is new, and listens at 127.0.0.1:8",
    ),
    (
        "gateway.toml",
        "[listen.public]\n",
        "[listen.public]\nproxy_protocol = true\n",
        "-: the listener public believes who connects about who the client is",
    ),
    (
        "gateway.toml",
        "[listen.public]\n",
        "[listen.public]\nhttp2 = false\n",
        "<-: the listener public no more: speaks HTTP/2",
    ),
    (
        "gateway.toml",
        "[listen.public]\n",
        "[listen.public]\nmax_body_bytes = \"1MiB\"\n",
        "<-: the listener public no more: takes bodies of any length",
    ),
    (
        "gateway.toml",
        "[listen.public]\n",
        "[listen.public]\nmin_rate = \"1KiB\"\n",
        "=-: the listener public min_rate is 1024 B a second; before min_rate is 256 B a second",
    ),
    (
        "gateway.toml",
        "grant = [\"read:*\"",
        "accept = [\"sha256:0000000000000000000000000000000000000000000000000000000000000000\"]\ngrant = [\"read:*\"",
        "mark: may use more names as the component sha256:0000",
    ),
    (
        "gateway.toml",
        "grant = [\"read:*\"",
        "rollout = { shadow = \"5m\" }\ngrant = [\"read:*\"",
        "=mark: a new component runs for 300000 ms in the shadow",
    ),
    (
        "api/api.toml",
        "[upstream.main]",
        "[upstream.main]\neject = { failures = 9 }",
        "=-: the upstream api/main: after 9 failures in a row",
    ),
];

#[test]
fn listeners_and_how_things_are_exchanged_and_fail_are_compared() {
    let folder = folder();
    tell(&folder, &SETTINGS);
    folder.run(&["audit"]).assert(
        0,
        &[
            "LISTENERS\n\npublic\n",
            "max_connections: 10000",
            "when it is new a new component serves at once, and is taken back",
            "api/main  after 5 failures in a row (502, 503, 504 too) a target is left out for 10000 ms",
        ],
    );
}

#[test]
fn a_listener_that_is_gone_or_asks_for_certificates_lets_less_through() {
    let authority = Authority::new();
    let site = authority.issue(&["a.test"]);
    let files = Gateway::folder().file("ca.pem", authority.pem()).file("site.pem", site.certificate);
    let folder = files.variable("SITE", &site.key);
    let with = |more: &str| {
        let listen = "[secret.site]\nenv = \"SITE\"\n[listen.public]\naddress = \"127.0.0.1:0\"\n";
        folder.write("gateway.toml", &format!("{listen}{more}"));
    };
    with("[listen.other]\naddress = \"127.0.0.1:9\"\n");
    keep(&folder);
    with("");
    let [widened, narrowed, changed] = diff(&folder, 0);
    assert_eq!(narrowed, "-: the listener other is gone, and listened at 127.0.0.1:9 ()\n");
    assert_eq!([widened, changed], ["", ""]);
    keep(&folder);
    with("tls = [{ certificate = \"site.pem\", key = \"secret:site\", client_ca = \"ca.pem\" }]\n");
    let [widened, narrowed, changed] = diff(&folder, 0);
    assert_eq!(
        narrowed,
        "-: the listener public no more: lets clients in without a certificate ()\n-: the listener public speaks TLS only ()\n"
    );
    assert_eq!(widened, "");
    assert!(changed.starts_with("-: the listener public shows file:site.pem, sha256:"), "{changed}");
    keep(&folder);
    with("tls = [{ certificate = \"site.pem\", key = \"secret:site\" }]\n");
    let [widened, ..] = diff(&folder, 3);
    assert_eq!(widened, "-: the listener public lets clients in without a certificate ()\n");
}

#[test]
fn what_a_policy_may_on_another_route_is_compared_with_all_it_might_before() {
    let folder = folder();
    let with = |more: &str| folder.write("api/api.toml", &format!("{API}{more}"));
    let route = |name: &str, most: &str| {
        format!(
            "[[route]]\nname = \"{name}\"\nmatch = {{ path = \"/{name}\" }}\nupstream = \"main\"\n\
             chain = [{{ policy = \"guard\", config = {{ max_bytes = \"{most}\" }} }}]\n"
        )
    };
    with(&route("three", "64KiB"));
    keep(&folder);
    with(&format!("{}{}", route("three", "64KiB"), route("four", "32KiB")));
    let [widened, narrowed, changed] = diff(&folder, 3);
    assert_eq!(widened, "-: is new: * * /four leads to api/main (http://127.0.0.1:9) (api/four)\n");
    assert_eq!([narrowed, changed], ["", ""], "only what is wider is told of a route that is new");
    with(&format!("{}{}", route("three", "64KiB"), route("four", "65KiB")));
    let [widened, ..] = diff(&folder, 3);
    assert!(widened.contains("guard: bytes of a body of requests: 66560, before 65536 (api/four)"), "{widened}");
}

#[test]
fn who_is_trusted_to_sign_is_compared() {
    const KEYS: [&str; 2] = ["own", "other"];
    let folder = Gateway::folder();
    let keys = KEYS.map(|name| {
        folder.run(&["policy", "keygen", name, "--no-password"]).assert(0, &[]);
        let public = fs::read_to_string(folder.root().join(format!("{name}.pub"))).unwrap();
        public.lines().last().unwrap().to_owned()
    });
    let trusting = |keys: &[String]| {
        let listen = "[listen.public]\naddress = \"127.0.0.1:0\"\n";
        folder.write("gateway.toml", &format!("[trust]\nkeys = {keys:?}\n{listen}"));
    };
    trusting(&keys[..1]);
    keep(&folder);
    trusting(&keys);
    let [widened, ..] = diff(&folder, 3);
    assert!(widened.starts_with("-: components may be signed with the key "), "{widened}");
    keep(&folder);
    trusting(&keys[..1]);
    let [_, narrowed, _] = diff(&folder, 0);
    assert!(narrowed.starts_with("-: components may be signed no more with the key "), "{narrowed}");
}
