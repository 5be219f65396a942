//! The process as the kernel counts it, under the names that Prometheus's own libraries give these figures.

use std::fs;

use rustix::{
    param::{clock_ticks_per_second, page_size},
    process::{Resource, getrlimit},
};

use super::page::Page;
use crate::control::shared::core::Core;

/// What `/proc/self/stat` says (proc_pid_stat(5)).
#[derive(Debug, PartialEq, Eq)]
struct ProcessStat {
    /// In user and in system mode, in clock ticks.
    cpu_ticks: u64,
    threads: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

/// Everything about the process. What cannot be read has no series.
pub fn write(page: &mut Page, core: &Core) {
    let uptime = core.clock.monotonic().saturating_sub(core.lifecycle.started).as_secs_f64();
    #[allow(clippy::cast_precision_loss, reason = "milliseconds of centuries are below 2^52")]
    let now = core.clock.wall_ms() as f64 / 1_000.0;
    page.gauge("process_start_time_seconds", "When the process started, in Unix seconds.");
    page.sample("process_start_time_seconds", "", now - uptime);
    if let Some(stat) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(parse) {
        let ticks_per_second = clock_ticks_per_second().max(1);
        #[allow(clippy::cast_precision_loss, reason = "ticks of centuries are below 2^52")]
        let cpu = stat.cpu_ticks as f64 / ticks_per_second as f64;
        page.counter("process_cpu_seconds_total", "Time of processors, of the program and of the kernel.");
        page.sample("process_cpu_seconds_total", "", cpu);
        page.gauge("process_threads", "Threads.");
        page.sample("process_threads", "", stat.threads);
        page.gauge("process_virtual_memory_bytes", "Memory that is addressed.");
        page.sample("process_virtual_memory_bytes", "", stat.virtual_bytes);
        page.gauge("process_resident_memory_bytes", "Memory that is there.");
        page.sample("process_resident_memory_bytes", "", stat.resident_pages * page_size() as u64);
    }
    if let Some(open) = open_descriptors() {
        page.gauge("process_open_fds", "Descriptors that are open.");
        page.sample("process_open_fds", "", open);
    }
    let descriptors_max = getrlimit(Resource::Nofile).current;
    page.gauge("process_max_fds", "Descriptors that may be open.");
    page.sample("process_max_fds", "", descriptors_max.map_or("+Inf".to_owned(), |max| max.to_string()));
}

/// The fields are counted from behind the program's name, which may hold anything.
fn parse(stat: &str) -> Option<ProcessStat> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(ProcessStat {
        cpu_ticks: number(14)? + number(15)?,
        threads: number(20)?,
        virtual_bytes: number(23)?,
        resident_pages: number(24)?,
    })
}

/// The kernel gives their number as the size of the folder since version 6.2. Before that they are counted.
fn open_descriptors() -> Option<u64> {
    let folder = "/proc/self/fd";
    let size = fs::metadata(folder).ok()?.len();
    if size > 0 { Some(size) } else { fs::read_dir(folder).ok().map(|entries| entries.count() as u64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_any_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 250 30 0 0 20 0 9 0 555 123456 77 18446744073709551615";
        let wanted = ProcessStat { cpu_ticks: 280, threads: 9, virtual_bytes: 123_456, resident_pages: 77 };
        assert_eq!(parse(stat), Some(wanted));
        assert_eq!(parse("7 (cut) S 1 7"), None);
    }
}
