//! A machine of systemd's own: Debian with systemd as its first process, in namespaces that end with the test.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use support::clock::{PATIENCE, within};
use tempfile::TempDir;

const SCRIPT: &str = include_str!("machine.sh");

/// A machine that runs.
pub struct Machine {
    folder: TempDir,
    group: PathBuf,
    child: Child,
}

impl Machine {
    /// Starts one, and waits until systemd is done with its start.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        let group = group();
        let log = fs::File::create(folder.path().join("log")).expect("a file");
        let enter = "echo $$ >\"$1/cgroup.procs\"; shift; exec unshare --mount --pid --cgroup --uts --ipc --fork --kill-child \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", enter, "machine"]).arg(&group).args(["sh", "-c", SCRIPT, "machine.sh"]);
        command.arg(root()).arg(folder.path()).arg(&group);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let machine = Self { folder, group, child: child.expect("a shell can be run") };
        let is_up = || {
            ["running", "degraded"].contains(&machine.try_run("systemctl", &["is-system-running"]).1.trim())
        };
        let came = within(PATIENCE, is_up);
        let log = || fs::read_to_string(machine.folder.path().join("log")).unwrap_or_default();
        assert!(came, "systemd does not start, which takes root, overlayfs and namespaces: {}", log());
        machine
    }

    /// What a command in it says; it must succeed.
    #[track_caller]
    pub fn run(&self, program: &str, words: &[&str]) -> String {
        let (ended, said) = self.try_run(program, words);
        assert!(ended, "{program} {words:?}: {said}");
        said
    }

    /// Whether a command in it succeeds, and what it says.
    pub fn try_run(&self, program: &str, words: &[&str]) -> (bool, String) {
        let Some(first) = self.first_process() else { return (false, String::new()) };
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &first, "--mount", "--pid", "--cgroup", "--uts", "--ipc", "--root", "--wd"]);
        command.arg("--").arg(program).args(words).env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("DEBIAN_FRONTEND", "noninteractive");
        let ran = command.stdin(Stdio::null()).output().expect("nsenter (util-linux) can be run");
        let Output { status, stdout, stderr } = ran;
        (
            status.success(),
            format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)),
        )
    }

    /// A property of a unit.
    pub fn property(&self, unit: &str, name: &str) -> String {
        self.run("systemctl", &["show", "--value", "--property", name, unit]).trim().to_owned()
    }

    /// A path in it, as it is from outside.
    pub fn path(&self, path: &str) -> PathBuf {
        let first = self.first_process().expect("it runs");
        Path::new("/proc").join(first).join("root").join(path.trim_start_matches('/'))
    }

    fn first_process(&self) -> Option<String> {
        let outer = self.child.id();
        let children = fs::read_to_string(format!("/proc/{outer}/task/{outer}/children")).ok()?;
        children.split_whitespace().next().map(str::to_owned)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // The first process of the namespaces ends with the one that made them, and everything with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let removed = || {
            Command::new("find")
                .arg(&self.group)
                .args(["-depth", "-type", "d", "-exec", "rmdir", "{}", "+"])
                .output()
        };
        let _ = within(PATIENCE, || removed().is_ok() && !self.group.exists());
    }
}

/// A control group for a machine, in the version that systemd takes alone.
fn group() -> PathBuf {
    let roots = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map(Path::new);
    let root = roots.into_iter().find(|root| root.join("cgroup.procs").exists());
    let group = root
        .expect("there are control groups")
        .join(format!("rolling-router-machine-{}", std::process::id()));
    fs::create_dir(&group).expect("a control group can be made, which needs root");
    group
}

/// Debian, made once.
fn root() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/control/packages/make-root");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("root");
    let made = Command::new(script).arg(folder).output().expect("the script can be run");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    PathBuf::from(String::from_utf8_lossy(&made.stdout).trim())
}
