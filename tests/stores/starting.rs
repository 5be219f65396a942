//! A router that starts while its store answers, but refuses: what it served last is served, whatever the answer is.

use std::{fs, process::Command};

use serde_json::json;
use support::{
    Router, eventually, router,
    router::token,
    servers::{Server, etcd_arguments, make_certificates},
};

use super::growing::redis;

/// Runs a command of a server, which must succeed.
fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
    assert!(output.status.success() && !said.contains("ERR"), "{program} {arguments:?}: {said}");
}

/// A router that ends in peace, and starts again when `break_store` has made its store refuse. It serves the pinned client
/// and says what the store answers, and is commanded again as soon as `mend` has mended that.
fn serves_on(mut router: Router, break_store: impl FnOnce(&Router), why: &str, mend: impl FnOnce(&Router)) {
    let mut visitor = router.visitor();
    assert_eq!(visitor.release(), "v1");
    router.terminate();
    assert_eq!(router.exit_code(), Some(0));
    break_store(&router);
    router.start_again();
    visitor.hang_up();
    assert_eq!(visitor.release(), "v1");
    assert_eq!(router.visitor().release(), "v1");
    router.api().put("sticky", &json!({ "sticky": true })).expect(503);
    // On a busy machine a store may answer too late before it refuses.
    eventually("it says what the store answers", || {
        let facts = router.api().call("GET", "/api/v1/router", None).expect(200).json();
        assert_eq!(facts["store"]["state"], "down", "{facts}");
        facts["store"]["detail"].as_str().unwrap().contains(why)
    });
    eventually("and where it is asked whether it is ready", || {
        router.api().anonymous().call("GET", "/readyz", None).expect(200).response.text().contains(why)
    });
    mend(&router);
    eventually("commands are taken", || {
        router.api().put("sticky", &json!({ "sticky": true })).status() == 200
    });
    assert_eq!(visitor.release(), "v1");
}

fn on_redis(settings: &[[&str; 2]], why: &str, mended: &[[&str; 2]]) {
    let (server, store) = redis();
    let port = server.ports[0].to_string();
    let login = settings.iter().find(|[name, _]| *name == "requirepass").map(|[_, password]| *password);
    let set = |settings: &[[&str; 2]], login: Option<&str>| {
        let [key, value] = settings[0];
        let login = login.map_or(vec![], |password| vec!["--no-auth-warning", "-a", password]);
        run("redis-cli", &[&login[..], &["-p", &port, "config", "set", key, value]].concat());
    };
    let router = router().store(&store).stable("v1").start();
    serves_on(router, |_| set(settings, None), why, |_| set(mended, login));
}

#[test]
fn a_redis_that_is_out_of_memory() {
    on_redis(&[["maxmemory", "1"]], "OOM", &[["maxmemory", "0"]]);
}

#[test]
fn a_redis_whose_password_was_changed() {
    on_redis(&[["requirepass", "other"]], "refused the credentials", &[["requirepass", ""]]);
}

#[test]
fn a_redis_that_misses_its_replicas() {
    on_redis(&[["min-replicas-to-write", "1"]], "NOREPLICAS", &[["min-replicas-to-write", "0"]]);
}

#[test]
fn an_etcd_whose_role_was_revoked() {
    let server =
        Server::start("etcd", 2, |folder, ports| etcd_arguments(folder, 0, &[[ports[0], ports[1]]], "http"));
    let place = format!("127.0.0.1:{}", server.ports[0]);
    let etcdctl = |arguments: &[&str]| run("etcdctl", &[&["--endpoints", &place], arguments].concat());
    let up = || Command::new("etcdctl").args(["--endpoints", &place, "endpoint", "health"]).output();
    eventually("etcd's start", || up().unwrap().status.success());
    etcdctl(&["user", "add", "root:r"]);
    etcdctl(&["user", "grant-role", "root", "root"]);
    etcdctl(&["user", "add", "app:a"]);
    etcdctl(&["role", "add", "all"]);
    etcdctl(&["role", "grant-permission", "all", "readwrite", "--from-key", ""]);
    etcdctl(&["user", "grant-role", "app", "all"]);
    etcdctl(&["auth", "enable"]);
    let root = |arguments: &[&str]| etcdctl(&[&["--user", "root:r"], arguments].concat());
    let router = router().store(&format!("etcd://app:a@{place}")).stable("v1").start();
    serves_on(
        router,
        |_| root(&["user", "revoke-role", "app", "all"]),
        "refused the credentials",
        |_| root(&["user", "grant-role", "app", "all"]),
    );
}

#[test]
fn a_file_that_was_cut_short() {
    let router = router().durable().stable("v1").start();
    let cut = |router: &Router| {
        let file = router.path("store.redb");
        let length = fs::metadata(&file).unwrap().len();
        fs::copy(&file, router.path("whole.redb")).unwrap();
        fs::File::options().write(true).open(file).unwrap().set_len(length / 2).unwrap();
    };
    let put_back = |router: &Router| {
        fs::rename(router.path("whole.redb"), router.path("store.redb")).unwrap();
    };
    serves_on(router, cut, "move the store's file away, then `rolling-router store restore`", put_back);
}

/// As with a certificate: the address names a file, and that is not there.
#[test]
fn a_file_that_the_address_names_is_gone() {
    let serving = router().stable("v1").start();
    let folder = tempfile::tempdir().unwrap();
    let [file, aside] = ["token", "aside"].map(|name| folder.path().join(name));
    fs::write(&file, token("admin")).unwrap();
    let address = format!("http://{}?token_file={}", serving.admin, file.display());
    let router = router().store(&address).start();
    let take = |_: &Router| fs::rename(&file, &aside).unwrap();
    serves_on(router, take, "cannot be read", |_| fs::rename(&aside, &file).unwrap());
}

/// Somebody put another file in the place of one that the address names: a router that served before ended at once, with
/// the table of its users on disk.
#[test]
fn a_file_that_the_address_names_holds_something_else() {
    let serving = router().stable("v1").start();
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path());
    let path = |name: &str| folder.path().join(name);
    fs::write(path("token"), token("admin")).unwrap();
    let [token, ca, cert, key] =
        ["token", "ca.pem", "cert.pem", "key.pem"].map(|name| path(name).display().to_string());
    let address = format!("http://{}?token_file={token}&ca={ca}&cert={cert}&key={key}", serving.admin);
    let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let other_key = fs::read_to_string(path("ca.key")).unwrap();
    for (file, wrong, why) in [
        (&token, "", "has no token"),
        (&ca, "this is no certificate", "has no `-----BEGIN CERTIFICATE-----`"),
        (&cert, junk, "cannot be used"),
        (&key, &other_key, "cannot be used"),
    ] {
        let router = router().store(&address).start();
        let right = fs::read(file).unwrap();
        let examined = |router: &Router| {
            let output = Command::new(support::binary())
                .args(["check", "--store", &address, "--state"])
                .arg(router.path("state"))
                .output()
                .unwrap();
            String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
        };
        let spoil = |router: &Router| {
            fs::write(file, wrong).unwrap();
            assert!(examined(router).contains(why), "{}", examined(router));
        };
        serves_on(router, spoil, why, |_| fs::write(file, &right).unwrap());
    }
}

#[test]
fn without_an_earlier_run_a_refused_password_is_a_wrong_configuration() {
    let (server, store) = redis();
    run("redis-cli", &["-p", &server.ports[0].to_string(), "config", "set", "requirepass", "other"]);
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(support::binary())
        .args(["serve", "--store", &store, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--state"])
        .arg(folder.path())
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("cannot be opened"), "{said}");
}
