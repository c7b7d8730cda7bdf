//! What the kernel says about the process of a gateway.

use std::fs;

use crate::Gateway;

impl Gateway {
    /// Resident memory in bytes, now and at most so far.
    pub fn memory(&self) -> (u64, u64) {
        (self.size_of("VmRSS:"), self.size_of("VmHWM:"))
    }

    /// Of its resident memory, pages of files in bytes: the program, and compiled code.
    pub fn mapped(&self) -> u64 {
        self.size_of("RssFile:")
    }

    fn size_of(&self, name: &str) -> u64 {
        let status = self.process_status();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap() * 1024
    }

    /// What the kernel says about the process.
    pub fn process_status(&self) -> String {
        fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap()
    }

    /// By which policy of the kernel the thread of this name runs.
    #[track_caller]
    pub fn scheduling_policy(&self, thread: &str) -> u32 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.id())).unwrap();
        let stats = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("stat")).unwrap());
        let named = stats.filter_map(|stat| {
            let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
            // Field 41 of proc_pid_stat(5); the name is the second.
            (name == thread).then(|| rest.split_whitespace().nth(38)?.parse().ok()).flatten()
        });
        named.last().expect("no such thread")
    }

    /// How many files it has open, sockets included.
    pub fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.id())).unwrap().count()
    }

    /// The names of its threads.
    pub fn threads(&self) -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.id())).unwrap();
        let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
        names.map(|name| name.trim().to_owned()).collect()
    }
}
