//! How much memory this process may use: the limit of its control group, as containers and service managers set it. Without
//! one, or where the system has no such groups, there is none.

use std::{fs, path::Path};

use crate::config::Config;

/// A limit of version 1 from here on, in bytes, means that there is none.
const UNLIMITED_BYTES: u64 = 1 << 60;

/// The limit of this process, in bytes.
fn limit_bytes() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    limit_in(&groups, Path::new("/sys/fs/cgroup"))
}

/// The lowest limit of the groups that a process is in, and of those around them. `groups` is its `/proc/self/cgroup`.
fn limit_in(groups: &str, root: &Path) -> Option<u64> {
    let of_line = |line: &str| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, group) = (fields.next()?, fields.next()?.trim_start_matches('/'));
        if controllers.is_empty() {
            lowest(root, group, "memory.max")
        } else if controllers.split(',').any(|controller| controller == "memory") {
            lowest(&root.join("memory"), group, "memory.limit_in_bytes")
        } else {
            None
        }
    };
    groups.lines().filter_map(of_line).min()
}

/// The lowest number in the files of this name, from a group up to the root. A container may not see its own group's folder,
/// but has its limits at the root.
fn lowest(root: &Path, group: &str, file: &str) -> Option<u64> {
    let folder = root.join(group);
    let folders = folder.ancestors().take_while(|folder| folder.starts_with(root));
    let read = |folder: &Path| fs::read_to_string(folder.join(file)).ok()?.trim().parse().ok();
    folders.filter_map(read).filter(|limit| *limit < UNLIMITED_BYTES).min()
}

/// Keeps the buffers within the memory that the process may use: it answers 503 before the kernel ends it.
pub fn fit_memory(config: &mut Config) {
    let Some(bytes) = limit_bytes() else { return };
    let before = config.limits.clone();
    config.limits.fit_memory(bytes, config.workers.get());
    if config.limits != before {
        let (small, large) = (config.limits.small_buffers_max, config.limits.large_buffers_max);
        tracing::info!(
            bytes,
            small,
            large,
            "this process may use little memory, so each worker lends fewer buffers"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, file: &str, text: &str) {
        let file = root.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    #[test]
    fn version_2_has_the_lowest_limit_up_to_the_root() {
        let root = tempfile::tempdir().unwrap();
        let limit = || limit_in("0::/system/router\n", root.path());
        assert_eq!(limit(), None);
        put(root.path(), "system/router/memory.max", "max\n");
        assert_eq!(limit(), None);
        put(root.path(), "system/memory.max", "67108864\n");
        assert_eq!(limit(), Some(64 << 20));
        put(root.path(), "system/router/memory.max", "1000\n");
        assert_eq!(limit(), Some(1_000));
        put(root.path(), "memory.max", "999");
        assert_eq!(limit(), Some(999), "what a container sees of its own group");
    }

    #[test]
    fn version_1_says_a_large_number_where_there_is_no_limit() {
        let root = tempfile::tempdir().unwrap();
        let groups = "12:pids:/docker/x\n5:cpu,memory:/docker/x\n1:name=systemd:/docker/x\n0::/\n";
        put(root.path(), "memory/docker/x/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(limit_in(groups, root.path()), None);
        put(root.path(), "memory/memory.limit_in_bytes", "134217728\n");
        assert_eq!(limit_in(groups, root.path()), Some(128 << 20));
    }
}
