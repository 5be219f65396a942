//! What the proxy under test has used so far, read from `/proc`: CPU time to the nanosecond, memory, context switches.
//!
//! `schedstat` is used because the tick counters of `stat` are too coarse for windows below a second; they only split
//! the time into user and system.

use std::fs::{read_dir, read_to_string};

/// Counters of all threads of the proxy, and of the machine, at one moment.
#[derive(Clone, Copy, Default)]
pub struct Reading {
    /// CPU time, ns.
    pub cpu_ns: u64,
    /// User time, ticks.
    pub user_ticks: u64,
    /// System time, ticks.
    pub system_ticks: u64,
    /// Voluntary context switches.
    pub switches: u64,
    /// Ticks that the host gave to somebody else.
    pub stolen_ticks: u64,
}

/// Reads all counters for these processes.
pub fn read(pids: &[u32]) -> Reading {
    let mut reading = Reading { stolen_ticks: stolen_ticks(), ..Reading::default() };
    for pid in pids {
        for task in read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let text = |name| read_to_string(task.path().join(name)).unwrap_or_default();
            reading.cpu_ns += number(text("schedstat").split(' ').next());
            reading.switches += labelled(&text("status"), "voluntary_ctxt_switches:");
        }
        let stat = read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        reading.user_ticks += number(fields.get(11).copied());
        reading.system_ticks += number(fields.get(12).copied());
    }
    reading
}

/// Resident memory of these processes, kB.
pub fn resident_kb(pids: &[u32]) -> u64 {
    let rollup = |pid| read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    pids.iter().map(|pid| labelled(&rollup(pid), "Rss:")).sum()
}

fn stolen_ticks() -> u64 {
    let stat = read_to_string("/proc/stat").unwrap_or_default();
    number(stat.lines().next().and_then(|line| line.split_whitespace().nth(8)))
}

fn number(text: Option<&str>) -> u64 {
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

fn labelled(text: &str, label: &str) -> u64 {
    let line = text.lines().find(|line| line.starts_with(label));
    number(line.and_then(|line| line.split_whitespace().nth(1)))
}
