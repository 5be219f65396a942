//! Which fields a compose file may have: those that count, those that change nothing for a router, and those that are refused.

/// Fields of a service that count.
pub const COUNTING: [&str; 5] = ["image", "command", "environment", "ports", "volumes"];

/// Fields of a service that change nothing here: they are about other services, about looks, or the engine's configuration
/// decides them.
const WITHOUT_EFFECT: [&str; 19] = [
    "container_name",
    "depends_on",
    "deploy",
    "expose",
    "external_links",
    "healthcheck",
    "hostname",
    "labels",
    "links",
    "log_driver",
    "log_opt",
    "logging",
    "networks",
    "pull_policy",
    "restart",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "tty",
];

/// Fields of a service that would give a container more of its host than it needs.
const DANGEROUS: [&str; 22] = [
    "cap_add",
    "cap_drop",
    "cgroup",
    "cgroup_parent",
    "device_cgroup_rules",
    "devices",
    "dns",
    "extra_hosts",
    "gpus",
    "group_add",
    "ipc",
    "net",
    "network_mode",
    "oom_kill_disable",
    "pid",
    "privileged",
    "runtime",
    "security_opt",
    "sysctls",
    "userns_mode",
    "uts",
    "volumes_from",
];

/// Fields of a file beside its services.
const OF_A_FILE: [&str; 5] = ["version", "name", "services", "networks", "volumes"];

/// Whether a service may have this field.
///
/// # Errors
/// It may not; the text says why.
pub fn check(name: &str) -> Result<(), String> {
    let shown = name.escape_debug();
    if COUNTING.contains(&name) || WITHOUT_EFFECT.contains(&name) || name.starts_with("x-") {
        return Ok(());
    }
    if DANGEROUS.contains(&name) {
        return Err(format!("`{shown}` is not allowed: no container gets more of its host than it needs"));
    }
    Err(format!("`{shown}` is no field that is taken here; allowed are {}", COUNTING.join(", ")))
}

/// Whether a file may have this field beside its services.
///
/// # Errors
/// It may not; the text says what is allowed.
pub fn check_of_file(name: &str) -> Result<(), String> {
    if OF_A_FILE.contains(&name) || name.starts_with("x-") {
        return Ok(());
    }
    Err(format!(
        "`{}` is no field of a compose file that is taken here; allowed are {}",
        name.escape_debug(),
        OF_A_FILE.join(", ")
    ))
}
