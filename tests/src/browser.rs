//! A page as a browser shows it: Chromium without a window.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// What came of a page once it was shown.
pub struct Shown {
    /// The document as the browser understood it.
    pub document: String,
    /// What the page made the browser complain of.
    pub complaints: Vec<String>,
}

/// One that remembers its cookies from visit to visit.
pub struct Browser(TempDir);

impl Browser {
    /// One that was nowhere before.
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Go to an address as if it was typed, and to wherever that leads.
    pub fn visit(&self, url: &str) -> Shown {
        let mut command = Command::new("chromium");
        command
            // Tests may run as root, for whom there is no sandbox; the page is the test's own.
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
            .args(["--enable-logging=stderr", "--log-level=0", "--dump-dom", "--virtual-time-budget=10000"])
            .arg("--password-store=basic")
            .arg(format!("--user-data-dir={}", self.0.path().display()))
            .arg(url)
            .stdin(Stdio::null());
        let output = command.output().expect("chromium is missing; run tests/run, or install it");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        Shown {
            document: String::from_utf8(output.stdout).unwrap(),
            complaints: said.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned).collect(),
        }
    }
}

impl Default for Browser {
    fn default() -> Self {
        Self::new()
    }
}

/// Open a file in a browser that keeps nothing and knows nothing but it.
pub fn show(page: &Path) -> Shown {
    visit(&format!("file://{}", page.display()))
}

/// Go to an address with a browser that was nowhere before, and to wherever that leads.
pub fn visit(url: &str) -> Shown {
    Browser::new().visit(url)
}
