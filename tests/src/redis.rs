//! A real Redis, of the distribution's package, that can be told to fall silent, to end, and to begin anew.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{Authority, Lines};

/// A server at a socket of its own, and inside TLS on a port the system chose where that is wanted; killed when dropped.
pub struct Redis {
    child: Child,
    arguments: Vec<String>,
    port: u16,
    folder: TempDir,
}

impl Redis {
    /// Without a password, for whoever may open its socket.
    pub fn start() -> Self {
        Self::within(tempfile::tempdir().unwrap(), &[], 0)
    }

    /// For whoever knows the password, inside TLS.
    pub fn inside_tls(authority: &Authority, password: &str) -> Self {
        // Somebody else may take it before the server does, and would be noticed then.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let certificate = authority.issue(&["localhost"]);
        let folder = tempfile::tempdir().unwrap();
        let [cert, key] =
            [("cert.pem", &certificate.certificate), ("key.pem", &certificate.key)].map(|(name, text)| {
                let path = folder.path().join(name);
                fs::write(&path, text).unwrap();
                path.display().to_string()
            });
        let number = port.to_string();
        Self::within(
            folder,
            &[
                "--tls-port",
                &number,
                "--tls-cert-file",
                &cert,
                "--tls-key-file",
                &key,
                "--tls-auth-clients",
                "no",
                "--requirepass",
                password,
            ],
            port,
        )
    }

    fn within(folder: TempDir, arguments: &[&str], port: u16) -> Self {
        let mut all = vec!["--port".to_owned(), "0".to_owned(), "--save".to_owned(), String::new()];
        all.extend(["--unixsocket".to_owned(), folder.path().join("socket").display().to_string()]);
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        Self { child: begin(&all), arguments: all, port, folder }
    }

    /// As `[limiter.NAME] redis` has it.
    pub fn socket(&self) -> String {
        format!("unix:{}", self.path().display())
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on it accepts connections and answers nothing.
    pub fn fall_silent(&self) {
        self.signal(Signal::STOP);
    }

    pub fn wake(&self) {
        self.signal(Signal::CONT);
    }

    /// It is gone, with all it knew.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// One that was killed begins anew, at the same place.
    pub fn start_again(&mut self) {
        self.child = begin(&self.arguments);
    }

    /// The names of all it holds.
    pub fn keys(&self) -> Vec<String> {
        // Where there is none it prints an empty line.
        self.ask(&["keys", "*"]).into_iter().filter(|line| !line.is_empty()).collect()
    }

    /// How many others are connected.
    pub fn clients(&self) -> usize {
        let clients = self.ask(&["client", "list"]);
        clients.iter().filter(|line| !line.is_empty() && !line.contains("cmd=client")).count()
    }

    /// From now on it refuses to write, as one that has lost its place to another.
    pub fn is_replaced(&self) {
        assert_eq!(self.ask(&["replicaof", "127.0.0.1", "1"]), ["OK"]);
    }

    /// It writes again.
    pub fn is_back(&self) {
        assert_eq!(self.ask(&["replicaof", "no", "one"]), ["OK"]);
    }

    fn ask(&self, words: &[&str]) -> Vec<String> {
        let output = Command::new("redis-cli").arg("-s").arg(self.path()).arg("--raw").args(words).output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

fn begin(arguments: &[String]) -> Child {
    let mut child = Command::new("redis-server")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("redis-server cannot be run; tests/run installs it, as does `apt-get install redis-server`");
    let log = Lines::follow(child.stdout.take().unwrap());
    log.wait(0, "Redis to be ready", |line| line.contains("eady to accept connections").then_some(()));
    child
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
