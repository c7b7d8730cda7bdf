//! The gateway, and what happens to it and to its upstreams meanwhile.

use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lockgate_tests::{Authority, Gateway, Upstream};

use crate::clients::{HOST, Stage};
use crate::upstream;

/// From one trouble to the next.
const PAUSE: Duration = Duration::from_millis(150);
/// No source of connections to 127.0.0.1 can have taken the port when the upstream comes back.
const HOME: [u8; 4] = [127, 0, 0, 9];

const GATEWAY: &str = r#"
[secret.site]
file = "site.key"
[listen.secure]
address = "127.0.0.1:0"
tls = [{ certificate = "site.pem", key = "secret:site" }]
[policy.headers]
source = "builtin:headers"
grant = ["write:x-test-*"]
"#;

const API: &str = r#"
name = "api"
version = "1"
[[route]]
name = "hole"
match = { path = "/hole" }
upstream = "hole"
[[route]]
name = "all"
match = { path = "/{*rest}" }
chain = [{ policy = "headers", config = { response = { set = { x-test-round = "$round" } } } }]
upstream = "main"
[upstream.main]
targets = ["http://$steady", "http://$mortal"]
eject = { failures = 3, first = "200ms" }
health = { path = "/healthz", interval = "100ms", healthy = 1, unhealthy = 1 }
[upstream.hole]
targets = ["http://$silent"]
eject = { failures = 0 }
limits = { max_requests = 1 }
timeouts = { first_byte = "500ms" }
"#;

/// What happens, one after the other.
pub(crate) struct Trouble {
    /// None while it is away.
    mortal: Option<Upstream>,
    home: SocketAddr,
    reloads: usize,
    certificates: usize,
    deaths: usize,
}

pub(crate) fn set() -> (Stage, Trouble) {
    let steady = upstream::start(SocketAddr::from((HOME, 0)));
    let mortal = upstream::start(SocketAddr::from((HOME, 0)));
    let (home, authority) = (mortal.address(), Authority::new());
    let site = authority.issue(&[HOST]);
    let folder = Gateway::folder()
        .word("steady", steady.address())
        .word("mortal", home)
        .word("silent", Upstream::silent().address())
        .gateway_toml(GATEWAY)
        .api("api", &API.replace("$round", "0"));
    fs::write(folder.root().join("site.key"), &site.key).unwrap();
    folder.write("site.pem", &site.certificate);
    let stage = Stage::new(folder.start(), authority);
    (stage, Trouble { mortal: Some(mortal), home, reloads: 0, certificates: 0, deaths: 0 })
}

impl Trouble {
    /// Make trouble for so long.
    pub(crate) fn make(&mut self, stage: &Arc<Stage>, time: Duration) {
        let end = Instant::now() + time;
        for turn in 0.. {
            match turn % 4 {
                0 => self.reload(stage),
                1 => self.exchange_certificate(stage),
                _ => self.kill_or_restart(),
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(PAUSE.min(left));
        }
    }

    fn reload(&mut self, stage: &Stage) {
        self.reloads += 1;
        stage.gateway.write("api/api.toml", &API.replace("$round", &self.reloads.to_string()));
    }

    fn exchange_certificate(&mut self, stage: &Stage) {
        self.certificates += 1;
        let site = stage.authority.issue(&[HOST]);
        fs::write(stage.gateway.root().join("site.key"), &site.key).unwrap();
        stage.gateway.write("site.pem", &site.certificate);
    }

    fn kill_or_restart(&mut self) {
        match self.mortal.take() {
            Some(upstream) => {
                self.deaths += 1;
                upstream.kill();
            }
            None => self.mortal = Some(upstream::start(self.home)),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reloads, certificates, deaths, .. } = self;
        write!(f, "{reloads} new configurations, {certificates} new certificates, {deaths} deaths of an upstream")
    }
}
