//! Owns tests of declared policies.

use std::time::Duration;

use crate::config::{Grant, PolicySource};

use super::{LISTEN, assert_fault, gateway, parse};

/// SHA-256 of `guard`.
const GUARD: &str = "sha256:a9d4034da07d8ef31db1cd4119b6a4552fdfbd19787e2848e71c8ee3b47703a7";

#[test]
fn a_policy_has_a_source_powers_and_limits() {
    let config = gateway(
        r#"
        keys.idp.generate = "ES256"
        [policy.jwt]
        source = "builtin:jwt"
        grant = ["key:idp", "read:authorization", "attribute-write:auth.*", "respond", "store:counts:write"]
        limits = { cpu = "7ms", calls = 2 }
        "#
        .replace("keys.idp.generate", "[keys.idp]\ngenerate")
        .as_str(),
    )
    .unwrap();
    let policy = &config.policies["jwt"];
    assert_eq!(policy.source, PolicySource::Builtin("jwt".to_owned()));
    assert_eq!(policy.grants.len(), 5);
    assert_eq!(policy.grants[0], Grant::Key("idp".to_owned()));
    assert_eq!((policy.limits.cpu, policy.limits.wall), (Duration::from_millis(7), Duration::from_secs(1)));
    assert_eq!((policy.limits.memory, policy.limits.calls), (16 << 20, 2));
    assert_eq!((policy.place.line, policy.place.key.as_str()), (Some(6), "policy.jwt"));
}

#[test]
fn a_granted_store_nobody_declared_has_the_defaults() {
    let config = gateway("[policy.a]\nsource = 'builtin:cors'\ngrant = ['store:counts:read']").unwrap();
    let store = &config.stores["counts"];
    assert_eq!((store.namespace.as_deref(), store.max_entries, store.max_bytes), (None, 10_000, 16 << 20));
}

#[test]
fn a_component_of_the_folder_is_held_with_its_bytes() {
    let gateway = format!("{LISTEN}[policy.guard]\nsource = \"file:wasm/guard.wasm\"\n");
    let config = parse(&[("gateway.toml", &gateway), ("wasm/guard.wasm", "guard")]).unwrap();
    let PolicySource::File { component: file, .. } = &config.policies["guard"].source else { panic!("{config:?}") };
    assert_eq!(&file.content[..], b"guard");
    assert!(!format!("{config:?}").contains("103, 117"), "bytes are not shown");
}

#[test]
fn a_digest_is_64_hexadecimal_digits() {
    let with = |digest: &str| {
        let gateway = format!("{LISTEN}[policy.guard]\nsource = \"file:guard.wasm\"\ndigest = \"{digest}\"\n");
        parse(&[("gateway.toml", &gateway), ("guard.wasm", "guard")])
    };
    let pinned = with(GUARD).unwrap().policies.remove("guard").unwrap().digest.unwrap();
    assert_eq!((pinned.value.bytes()[0], pinned.place.line), (0xa9, Some(5)));
    assert_fault(with("md5:00"), "it is no SHA-256 digest");
    assert_fault(with(&GUARD.replace("sha256:a9", "sha256:zz")), "it is no SHA-256 digest");
}

#[test]
fn policies_that_make_no_sense_are_faults() {
    let cases = [
        ("", "policy.p.source: is missing"),
        ("source = 'jwt'", "it names no component"),
        ("source = 'builtin:'", "it names no component"),
        (
            "source = 'builtin:haeders'",
            "policy.p.source: names no policy that comes with the gateway; did you mean `builtin:headers`?",
        ),
        (
            "source = 'builtin:nothing'",
            "there are acl, analytics, basic, body-guard, cors, headers, ip, jwt, key-auth, oauth, oidc, petstore, rate-limit, redact, signature",
        ),
        ("source = 'https:x'", "it names no component"),
        ("source = 'file:absent.wasm'", "policy.p.source: names no file of the policies folder"),
        ("source = 'file:../guard.wasm'", "names no file"),
        ("source = 'builtin:cors'\ngrant = ['fly']", "policy.p.grant[0]: \"fly\" is not valid: there is no such power"),
        ("source = 'builtin:cors'\ngrant = ['key:k']", "names the keys `k`, which are not declared"),
        ("source = 'builtin:cors'\ngrant = ['egress:idp']", "names the service `idp`, which is not declared"),
        ("source = 'builtin:cors'\ngrant = ['write::client']", "facts cannot be written"),
        ("source = 'builtin:cors'\ngrant = 'respond'", "policy.p.grant: is a string; write a list"),
        ("source = 'builtin:cors'\ngrants = []", "policy.p.grants: is not a known key; did you mean `grant`?"),
        (
            "source = 'builtin:cors'\nlimits.cpu = '2s'",
            "policy.p.limits.cpu: \"2s\" does not fit; write a duration from \"1ms\" to \"1s\"",
        ),
        ("source = 'builtin:cors'\nlimits.memory = '32KiB'", "write a size from \"64KiB\" to \"64MiB\""),
        (
            "source = 'builtin:cors'\nlimits.cpu = '5ms'\nlimits.wall = '2ms'",
            "policy.p.limits.wall: is less than `cpu`",
        ),
        ("source = 'builtin:cors'\nlimits.fuel = 3", "policy.p.limits.fuel: is not a known key"),
    ];
    for (text, fault) in cases {
        assert_fault(gateway(&format!("[policy.p]\n{text}\n")), fault);
    }
}

#[test]
fn a_limit_nobody_said_is_lowered_to_what_is_left_for_it() {
    let limits = |text: &str| gateway(&format!("{text}\n[policy.p]\nsource = 'builtin:cors'\n")).unwrap();
    let with = |text: &str| limits(text).policies["p"].limits;
    let ms = Duration::from_millis;
    assert_eq!((with("").cpu, with("").wall), (ms(5), ms(1000)));
    let ceiling = with("[ceilings]\nwall = '3ms'");
    assert_eq!((ceiling.cpu, ceiling.wall), (ms(3), ms(3)));
    let said = gateway("[policy.p]\nsource = 'builtin:cors'\nlimits.wall = '2ms'\n").unwrap().policies["p"].limits;
    assert_eq!((said.cpu, said.wall), (ms(2), ms(2)));
}

#[test]
fn a_limit_that_was_said_is_never_lowered_without_a_word() {
    let with = |ceilings: &str, limits: &str| {
        gateway(&format!("[ceilings]\n{ceilings}\n[policy.p]\nsource = 'builtin:cors'\n{limits}\n"))
    };
    // What is the default is said all the same.
    assert_fault(with("cpu = '3ms'", "limits.cpu = '5ms'"), "policy.p.limits.cpu: is above the ceiling");
    assert_fault(with("memory = '8MiB'", "limits.memory = '16MiB'"), "policy.p.limits.memory: is above the ceiling");
    let faults = with("wall = '3ms'", "limits.cpu = '5ms'").unwrap_err();
    assert!(faults[0].contains("lower `cpu`, or raise `wall` of [ceilings]"), "{faults:?}");
}

#[test]
fn a_faulty_policy_is_still_declared() {
    assert_fault(gateway("[policy.p]\nsource = 'p'\n[[chain]]\npolicy = 'p'\n"), "it names no component");
}

#[test]
fn limiters_that_make_no_sense_are_faults() {
    let cases = [
        ("[limiter.l]\nredis = 'localhost:6379'", "limiter.l.redis: \"localhost:6379\" is not valid: it begins with"),
        ("[limiter.l]\nredis = 'redis://user:secret@h'", "user and password stand in `user` and `password`"),
        ("[limiter.l]\ntimeout = '1s'", "limiter.l.timeout: has no meaning here"),
        ("[limiter.l]\nredis = 'redis://h'\npassword = 'secret:p'", "names a secret that is not declared"),
        ("[limiter.l]\nredis = 'redis://h'\ntls = 't'", "limiter.l.tls: names no TLS that is declared"),
        ("[tls.t]\n[limiter.l]\nredis = 'redis://h'\ntls = 't'", "limiter.l.tls: has no meaning without TLS"),
        ("[limiter.l]\nnamespace = 'api/policy/l'", "limiter.l.namespace: has a letter that no such name has"),
        ("[limiter.l]\nmax_keys = 1", "limiter.l.max_keys: is 1; write an integer from 16"),
        (
            "[limiter.k]\nnamespace = 'n'\n[limiter.l]\nnamespace = 'n'\nredis = 'redis://h'",
            "limiter.l: counts elsewhere than `k`, with which it shares the namespace",
        ),
    ];
    for (text, fault) in cases {
        assert_fault(gateway(&format!("{text}\n")), fault);
    }
}

#[test]
fn a_limiter_that_is_granted_is_there() {
    let config = gateway("[policy.p]\nsource = 'builtin:rate-limit'\ngrant = ['limiter:calls']\n").unwrap();
    let limiter = &config.limiters["calls"];
    assert_eq!((&limiter.namespace, limiter.max_keys, &limiter.shared), (&None, 100_000, &None));
}
