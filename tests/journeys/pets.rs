//! The API that journeys about accounts of requests ask: one route that is answered, one whose upstream is not there, and a policy that says who asks.

use lockgate_tests::{Folder, Gateway, Request, Upstream};

const API: &str = r#"
name = "pets"
version = "1"
chain = ["who"]
[upstream.main]
targets = ["http://$upstream"]
[upstream.gone]
targets = ["http://127.0.0.1:1"]
[[route]]
name = "getPet"
match = { path = "/pets/{id}" }
upstream = "main"
[[route]]
name = "gone"
match = { path = "/gone" }
upstream = "gone"
"#;

const WHO: &str = r#"
[policy.who]
source = "file:components/who.wasm"
grant = ["read:x-test-*", "attribute-write:auth.*"]
"#;

/// Where account is kept of it.
pub(crate) fn folder(upstream: &Upstream) -> Folder {
    folder_with(upstream, "[analytics]\n")
}

/// With this in gateway.toml besides.
pub(crate) fn folder_with(upstream: &Upstream, gateway: &str) -> Folder {
    let folder = Gateway::folder().upstream(upstream).guest("who");
    folder.gateway_toml(&format!("{WHO}{gateway}")).api("pets", API)
}

/// Ask again and again over one connection.
pub(crate) fn ask(gateway: &Gateway, times: usize, target: &str, consumer: &str) {
    let mut client = gateway.connect();
    for _ in 0..times {
        client.send(&Request::get(target).field("x-test-consumer", consumer));
    }
}
