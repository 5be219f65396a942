//! Two versions in one fleet: the one before and this one, upgraded and rolled back one by one under load.
//! `tests/fleet/mixed-versions` builds the one before, and runs this.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::router::id;
use support::traffic::Traffic;
use support::{binary, eventually};

use crate::routers::Fleet;
use crate::server::Kind;

/// A program that is another one later, as when a package is installed.
struct Installed {
    folder: tempfile::TempDir,
}

impl Installed {
    fn path(&self) -> PathBuf {
        self.folder.path().join("rolling-router")
    }

    fn install(&self, program: &Path) {
        let beside = self.folder.path().join("next");
        std::os::unix::fs::symlink(program, &beside).expect("a link can be made");
        fs::rename(&beside, self.path()).expect("it takes the place of the one before");
    }
}

/// What operators have set, and must find again.
fn kept(fleet: &Fleet, at: usize) -> Value {
    let read = |path: &str| fleet.routers[at].api_as("admin").call("GET", path, None).expect(200).json();
    let hooks = read("/api/v1/hooks")["hooks"].clone();
    let names = |list: &Value, name: &str| -> Vec<Value> {
        list.as_array().into_iter().flatten().map(|one| one[name].clone()).collect()
    };
    json!({
        "settings": read("/api/v1/apps/hello/settings")["settings"],
        "hooks": [names(&hooks, "name"), names(&hooks, "url")],
        "tokens": names(&read("/api/v1/tokens")["tokens"], "name"),
    })
}

#[test]
fn a_fleet_of_two_versions_loses_nothing() {
    let now = binary().to_owned();
    // Without another version this one takes over from itself, once.
    let before = std::env::var_os("ROLLING_ROUTER_BEFORE").map(PathBuf::from);
    let programs = before.as_ref().map_or_else(|| vec![&now], |before| vec![&now, before, &now]);
    let before = before.as_ref().unwrap_or(&now);
    let installed = Installed { folder: tempfile::tempdir().expect("a folder") };
    installed.install(before);
    let mut fleet = Fleet::of_program(Kind::Redis, 3, &installed.path());
    let admin = fleet.routers[0].api_as("admin");
    let settings = json!({ "ci_blend_max": 30, "hosts": ["shop.example.test"] });
    admin.call("PATCH", "/api/v1/apps/hello/settings", Some(&settings)).expect(200);
    let hook = json!({ "url": "https://hooks.example/in", "events": ["promote"], "paused": true });
    admin.call("PUT", "/api/v1/hooks/chat", Some(&hook)).expect(201);
    admin.call("POST", "/api/v1/tokens", Some(&json!({ "name": "nina", "role": "ci" }))).expect(201);
    let set = kept(&fleet, 0);
    let mut visitor = fleet.routers[0].visitor();
    assert_eq!(visitor.release(), "v1");
    let pin = visitor.pin.expect("a pin");
    let traffic: Vec<Traffic> = fleet.routers.iter().map(|router| Traffic::start(router, 2)).collect();
    let mut percent = 10;
    for program in &programs {
        installed.install(program);
        for member in 0..3 {
            fleet.routers[member].upgrade();
            eventually("everybody knows everybody", || fleet.is_whole(3));
            for at in 0..3 {
                percent += 1;
                let body = json!({ "id": id("v2"), "blend": percent });
                let answer = fleet.command(at, "PUT", "candidate", &body, "60s").expect(200);
                assert_eq!(answer.json()["applied"]["text"], "applied 3 of 3", "{}", answer.response.text());
                assert_eq!(kept(&fleet, at), set, "what was set is so at each");
            }
            assert!(
                fleet.releases_of(&pin).iter().all(|release| release == "v1"),
                "the pin is known everywhere"
            );
        }
    }
    let answered: usize = traffic.iter().map(Traffic::answered).sum();
    for life in traffic.into_iter().flat_map(Traffic::stop) {
        assert_eq!(life.failures, Vec::<String>::new());
        let releases: Vec<&str> = life.seen.iter().map(|answer| answer.release.as_str()).collect();
        assert!(releases.windows(2).all(|pair| pair[0] == pair[1]), "a pin moved: {releases:?}");
    }
    let upgrades = 3 * programs.len();
    println!("{upgrades} upgrades, {answered} requests answered: 0 lost, 0 pins moved, 0 fields lost");
}
