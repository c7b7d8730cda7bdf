//! A real Prometheus, of the distribution's package, that asks a gateway for its numbers.

use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::{Client, Gateway, Lines, Request};

/// A server that knows native histograms, on a port the system chose; stopped when dropped.
pub struct Prometheus {
    child: Child,
    address: SocketAddr,
    log: Lines,
    _folder: TempDir,
}

impl Prometheus {
    /// Follow a gateway, asking it each second.
    pub fn following(gateway: &Gateway) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (config, token) = (folder.path().join("prometheus.yml"), folder.path().join("token"));
        fs::write(&token, gateway.admin_token()).unwrap();
        let text = format!(
            "scrape_configs:\n- job_name: gateway\n  scrape_interval: 1s\n  authorization: {{ credentials_file: '{}' }}\n  \
             static_configs: [{{ targets: ['{}'] }}]\n",
            token.display(),
            gateway.admin_address()
        );
        fs::write(&config, text).unwrap();
        let mut child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .args(["--web.listen-address=127.0.0.1:0", "--enable-feature=native-histograms"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("prometheus cannot be run; tests/run installs it, as does `apt-get install prometheus`");
        let log = Lines::follow(child.stderr.take().unwrap());
        let listens = |line: &str| line.split_once("msg=\"Listening on\" address=")?.1.trim().parse().ok();
        let (_, address) = log.wait(0, "the address of Prometheus", listens);
        log.wait(0, "Prometheus to be ready", |line| line.contains("ready to receive web requests").then_some(()));
        Self { child, address, log, _folder: folder }
    }

    /// The value of a query that has one result; none where it has none.
    #[track_caller]
    pub fn value(&self, query: &str) -> Option<f64> {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = Client::connect(self.address).send(&Request::get(&format!("/api/v1/query?query={encoded}")));
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer["status"], "success", "{query}: {answer}\n{}", self.log.text());
        let results = answer["data"]["result"].as_array().unwrap();
        assert!(results.len() < 2, "{query}: {answer}");
        Some(results.first()?["value"][1].as_str()?.parse().unwrap())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
