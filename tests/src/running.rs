//! A verb of the gateway that goes on until it is told to end.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::{Lines, PATIENCE, PAUSE};

/// A process of its own, killed when dropped.
pub struct Running {
    child: Child,
    pub stdout: Lines,
    pub stderr: Lines,
}

impl Running {
    pub(crate) fn begin(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the gateway cannot be run");
        let stdout = Lines::follow(child.stdout.take().unwrap());
        let stderr = Lines::follow(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    /// What Ctrl-C does; waits until the process has ended.
    #[track_caller]
    pub fn interrupt(self) -> ExitStatus {
        let id = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), Signal::INT).unwrap();
        self.wait_for_end()
    }

    /// Wait until the process has ended by itself.
    #[track_caller]
    pub fn wait_for_end(mut self) -> ExitStatus {
        self.stdout.whole();
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("it wrote:\n{}\n{}", self.stdout.text(), self.stderr.text());
        }
    }
}
