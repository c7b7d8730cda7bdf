//! A policies folder of the test's own, and the gateway's verbs run on it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::{Gateway, Running, Upstream, guests};

/// What stands at the end of every `gateway.toml`: ports of the system's choice.
const PORTS: &str = "\n[listen.public]\naddress = \"127.0.0.1:0\"\n$listen\n[admin]\naddress = \"127.0.0.1:0\"\n";

/// A temporary folder: `policies/` and `state/`, which is also the working directory of the gateway.
pub struct Folder {
    root: TempDir,
    /// What `$name` in a file stands for.
    words: Vec<(String, String)>,
    variables: Vec<(String, String)>,
    /// A command that runs the gateway, in place of the gateway.
    within: Vec<String>,
    pub(crate) log_is_read: bool,
}

/// A verb that came to its end.
#[derive(Debug)]
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("policies")).unwrap();
        let folder = Self { root, words: Vec::new(), variables: Vec::new(), within: Vec::new(), log_is_read: true };
        folder.gateway_toml("")
    }

    /// Let `$word` in the files given from now on stand for `text`.
    pub fn word(mut self, word: &str, text: impl ToString) -> Self {
        self.words.push((format!("${word}"), text.to_string()));
        self
    }

    /// Let `$upstream` stand for the address of an upstream.
    pub fn upstream(self, upstream: &Upstream) -> Self {
        self.word("upstream", upstream.address())
    }

    /// Settings of the one listener, which is called `public`; to be given before the rest.
    pub fn listener(self, settings: &str) -> Self {
        let folder = self.word("listen", settings);
        folder.gateway_toml("")
    }

    /// `gateway.toml`, to which a listener `public` and an admin listener on free ports are added.
    pub fn gateway_toml(self, text: &str) -> Self {
        self.write("gateway.toml", &format!("{text}{PORTS}"));
        self
    }

    /// `<name>/api.toml`.
    pub fn api(self, name: &str, text: &str) -> Self {
        self.write(&format!("{name}/api.toml"), text);
        self
    }

    /// An API of one route, which sends everything to the upstream.
    pub fn proxy(self, upstream: &Upstream) -> Self {
        self.proxy_to(upstream.address())
    }

    /// The same, to an address.
    pub fn proxy_to(self, upstream: SocketAddr) -> Self {
        self.word("upstream", upstream).api(
            "proxy",
            r#"
            name = "proxy"
            version = "1"
            [upstream.main]
            targets = ["http://$upstream"]
            [[route]]
            name = "all"
            match = { path = "/{*rest}" }
            upstream = "main"
            "#,
        )
    }

    /// Any file, byte by byte.
    pub fn file(self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.replace(path, bytes.as_ref());
        self
    }

    /// A hostile or otherwise telling component, as `components/NAME.wasm`.
    pub fn guest(self, name: &str) -> Self {
        self.replace(&format!("components/{name}.wasm"), &guests::component(name));
        self
    }

    /// An environment variable of the gateway.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Run the gateway by a command that takes its binary and arguments as its last words, in one process below its
    /// own.
    pub fn within(mut self, command: Vec<String>) -> Self {
        self.within = command;
        self
    }

    pub(crate) fn is_within(&self) -> bool {
        !self.within.is_empty()
    }

    /// A folder of the repository, copied whole; `from` and `to` as in `str::replace`, for all its text files.
    pub fn copy(self, source: &Path, replace: &[(&str, &str)]) -> Self {
        let mut open = vec![source.to_owned()];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(&directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                    continue;
                }
                let name = path.strip_prefix(source).unwrap().to_str().unwrap();
                let bytes = fs::read(&path).unwrap();
                match String::from_utf8(bytes) {
                    Ok(text) => {
                        let change = |text: String, (from, to): &(&str, &str)| {
                            assert!(!name.ends_with("gateway.toml") || text.contains(from));
                            text.replace(from, to)
                        };
                        self.replace(name, replace.iter().fold(text, change).as_bytes());
                    }
                    Err(bytes) => self.replace(name, bytes.as_bytes()),
                }
            }
        }
        self
    }

    /// Start a gateway whose log goes into a pipe that nobody empties.
    pub fn start_with_a_stuck_log(mut self) -> Gateway {
        self.log_is_read = false;
        Gateway::start(self)
    }

    /// Start a gateway, which must succeed.
    pub fn start(self) -> Gateway {
        Gateway::start(self)
    }

    /// Run a verb to its end.
    pub fn run(&self, arguments: &[&str]) -> Finished {
        let output = self.command(arguments).stdin(Stdio::null()).output().unwrap();
        Finished {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Run a verb that goes on until it is told to end.
    pub fn begin(&self, arguments: &[&str]) -> Running {
        Running::begin(self.command(arguments))
    }

    /// The gateway's binary with these arguments, in this folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut words = self.within.iter().map(PathBuf::from).chain([binary()]);
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .args(arguments)
            .current_dir(self.root.path())
            .env_remove("LOCKGATE_LOG")
            .env("STATE_DIRECTORY", self.root.path().join("state"))
            .envs(self.variables.iter().cloned());
        command
    }

    /// Put text into the policies folder, as an editor does: whole or not at all.
    pub fn write(&self, path: &str, text: &str) {
        self.replace(path, self.filled(text).as_bytes());
    }

    /// A copy of the policies folder beside it.
    pub fn copied(&self) -> PathBuf {
        let next = self.root.path().join("next");
        let copied = Command::new("cp").arg("-a").arg(self.policies()).arg(&next).status().unwrap();
        assert!(copied.success());
        next
    }

    /// Text for the policies folder, its words replaced by what they mean.
    pub fn filled(&self, text: &str) -> String {
        let filled = self.words.iter().fold(text.to_owned(), |text, (word, meaning)| text.replace(word, meaning));
        filled.replace("$listen", "")
    }

    /// Put bytes into the policies folder by renaming a finished file over what is there.
    pub fn replace(&self, path: &str, bytes: &[u8]) {
        let path = self.policies().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let partial = tempfile::NamedTempFile::new_in(self.root.path()).unwrap();
        fs::write(partial.path(), bytes).unwrap();
        partial.persist(path).unwrap();
    }

    /// Remove a file or a folder.
    pub fn remove(&self, path: &str) {
        let path = self.policies().join(path);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }

    pub fn policies(&self) -> PathBuf {
        self.root.path().join("policies")
    }

    /// A file of the state directory.
    pub fn state(&self, name: &str) -> PathBuf {
        self.root.path().join("state").join(name)
    }

    /// The secrets that `gateway.toml` declares, as far as they are there: from the variables of the gateway, and from
    /// files.
    pub(crate) fn secrets(&self) -> Vec<(String, String)> {
        let text = fs::read_to_string(self.policies().join("gateway.toml")).unwrap_or_default();
        let declared: toml::Table = text.parse().unwrap_or_default();
        let declared = declared.get("secret").and_then(toml::Value::as_table).cloned().unwrap_or_default();
        let value = |secret: &toml::Value| {
            let named = |key: &str| secret.get(key).and_then(toml::Value::as_str);
            let variable = |name: &str| self.variables.iter().find(|(known, _)| known == name).map(|it| it.1.clone());
            let file = |path: &str| fs::read_to_string(self.root().join(path)).ok();
            named("env").and_then(variable).or_else(|| named("file").and_then(file))
        };
        declared.iter().filter_map(|(name, secret)| Some((name.clone(), value(secret)?))).collect()
    }

    /// Where the gateway runs, and where files named in `[secret.NAME]` are looked for.
    pub fn root(&self) -> &Path {
        self.root.path()
    }
}

impl Finished {
    /// Check the exit status and that each of these is somewhere in the output for people.
    #[track_caller]
    pub fn assert(&self, code: i32, said: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for text in said {
            let found = self.stdout.contains(text) || self.stderr.contains(text);
            assert!(found, "{text:?} is nowhere in\n{}\n{}", self.stdout, self.stderr);
        }
    }
}

/// Where an address stands in text.
pub(crate) fn address(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"))?.parse().ok()
}

/// The gateway under test.
pub fn binary() -> PathBuf {
    let named = std::env::var_os("LOCKGATE_BIN").map(PathBuf::from);
    let binary = named.unwrap_or_else(|| guests::target().join("release/lockgate"));
    assert!(binary.is_file(), "{} is missing; run tests/run, or `cargo quick` first", binary.display());
    binary
}
