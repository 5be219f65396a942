//! The Debian package on a machine of systemd's own, as a stranger has it: installed, started, reloaded under load, watched over,
//! upgraded, removed and purged.

use std::{fs, net::SocketAddr, time::Duration};

use serde_json::json;
use support::{
    Api, Endpoint, Visitor, clock::Deadline, count, echo, eventually, log::whole_lines, traffic::Traffic,
};

use super::{debian::package, machine::Machine};

const UNIT: &str = "rolling-router.service";
const HOST: &str = "shop.example.test";

/// A loopback address of this test's own, on which ports 80 and 8080 are free.
fn address() -> String {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    format!("127.80.{high}.{}", low.max(1))
}

/// A machine with the package.
struct Installed {
    machine: Machine,
    address: String,
    endpoint: Endpoint,
}

impl Installed {
    fn new() -> Self {
        let (machine, address) = (Machine::start(), address());
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        fs::copy(package(folder.path()), machine.path("/router.deb")).expect("it can be copied");
        // Whoever furnishes machines puts the settings there first. The ports are those of the package.
        let settings = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/debian/config.toml");
        let settings = fs::read_to_string(settings).expect("it is there");
        let own = settings.replace("0.0.0.0", &address).replace("# access_log", "access_log");
        assert!(own.contains(&format!("{address}:80\"")) && own.contains("\naccess_log = "), "{own}");
        fs::create_dir_all(machine.path("/etc/rolling-router")).expect("a folder");
        fs::write(machine.path("/etc/rolling-router/config.toml"), own).expect("a file");
        machine.run("dpkg", &["--force-confold", "-i", "/router.deb"]);
        let tokens =
            fs::read_to_string(machine.path("/var/lib/rolling-router/tokens")).expect("one was made");
        let token = tokens.split_whitespace().next().expect("it is the first word");
        let journal = || machine.run("journalctl", &["--unit", UNIT, "--no-pager"]);
        eventually("the journal has the first token", || journal().contains(token));
        let admin = format!("{address}:8080").parse().expect("an address");
        let api = Api::new(admin, token, "hello");
        let endpoint = echo("v1");
        api.put("", &json!({})).expect(200);
        api.kv_put("apps/hello-v1-80/containers/c0", &endpoint.address.to_string()).expect(200);
        api.kv_put("rolling/hello/stable/id", "apps/hello-v1-80/containers").expect(200);
        Self { machine, address, endpoint }
    }

    fn front(&self) -> SocketAddr {
        format!("{}:80", self.address).parse().expect("an address")
    }

    fn main(&self) -> String {
        self.machine.property(UNIT, "MainPID")
    }

    /// Has another process take over so often, under load: nobody notices.
    #[allow(clippy::print_stdout, reason = "the figures are for the page on running it")]
    fn taken_over(&self, rounds: usize, done: impl Fn(&Machine)) {
        let front = self.front();
        let load = [(4, true), (2, false)].map(|(clients, keeps)| Traffic::to(front, HOST, clients, keeps));
        let answered = || load.iter().map(Traffic::answered).sum::<usize>();
        eventually("there is load", || answered() > 20);
        let mut longest = Duration::ZERO;
        for round in 0..rounds {
            let (before, since) = (self.main(), Deadline::after(Duration::ZERO));
            done(&self.machine);
            longest = longest.max(since.elapsed());
            assert_ne!(self.main(), before, "round {round}: another process is the service");
            assert_eq!(self.machine.property(UNIT, "ActiveState"), "active");
        }
        let before = answered();
        eventually("the load goes on", || answered() > before + 20);
        let rate = answered() as f64 / load[0].now().as_secs_f64();
        println!("{rounds} times another process took over at {rate:.0} requests/s, within {longest:?}");
        for life in load.into_iter().flat_map(Traffic::stop) {
            assert_eq!(life.failures, Vec::<String>::new());
        }
    }

    /// Waits until another process is the service than this one, and serves.
    fn comes_back(&self, than: &str) {
        eventually("another process is the service", || {
            let now = self.main();
            now != than && now != "0" && self.machine.property(UNIT, "ActiveState") == "active"
        });
        self.serves();
    }

    fn serves(&self) {
        assert_eq!(Visitor::new(self.front(), HOST).release(), "v1");
    }
}

#[test]
fn the_package_lives_with_systemd() {
    let installed = Installed::new();
    let machine = &installed.machine;
    installed.serves();
    for (name, value) in [
        ("Type", "notify"),
        ("User", "rolling-router"),
        ("WatchdogUSec", "30s"),
        ("UnitFileState", "enabled"),
    ] {
        assert_eq!(machine.property(UNIT, name), value, "{name}");
    }
    machine.run("systemd-analyze", &["security", "--no-pager", "--threshold=20", UNIT]);

    installed.taken_over(count(3, 200), |machine| drop(machine.run("systemctl", &["reload", UNIT])));
    // A newer package takes over by itself; this one is as new, and dpkg does the same.
    installed.taken_over(1, |machine| drop(machine.run("dpkg", &["-i", "/router.deb"])));
    rotates_its_log(&installed);
    is_watched_over(&installed);

    machine.run("dpkg", &["-r", "rolling-router"]);
    assert!(std::net::TcpStream::connect(installed.front()).is_err(), "nobody serves any more");
    assert!(machine.path("/var/lib/rolling-router/tokens").exists());
    machine.run("dpkg", &["-P", "rolling-router"]);
    for path in ["/var/lib/rolling-router", "/var/log/rolling-router", "/etc/rolling-router"] {
        assert!(!machine.path(path).exists(), "{path} is left");
    }
    let (_, unit) = machine.try_run("systemctl", &["cat", UNIT]);
    assert!(unit.contains("No files found"), "{unit}");
    assert!(installed.endpoint.received() > 0);
}

/// Moves the access log, and says so by the signal that the file for logrotate says.
fn rotates_its_log(installed: &Installed) {
    let machine = &installed.machine;
    let log = machine.path("/var/log/rolling-router/access.log");
    fs::rename(&log, log.with_extension("log.1")).expect("there is a log");
    machine.run("systemctl", &["kill", "--kill-whom=main", "--signal=SIGUSR1", UNIT]);
    eventually("the log is opened again", || log.exists());
    installed.serves();
    eventually("the request is in it", || !whole_lines(&log).is_empty());
}

/// One that is killed comes back; one that hangs is ended by the watchdog, and comes back.
fn is_watched_over(installed: &Installed) {
    let machine = &installed.machine;
    let first = installed.main();
    machine.run("systemctl", &["kill", "--kill-whom=main", "--signal=SIGKILL", UNIT]);
    installed.comes_back(&first);
    // The same with times that a test can wait for.
    let folder = machine.path("/etc/systemd/system/rolling-router.service.d");
    fs::create_dir_all(&folder).expect("a folder");
    let shorter = "[Service]\nWatchdogSec=3\nTimeoutAbortSec=1\n";
    fs::write(folder.join("shorter.conf"), shorter).expect("a file");
    machine.run("systemctl", &["daemon-reload"]);
    machine.run("systemctl", &["restart", UNIT]);
    let second = installed.main();
    installed.serves();
    machine.run("systemctl", &["kill", "--kill-whom=main", "--signal=SIGSTOP", UNIT]);
    installed.comes_back(&second);
    let journal = machine.run("journalctl", &["--unit", UNIT, "--no-pager"]);
    assert!(journal.contains("Watchdog timeout"), "{journal}");
}
