//! A running gateway: started in a folder of the test's own, followed by its logs, stopped when dropped.

use std::fs;
use std::net::SocketAddr;
use std::ops::Deref;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Instant;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use serde_json::Value;

use crate::folder::address;
use crate::{Client, Finished, Folder, Lines, PATIENCE, PAUSE, Request, Response, eventually, secrets};

/// The process of a gateway whose place another has taken.
pub struct Predecessor {
    child: Child,
    stderr: Lines,
}

/// A gateway that serves. Its folder is at hand by dereferencing.
pub struct Gateway {
    folder: Folder,
    child: Child,
    public: SocketAddr,
    admin: SocketAddr,
    /// What it wrote to standard output; from line `ready` on that is the access log.
    stdout: Lines,
    ready: usize,
    stderr: Lines,
    refusals_seen: Mutex<f64>,
}

impl Gateway {
    /// A folder to be filled and started.
    pub fn folder() -> Folder {
        Folder::new()
    }

    pub(crate) fn start(folder: Folder) -> Self {
        let (child, stdout, stderr) = spawn(&folder, &["run"]);
        let mut gateway = Self {
            folder,
            child,
            public: SocketAddr::from(([0; 4], 0)),
            admin: SocketAddr::from(([0; 4], 0)),
            stdout,
            ready: 0,
            stderr,
            refusals_seen: Mutex::default(),
        };
        gateway.wait_until_ready();
        gateway
    }

    /// End the process as an operator would, and start another one in the same folder.
    pub fn restart(&mut self) {
        self.terminate();
        self.wait_for_end();
        self.start_again();
    }

    /// Start another process in the folder of one that has ended.
    pub fn start_again(&mut self) {
        (self.child, self.stdout, self.stderr) = spawn(&self.folder, &["run"]);
        *self.refusals_seen.lock().unwrap() = 0.0;
        self.wait_until_ready();
    }

    /// Start another process, which takes the place of this one. The one before may still be ending; this is the way to
    /// it.
    pub fn succeed(&mut self) -> Predecessor {
        let (child, stdout, stderr) = spawn(&self.folder, &["run", "--takeover"]);
        let (child, stderr) = (std::mem::replace(&mut self.child, child), std::mem::replace(&mut self.stderr, stderr));
        self.stdout = stdout;
        *self.refusals_seen.lock().unwrap() = 0.0;
        self.wait_until_ready();
        Predecessor { child, stderr }
    }

    /// Start another process, which must say that it cannot serve, and why, and end.
    #[track_caller]
    pub fn start_in_vain(&mut self, said: &[&str]) {
        (self.child, self.stdout, self.stderr) = spawn(&self.folder, &["run"]);
        let status = self.wait_for_end();
        let log = self.stderr.whole();
        assert_eq!(status.code(), Some(1), "{log}");
        said.iter().for_each(|text| assert!(log.contains(text), "{text:?} is nowhere in\n{log}"));
    }

    fn wait_until_ready(&mut self) {
        let ready = |line: &str| line.starts_with("Ready").then_some(());
        let (at, found) = self.stdout.until(ready);
        assert!(found.is_some(), "the gateway does not start:\n{}", self.stderr.text());
        self.ready = at;
        (self.public, self.admin) = (self.listener("public"), self.listener("admin"));
    }

    /// The address of a listener by its name.
    #[track_caller]
    pub fn listener(&self, name: &str) -> SocketAddr {
        let find = |line: &str| address(line.trim().strip_prefix(name)?);
        self.stdout.wait(0, name, find).1
    }

    pub fn public(&self) -> SocketAddr {
        self.public
    }

    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// A new connection to the public listener.
    pub fn connect(&self) -> Client {
        Client::connect(self.public)
    }

    /// Send one request on a connection of its own.
    #[track_caller]
    pub fn send(&self, request: &Request) -> Response {
        self.connect().send(request)
    }

    #[track_caller]
    pub fn get(&self, target: &str) -> Response {
        self.send(&Request::get(target))
    }

    /// Send one request to the admin listener, as it is.
    #[track_caller]
    pub fn admin(&self, request: &Request) -> Response {
        Client::connect(self.admin).send(request)
    }

    /// GET on the admin listener with the admin token.
    #[track_caller]
    pub fn ask(&self, target: &str) -> Response {
        self.admin(&Request::get(target).bearer(&self.admin_token()))
    }

    pub fn admin_token(&self) -> String {
        let token = fs::read_to_string(self.folder.state("admin-token")).unwrap();
        token.trim().to_owned()
    }

    /// The answer of `/status`.
    pub fn status(&self) -> Value {
        self.ask("/status").json()
    }

    /// Have the folder looked at, and wait until what came of it serves. Returns what the gateway says of it.
    pub fn look(&self) -> Value {
        let look = Request::new("POST", "/reload").bearer(&self.admin_token()).field("content-length", "0");
        self.admin(&look).json()
    }

    /// Run a verb that asks this gateway.
    pub fn verb(&self, words: &[&str]) -> Finished {
        let (admin, state) = (self.admin.to_string(), self.state("").display().to_string());
        self.run(&[words, &["--admin", &admin, "--state", &state]].concat())
    }

    /// The value of one sample of `/metrics`, named with its labels as they are written there.
    pub fn metric(&self, sample: &str) -> Option<f64> {
        let metrics = self.ask("/metrics").text();
        let mut samples = metrics.lines().filter_map(|line| line.rsplit_once(' '));
        samples.find_map(|(name, value)| (name == sample).then(|| value.parse().unwrap()))
    }

    /// Wait until the log says that generation `number`, or a later one, serves. The first is 1.
    pub fn wait_for_generation(&self, number: u64) {
        let what = format!("generation {number}");
        self.stderr.wait(0, &what, |line| {
            let line: Value = serde_json::from_str(line).ok()?;
            let serves = line["message"] == "new generation serves";
            (serves && line["generation"].as_u64()? >= number).then_some(())
        });
    }

    /// Wait until a configuration was refused that was not waited for before. Returns what `/status` says of it.
    pub fn wait_for_refusal(&self) -> Value {
        let seen = *self.refusals_seen.lock().unwrap();
        let refusals = eventually("a refusal", || {
            let refusals = self.metric("lockgate_reloads_total{outcome=\"rejected\"}").unwrap_or_default();
            (refusals > seen).then_some(refusals)
        });
        *self.refusals_seen.lock().unwrap() = refusals;
        self.status()["refused"].take()
    }

    /// Wait for a line of the log on standard error.
    pub fn wait_for_log<T>(&self, what: &str, pick: impl Fn(&Value) -> Option<T>) -> T {
        let parse = |line: &str| pick(&serde_json::from_str(line).ok()?);
        self.stderr.wait(0, what, parse).1
    }

    /// The line of the access log about a path; the first, if there are several.
    pub fn access_log(&self, path: &str) -> Value {
        let pick = |line: &str| {
            let line: Value = serde_json::from_str(line).ok()?;
            (line["path"] == path).then_some(line)
        };
        let what = format!("an access log line about {path}");
        self.stdout.wait(self.ready, &what, pick).1
    }

    /// The line of the access log in which a key has a value; the first, if there are several.
    pub fn access_log_of(&self, key: &str, value: &Value) -> Value {
        let pick = |line: &str| {
            let line: Value = serde_json::from_str(line).ok()?;
            (line[key] == *value).then_some(line)
        };
        let what = format!("an access log line with {key} {value}");
        self.stdout.wait(self.ready, &what, pick).1
    }

    /// All it wrote until now. Its logs come a little later than what they are about.
    pub fn written(&self) -> String {
        format!("{}\n{}", self.stdout.text(), self.stderr.text())
    }

    /// End it, and return all it ever wrote: to search for what must not be there.
    pub fn all_written(&mut self) -> String {
        self.terminate();
        self.wait_for_end();
        self.stdout.whole();
        self.written()
    }

    /// What it said before it was ready.
    pub fn greeting(&self) -> String {
        let text = self.stdout.text();
        text.lines().take(self.ready).map(|line| format!("{line}\n")).collect()
    }

    /// The process of the gateway itself.
    pub(crate) fn id(&self) -> u32 {
        let id = self.child.id();
        if !self.folder.is_within() {
            return id;
        }
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        children.trim().parse().unwrap()
    }

    /// Let it open files below this number only; what it has open stays.
    pub fn limit_files(&self, limit: Option<u64>) {
        let id = Pid::from_raw(i32::try_from(self.id()).unwrap());
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        prlimit(id, Resource::Nofile, Rlimit { current: limit.or(maximum), maximum }).unwrap();
    }

    /// Wait for its building process, and let that have so many seconds of processor time.
    pub fn limit_building(&self, seconds: u64) {
        let building = eventually("a building process", || self.building().into_iter().next());
        let limit = Rlimit { current: Some(seconds), maximum: Some(seconds + 1) };
        prlimit(Pid::from_raw(building), Resource::Cpu, limit).unwrap();
    }

    /// The processes that build components.
    pub fn building(&self) -> Vec<i32> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.id())).unwrap().filter_map(Result::ok);
        let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
        let ids = children.flat_map(|ids| ids.split(' ').map(str::parse).collect::<Vec<_>>()).flatten();
        let is_building = |id: &i32| {
            let command = fs::read_to_string(format!("/proc/{id}/cmdline"));
            command.is_ok_and(|command| command.contains("__build"))
        };
        ids.filter(is_building).collect()
    }

    /// End the process as nobody should, at once.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait_for_end();
    }

    /// Ask the process to end.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Ask the process to end until it has: what comes too soon after the first time is the same wish.
    pub fn insist(&mut self) {
        eventually("the gateway to end", || {
            self.terminate();
            self.child.try_wait().unwrap().map(drop)
        });
    }

    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Wait until the process has ended.
    pub fn wait_for_end(&mut self) -> ExitStatus {
        self.stderr.whole();
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "the gateway does not end");
            std::thread::sleep(PAUSE);
        }
    }
}

impl Predecessor {
    /// Wait until the process has ended by itself.
    pub fn wait_for_end(mut self) -> ExitStatus {
        self.stderr.whole();
        self.child.wait().unwrap()
    }
}

impl Drop for Predecessor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Start the process and follow what it writes.
fn spawn(folder: &Folder, arguments: &[&str]) -> (Child, Lines, Lines) {
    let mut command = folder.command(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the gateway cannot be run");
    let stdout = Lines::follow(child.stdout.take().unwrap());
    let stderr = match folder.log_is_read {
        true => Lines::follow(child.stderr.take().unwrap()),
        false => Lines::follow(std::io::empty()),
    };
    (child, stdout, stderr)
}

impl Deref for Gateway {
    type Target = Folder;

    fn deref(&self) -> &Folder {
        &self.folder
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.stderr.text();
            let tail: Vec<_> = log.lines().rev().take(30).collect();
            eprintln!("the gateway's log ends:");
            tail.iter().rev().for_each(|line| eprintln!("  {line}"));
        } else {
            let leaked = secrets::leaked(&self.folder, &self.written());
            assert!(leaked.is_empty(), "{leaked:?}");
        }
    }
}
