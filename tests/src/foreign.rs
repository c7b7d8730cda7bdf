//! Clients and servers that others wrote: programs of `tests/foreign` in Python and JavaScript with their libraries, and tools of the system.

use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::Lines;
use crate::guests::{target, workspace};

/// A server, stopped when dropped.
pub struct ForeignServer {
    child: Child,
    lines: Lines,
    /// Lines that were taken for answers.
    heard: usize,
    address: SocketAddr,
}

impl ForeignServer {
    /// Start `tests/foreign/SCRIPT.py`, which says where it listens.
    pub fn start(script: &str, arguments: &[&Path]) -> Self {
        let mut command = python_command(script);
        command.args(arguments);
        Self::begin(command)
    }

    /// Start `tests/foreign/FOLDER/SCRIPT.js`, which says where it listens, with what `package.json` there names.
    pub fn node(folder: &str, script: &str) -> Self {
        let mut command = Command::new("node");
        command.arg(packages(folder).join(format!("{script}.js")));
        Self::begin(command)
    }

    fn begin(mut command: Command) -> Self {
        without_proxies(&mut command);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = Lines::follow(child.stdout.take().unwrap());
        let listening = |line: &str| line.strip_prefix("listening on ")?.parse().ok();
        let (heard, address) = lines.wait(0, "the server's address", listening);
        Self { child, lines, heard, address }
    }

    /// Tell it something in a line, and hear the line it answers.
    #[track_caller]
    pub fn tell(&mut self, line: &str) -> String {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
        let (heard, answer) = self.lines.wait(self.heard, line, |line| Some(line.to_owned()));
        self.heard = heard;
        answer
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it accepts connections and answers nothing.
    pub fn fall_silent(&self) {
        self.signal(Signal::STOP);
    }

    pub fn wake(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Wait until it has said this.
    #[track_caller]
    pub fn wait_for(&self, said: &str) {
        self.lines.wait(0, said, |line| (line == said).then_some(()));
    }
}

impl Drop for ForeignServer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Let the client `tests/foreign/SCRIPT.py` play a scene. An error is what it complains of.
pub fn play(script: &str, scene: &str, address: SocketAddr, authority: Option<&Path>) -> Result<(), String> {
    let output = python_command(script).arg(scene).arg(address.to_string()).args(authority).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}

/// What `tests/foreign/SCRIPT.py` prints.
#[track_caller]
pub fn python(script: &str) -> String {
    said(python_command(script))
}

/// What `tests/foreign/FOLDER/SCRIPT.js` prints, with what `package.json` there names.
#[track_caller]
pub fn node(folder: &str, script: &str) -> String {
    let mut command = Command::new("node");
    command.arg(packages(folder).join(format!("{script}.js")));
    said(command)
}

#[track_caller]
fn said(mut command: Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Run a tool of the system, which must succeed, and return what it writes.
#[track_caller]
pub fn tool(name: &str, arguments: &[&str]) -> String {
    let output = Command::new(name).args(arguments).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{name} cannot be run: {error}; tests/run installs it"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {arguments:?}: {}\n{said}", output.status);
    said
}

fn python_command(script: &str) -> Command {
    let mut command = Command::new(environment().join("bin/python"));
    without_proxies(&mut command);
    command.arg(workspace().join(format!("tests/foreign/{script}.py")));
    command
}

/// What is on the way to 127.0.0.1 is the business of the test.
fn without_proxies(command: &mut Command) {
    for proxy in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(proxy);
    }
}

/// Where `tests/foreign/FOLDER` lies with its packages. Whoever comes first fetches them, the others wait.
fn packages(folder: &str) -> PathBuf {
    let (source, made) = (workspace().join("tests/foreign").join(folder), target().join("foreign").join(folder));
    fs::create_dir_all(&made).unwrap();
    let lock = File::create(made.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let (wanted, done) = (fs::read(source.join("package-lock.json")).unwrap(), made.join("done"));
    for file in fs::read_dir(&source).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), made.join(file.file_name())).unwrap();
    }
    if fs::read(&done).is_ok_and(|done| done == wanted) {
        return made;
    }
    tool("npm", &["ci", "--silent", "--no-audit", "--no-fund", "--prefix", made.to_str().unwrap()]);
    fs::write(done, wanted).unwrap();
    made
}

/// The Python environment with what `requirements.txt` names. Whoever comes first makes it, the others wait.
pub fn environment() -> PathBuf {
    let folder = target().join("foreign");
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let wanted = workspace().join("tests/foreign/requirements.txt");
    let (environment, made) = (folder.join("python"), folder.join("requirements.txt"));
    let text = fs::read(&wanted).unwrap();
    if fs::read(&made).is_ok_and(|made| made == text) {
        return environment;
    }
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    tool("python3", &["-m", "venv", "--clear", &path(&environment)]);
    let pip = path(&environment.join("bin/pip"));
    tool(&pip, &["install", "--quiet", "--disable-pip-version-check", "--requirement", &path(&wanted)]);
    fs::write(made, text).unwrap();
    environment
}
