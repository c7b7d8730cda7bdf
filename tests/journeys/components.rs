//! Component files that are none, or that misbehave before the first request: refused with a reason, at start and while serving.

use lockgate_tests::{Gateway, Upstream, guests};

/// What stands in the file, and words of the reason.
fn cases() -> Vec<(&'static str, Vec<u8>, &'static [&'static str])> {
    let text = |wat: &str| wat::parse_str(wat).expect(wat);
    let plain = guests::module("start");
    vec![
        ("no WebAssembly", b"#!/bin/sh\n".to_vec(), &["not a WebAssembly component"]),
        ("empty", Vec::new(), &["not a WebAssembly component"]),
        ("core module", text("(module (func (export \"on-request\")))"), &["core", "module"]),
        ("cut off", guests::component("trail")[..3000].to_vec(), &["compile"]),
        ("exports nothing", text("(component)"), &["lifecycle"]),
        ("no hook", guests::component("no-hook"), &["hook"]),
        (
            "unknown import",
            text("(component (import \"wasi:http/outgoing-handler@0.2.0\" (instance)))"),
            &["wasi:http/outgoing-handler@0.2.0", "no sockets and no HTTP"],
        ),
        (
            "WASI of another generation",
            text("(component (import \"wasi:cli/stdout@0.3.0\" (instance)))"),
            &["wasi:cli/stdout@0.3.0", "WASI 0.2"],
        ),
        ("sockets", guests::component("dialer"), &["wasi:sockets/tcp@0.2", "no sockets", "lockgate:policy/egress"]),
        (
            "import of another version",
            text("(component (import \"lockgate:policy/log@9.0.0\" (instance)))"),
            &["lockgate:policy/log@9.0.0"],
        ),
        (
            "another lifecycle",
            text("(component (instance $none) (export \"lockgate:policy/lifecycle@0.1.0\" (instance $none)))"),
            &["configure"],
        ),
        ("loops in start", guests::wrap(&module::with_start(&plain, "start_spin")), &["instantiated", "CPU time"]),
        ("traps in start", guests::wrap(&module::with_start(&plain, "start_trap")), &["instantiated", "unreachable"]),
        ("4 GiB of memory", guests::wrap(&module::with_memory(&plain, 65536)), &["memory"]),
        ("loops in configure", guests::component("loop-configure"), &["configure", "CPU time"]),
        ("traps in configure", guests::component("trap-configure"), &["configure", "unreachable"]),
        ("asks for the time in configure", guests::component("impure-configure"), &["configure"]),
    ]
}

const GATEWAY: &str = r#"
[policy.x]
source = "file:components/x.wasm"
grant = ["read:*", "write:x-test-*"]
"#;

const API: &str = r#"
name = "api"
version = "1"
[upstream.main]
targets = ["http://$upstream"]
[[route]]
name = "with"
match = { path = "/with" }
chain = ["x"]
upstream = "main"
[[route]]
name = "without"
match = { path = "/without" }
upstream = "main"
"#;

#[test]
fn the_test_can_tell_a_good_component() {
    let plain = guests::wrap(&guests::module("start"));
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .upstream(&upstream)
        .file("components/x.wasm", plain)
        .gateway_toml(GATEWAY)
        .api("api", API)
        .start();
    assert_eq!(gateway.get("/with").echoed("x-test-plain"), ["1"]);
}

#[test]
fn nothing_starts_with_a_component_that_cannot_be_used() {
    for (what, bytes, said) in cases() {
        let folder = Gateway::folder()
            .word("upstream", "127.0.0.1:9")
            .file("components/x.wasm", bytes)
            .gateway_toml(GATEWAY)
            .api("api", API);
        let checked = folder.run(&["check"]);
        assert_eq!(checked.code, Some(1), "{what}: {checked:?}");
        for text in said {
            assert!(checked.stderr.contains(text), "{what}: {text:?} is not in\n{}", checked.stderr);
        }
        assert!(checked.stderr.contains(".toml:"), "{what}: no place in\n{}", checked.stderr);
    }
}

#[test]
fn a_component_that_cannot_be_used_does_not_disturb_what_serves() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .upstream(&upstream)
        .file("components/x.wasm", guests::component("start"))
        .gateway_toml(GATEWAY)
        .api("api", API)
        .start();
    for (what, bytes, said) in cases() {
        gateway.replace("components/x.wasm", &bytes);
        let word = said[0];
        gateway.wait_for_log(what, |line| line["reason"].as_str()?.contains(word).then_some(()));
        assert_eq!(gateway.get("/with").echoed("x-test-plain"), ["1"], "{what}");
        gateway.get("/without").assert_status(200);
    }
    assert_eq!(gateway.status()["generation"], 1);
}

/// Changes to core modules that no compiler would make.
mod module {
    const MEMORY: u8 = 5;
    const EXPORT: u8 = 7;
    const START: u8 = 8;

    /// Make an exported function the start function.
    pub(super) fn with_start(module: &[u8], name: &str) -> Vec<u8> {
        let index = exported_function(module, name);
        let mut sections = sections(module);
        let after = sections.iter().position(|(id, _)| *id == EXPORT).expect("exports") + 1;
        sections.insert(after, (START, leb(index)));
        assemble(&sections)
    }

    /// Let the memory begin with so many pages of 64 KiB.
    pub(super) fn with_memory(module: &[u8], pages: u32) -> Vec<u8> {
        let mut sections = sections(module);
        let memory = sections.iter_mut().find(|(id, _)| *id == MEMORY).expect("a memory");
        // One memory, without a maximum.
        memory.1 = [vec![1, 0], leb(pages)].concat();
        assemble(&sections)
    }

    fn exported_function(module: &[u8], name: &str) -> u32 {
        let sections = sections(module);
        let (_, mut exports) = sections.into_iter().find(|(id, _)| *id == EXPORT).expect("exports");
        let count = take_leb(&mut exports);
        for _ in 0..count {
            let length = take_leb(&mut exports) as usize;
            let found = exports.drain(..length).collect::<Vec<_>>() == name.as_bytes();
            let kind = exports.remove(0);
            let index = take_leb(&mut exports);
            if found && kind == 0 {
                return index;
            }
        }
        panic!("no function {name} is exported");
    }

    fn sections(module: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let mut rest = module[8..].to_vec();
        let mut sections = Vec::new();
        while !rest.is_empty() {
            let id = rest.remove(0);
            let length = take_leb(&mut rest) as usize;
            let tail = rest.split_off(length);
            sections.push((id, std::mem::replace(&mut rest, tail)));
        }
        sections
    }

    fn assemble(sections: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        for (id, content) in sections {
            module.push(*id);
            module.extend(leb(u32::try_from(content.len()).unwrap()));
            module.extend(content);
        }
        module
    }

    /// An unsigned number in the variable-length form of WebAssembly.
    fn leb(mut value: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let low = (value & 0x7f) as u8;
            value >>= 7;
            if value == 0 {
                bytes.push(low);
                return bytes;
            }
            bytes.push(low | 0x80);
        }
    }

    fn take_leb(bytes: &mut Vec<u8>) -> u32 {
        let length = bytes.iter().position(|byte| byte & 0x80 == 0).expect("a number") + 1;
        bytes.drain(..length).rev().fold(0, |value, byte| (value << 7) | u32::from(byte & 0x7f))
    }
}
