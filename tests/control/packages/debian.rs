//! The Debian package of the program of these suites, in an empty root: installed by dpkg, started, upgraded while it runs, removed
//! and purged. systemd is told nothing there; its unit is tested by `load`.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use support::eventually;
use tempfile::TempDir;

use crate::command_line::{
    program::{finish, program_at},
    serve::RouterProcess,
};

/// What a command says; it must succeed.
fn said(program: &str, words: &[&str]) -> String {
    let ran = Command::new(program).args(words).output();
    let ran = ran.unwrap_or_else(|error| panic!("{program} is needed for this suite: {error}"));
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{program} {words:?}: {said}");
    said
}

/// Builds the package as its script says, without what is for debuggers; its path in a folder.
pub fn package(folder: &Path) -> String {
    let path = |name: &str| folder.join(name).display().to_string();
    let program = support::binary().to_str().expect("the path of a build is text");
    said("strip", &["-o", &path("rolling-router"), program]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/debian/build");
    let words = [&path("rolling-router"), &path("out"), "-Znone"];
    said(&script.display().to_string(), &words).trim().to_owned()
}

/// An empty root, and a package.
struct Scene {
    folder: TempDir,
    package: String,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        let package = package(folder.path());
        fs::create_dir_all(folder.path().join("root/var/lib/dpkg/info")).expect("a folder");
        fs::write(folder.path().join("root/var/lib/dpkg/status"), "").expect("a file");
        Self { folder, package }
    }

    /// A path in the root.
    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("root").join(path)
    }

    /// Runs dpkg on the root. What the package depends on is not there, and its scripts run outside.
    fn dpkg(&self, words: &[&str]) {
        let root = format!("--root={}", self.path("").display());
        let log = format!("--log={}", self.folder.path().join("dpkg.log").display());
        let fixed = [&root, &log, "--force-depends", "--force-script-chrootless", "--force-confold"];
        said("dpkg", &[&fixed[..], words].concat());
    }

    fn pid(&self) -> String {
        fs::read_to_string(self.path("var/lib/rolling-router/pid")).unwrap_or_default().trim().to_owned()
    }
}

#[test]
fn the_package_installs_starts_upgrades_and_goes() {
    let scene = Scene::new();
    assert_contents(&scene.package);
    scene.dpkg(&["-i", &scene.package]);
    let config = scene.path("etc/rolling-router/config.toml");
    let group = fs::read_to_string(scene.path("etc/group")).expect("the group was made");
    let group = group.lines().find_map(|line| line.strip_prefix("rolling-router:")).expect("it has its name");
    let id: u32 = group.split(':').nth(1).and_then(|id| id.parse().ok()).expect("it has a number");
    let found = fs::metadata(&config).expect("the settings are there");
    assert_eq!((found.gid(), found.uid(), found.permissions().mode() & 0o777), (id, 0, 0o640));
    let edited = fs::read_to_string(&config).expect("they can be read") + "\napp = \"shop\"\n";
    fs::write(&config, &edited).expect("they can be written");

    let program = scene.path("usr/bin/rolling-router");
    let state = scene.path("var/lib/rolling-router").display().to_string();
    let store = format!("embedded:{state}/keyvalues.redb");
    let config = config.display().to_string();
    let settings = [
        "--config",
        &config,
        "--state",
        &state,
        "--store",
        &store,
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
    ];
    finish(program_at(&program).arg("check").args(settings)).expect(0);
    let mut router = RouterProcess::start_at(&program, scene.folder.path(), &settings);
    let said_first = router.until("GUI and API on ");
    assert!(said_first.contains("app shop serves every host"), "{said_first}");
    let first = scene.pid();

    // The same version again is an upgrade as well: dpkg puts another file in the program's place.
    scene.dpkg(&["-i", &scene.package]);
    assert_eq!(fs::read_to_string(&config).expect("the settings stay"), edited);
    let upgraded = finish(program_at(&program).arg("upgrade").args(settings)).expect(0);
    let second = scene.pid();
    assert!(!second.is_empty() && first != second, "{first} {second}: {}", upgraded.out);
    let runs = fs::read_link(format!("/proc/{second}/exe")).expect("the new process runs");
    assert_eq!(runs, program.canonicalize().expect("it is there"), "it runs what is installed now");
    said("kill", &["-TERM", &second]);
    eventually("the new process has ended", || !Path::new(&format!("/proc/{second}/exe")).exists());

    scene.dpkg(&["-r", "rolling-router"]);
    assert!(!program.exists() && !scene.path("usr/lib/systemd/system/rolling-router.service").exists());
    assert!(scene.path("var/lib/rolling-router/tokens").exists() && Path::new(&config).exists());
    scene.dpkg(&["-P", "rolling-router"]);
    assert!(!scene.path("var/lib/rolling-router").exists() && !scene.path("etc/rolling-router").exists());
}

/// What dpkg-deb tells of the package.
fn assert_contents(package: &str) {
    let contents = said("dpkg-deb", &["--contents", package]);
    for line in contents.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(fields[1], "root/root", "{line}");
        assert!(fields[0].as_bytes()[8] != b'w', "others may write: {line}");
    }
    for file in [
        "./usr/bin/rolling-router",
        "./usr/lib/systemd/system/rolling-router.service",
        "./usr/lib/sysusers.d/rolling-router.conf",
        "./etc/rolling-router/config.toml",
        "./etc/logrotate.d/rolling-router",
        "./usr/share/man/man1/rolling-router.1.gz",
        "./usr/share/man/man1/rolling-router-promote.1.gz",
        "./usr/share/bash-completion/completions/rolling-router",
        "./usr/share/doc/rolling-router/copyright",
    ] {
        assert!(contents.lines().any(|line| line.ends_with(file)), "no {file} in\n{contents}");
    }
    let field = |name: &str| said("dpkg-deb", &["--field", package, name]);
    assert_eq!(field("Version").trim(), env!("CARGO_PKG_VERSION"));
    assert!(field("Depends").starts_with("libc6 (>= 2."), "{}", field("Depends"));
    let conffiles = said("dpkg-deb", &["--info", package, "conffiles"]);
    assert_eq!(conffiles, "/etc/rolling-router/config.toml\n/etc/logrotate.d/rolling-router\n");
    for script in ["postinst", "prerm", "postrm"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/debian").join(script);
        said("sh", &["-n", &file.display().to_string()]);
    }
}
