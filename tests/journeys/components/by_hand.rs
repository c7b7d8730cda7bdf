//! Policies written by hand: small ones, and one whose table grows while it serves, which no compiler of today emits.

use lockgate_tests::{Gateway, Upstream, guests};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The world of a policy that decides about requests.
const WORLD: &str = "package test:policy;\nworld of-requests {\n\
    export lockgate:policy/lifecycle@0.1.0;\nexport lockgate:policy/request-phase@0.1.0;\n}\n";

/// Does what `hook` says, and passes. Zeros at 4096 are an interest in nothing, and `pass`.
pub(super) fn policy(hook: &str) -> Vec<u8> {
    let mut module = wat::parse_str(format!(
        r##"(module
            (memory (export "memory") 1)
            (table $table 1 funcref)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 8192))
            (func (export "lockgate:policy/lifecycle@0.1.0#configure") (param i32 i32) (result i32) (i32.const 4096))
            (func (export "lockgate:policy/request-phase@0.1.0#on-request") (param i32 i32) (result i32)
                {hook}
                (i32.const 4096)))"##
    ))
    .unwrap();
    let mut resolve = Resolve::default();
    resolve.push_dir(guests::workspace().join("wit")).unwrap();
    let package = resolve.push_source("world.wit", WORLD).unwrap();
    let world = resolve.select_world(&[package], Some("of-requests")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    guests::wrap(&module)
}

/// Grows its table by so many elements, and traps where it may not.
fn growing(elements: u32) -> Vec<u8> {
    policy(&format!(
        "(if (i32.eq (table.grow $table (ref.null func) (i32.const {elements})) (i32.const -1)) (then unreachable))"
    ))
}

#[test]
fn a_table_grows_up_to_its_limit_and_no_further() {
    let upstream = Upstream::echo();
    let declared = |name: &str| {
        format!("[policy.{name}]\nsource = \"file:components/{name}.wasm\"\nlimits = {{ table_elements = 1000 }}\n")
    };
    let route = |name: &str| {
        format!(
            "[[route]]\nname = \"{name}\"\nmatch = {{ path = \"/{name}\" }}\nchain = [\"{name}\"]\nupstream = \"main\"\n"
        )
    };
    let api = "name = \"api\"\nversion = \"1\"\n[upstream.main]\ntargets = [\"http://$upstream\"]\n";
    let gateway = Gateway::folder()
        .upstream(&upstream)
        .file("components/little.wasm", growing(900))
        .file("components/much.wasm", growing(1100))
        .gateway_toml(&(declared("little") + &declared("much")))
        .api("api", &format!("{api}{}{}", route("little"), route("much")))
        .start();
    for _ in 0..3 {
        gateway.get("/little").assert_status(200);
        let broken = gateway.get("/much");
        broken.assert_problem(503);
        assert_eq!(gateway.access_log_of("id", &broken.json()["request_id"])["class"], "plugin_memory");
    }
}
