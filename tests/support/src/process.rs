//! What the kernel says about a running process: its memory, its descriptors, its processor time.

use std::fs;
use std::process::Command;
use std::time::Duration;

/// A process by its id.
#[derive(Clone, Copy, Debug)]
pub struct Process(pub u32);

impl Process {
    /// Sends it a signal by name, without `SIG`.
    pub fn signal(self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.0.to_string()]).status();
        assert!(sent.expect("kill can be run").success());
    }

    /// Memory that is its own and in use, in bytes. Pages of its binary do not count: which of them are resident says
    /// which code ran lately, and nothing about what a client costs. Read from `smaps_rollup`, since the figures of
    /// `statm` lag by up to 256 KiB per thread.
    pub fn memory_bytes(self) -> usize {
        let rollup = self.read("smaps_rollup");
        let line = rollup.lines().find(|line| line.starts_with("Anonymous:")).expect("the kernel counts it");
        let kibibytes = line.split_whitespace().nth(1).and_then(|number| number.parse::<usize>().ok());
        kibibytes.expect("a number of KiB") * 1024
    }

    /// Open descriptors.
    pub fn descriptors(self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.0)).expect("the process runs").count()
    }

    /// Threads.
    pub fn threads(self) -> usize {
        fs::read_dir(format!("/proc/{}/task", self.0)).expect("the process runs").count()
    }

    /// The number that the next descriptor will have.
    pub fn lowest_free_descriptor(self) -> usize {
        let open = fs::read_dir(format!("/proc/{}/fd", self.0)).expect("the process runs").flatten();
        let open: Vec<usize> = open.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        (0..).find(|number| !open.contains(number)).expect("numbers do not end")
    }

    /// Processor time of all its threads.
    pub fn processor_time(self) -> Duration {
        let threads = fs::read_dir(format!("/proc/{}/task", self.0)).expect("the process runs");
        let nanoseconds: u64 = threads
            .flatten()
            .filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok())
            .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
            .sum();
        Duration::from_nanos(nanoseconds)
    }

    /// How many descriptors it may have.
    pub fn descriptors_max(self) -> usize {
        let limits = self.read("limits");
        let line =
            limits.lines().find(|line| line.starts_with("Max open files")).expect("the kernel lists it");
        line.split_whitespace().nth(3).and_then(|number| number.parse().ok()).unwrap_or(usize::MAX)
    }

    /// Its TCP connections and listeners over IPv4, one line each, as the kernel writes them: for whoever has to find out
    /// why one is left.
    pub fn connections(self) -> Vec<String> {
        let open = fs::read_dir(format!("/proc/{}/fd", self.0)).expect("the process runs").flatten();
        let links = open.filter_map(|entry| fs::read_link(entry.path()).ok());
        let inodes: Vec<String> = links
            .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
            .collect();
        let table = self.read("net/tcp");
        let own = |line: &&str| {
            line.split_whitespace().nth(9).is_some_and(|inode| inodes.iter().any(|open| open == inode))
        };
        table.lines().filter(own).map(str::to_owned).collect()
    }

    fn read(self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.0)).expect("the process runs")
    }
}

/// This process.
pub fn own() -> Process {
    Process(std::process::id())
}
