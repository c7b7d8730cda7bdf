//! Clients and servers that others wrote, with the gateway between them, in the clear and inside TLS.

mod attacks;
mod authorization;
mod grpc;
mod identity;
mod login;
mod nghttp2;
mod websocket;

use std::fs;
use std::path::{Path, PathBuf};

use lockgate_tests::foreign::{self, ForeignServer};
use lockgate_tests::{Authority, Folder, Gateway};

/// What a route to a server of somebody else looks like; `$protocol` and `$tls` are settings of the upstream.
const API: &str = r#"
    name = "foreign"
    version = "1"
    [upstream.main]
    targets = ["$scheme://$upstream"]
    server_name = "site.example"
    $settings
    timeouts = { idle = "60s" }
    [[route]]
    name = "all"
    match = { path = "/$path{*rest}" }
    upstream = "main"
    upgrades = ["websocket"]
"#;

/// A gateway between a foreign client and a foreign server.
struct Between {
    gateway: Gateway,
    server: ForeignServer,
    /// The certificate clients trust, where they are to come inside TLS.
    authority: Option<PathBuf>,
}

impl Between {
    fn plain(server: &str, path: &str, settings: &str) -> Self {
        let server = ForeignServer::start(server, &[]);
        let folder = Gateway::folder().word("scheme", "http").word("settings", settings).word("path", path);
        let api = API.replace("server_name = \"site.example\"", "");
        let gateway = folder.word("upstream", server.address()).api("foreign", &api).start();
        Self { gateway, server, authority: None }
    }

    /// TLS on both sides of the gateway.
    fn inside_tls(server: &str, path: &str, settings: &str) -> Self {
        let (folder, authority) = site();
        let file = |name: &str| folder.root().join(name);
        let server = ForeignServer::start(server, &[&file("site.key"), &folder.policies().join("site.pem")]);
        let settings = format!("tls = \"ours\"\n{settings}");
        let folder = folder.word("scheme", "https").word("settings", settings).word("path", path);
        let gateway = folder.word("upstream", server.address()).api("foreign", API).start();
        Self { gateway, server, authority: Some(authority) }
    }

    /// Let the client play a scene.
    #[track_caller]
    fn play(&self, client: &str, scene: &str) {
        let played = foreign::play(client, scene, self.gateway.public(), self.authority.as_deref());
        played.unwrap_or_else(|said| panic!("{scene}: {said}\n{}", self.gateway.written()));
    }
}

/// A folder whose listener shows a certificate for `site.example`, and the file of the authority that signed it.
fn site() -> (Folder, PathBuf) {
    let authority = Authority::new();
    let certificate = authority.issue(&["site.example", "localhost"]);
    let folder = Gateway::folder()
        .listener("tls = [{ certificate = 'site.pem', key = 'secret:site' }]")
        .gateway_toml("[secret.site]\nfile = 'site.key'\n[tls.ours]\nca = 'ca.pem'\n")
        .file("site.pem", &certificate.certificate)
        .file("ca.pem", authority.pem());
    fs::write(folder.root().join("site.key"), &certificate.key).unwrap();
    let ca = folder.policies().join("ca.pem");
    (folder, ca)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
