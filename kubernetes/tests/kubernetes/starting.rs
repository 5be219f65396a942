//! How the program starts, or says why it does not, and how it ends.

use std::fs;

use support::{eventually, router, router::token, tls::CertificateFiles};

use crate::{
    cluster::{Cluster, recorded},
    program::{Program, command},
    scene::Scene,
};

#[test]
fn a_signal_ends_it_with_0() {
    let mut scene = Scene::with("two-releases", token("ci"), &["--log-format", "json", "--all-namespaces"]);
    scene.becomes("v1", &[17, 18]);
    assert_eq!(scene.program.terminate(), Some(0));
    let log = scene.program.log();
    for line in log.lines() {
        let entry: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"));
        assert!(entry["level"].is_string() && entry["message"].is_string(), "{line}");
    }
    assert!(log.contains("ended by a signal"), "{log}");
    assert_eq!(scene.registered("v1"), scene.pods.addresses(&[17, 18]));
    let asked = scene.cluster.asked().remove(0);
    assert!(asked.starts_with("/apis/discovery.k8s.io/v1/endpointslices?"), "{asked}");
}

#[test]
fn the_admin_port_may_speak_https() {
    let (files, _) = CertificateFiles::new(&["localhost"]);
    let [certificate, key] = files.flags();
    let router = router().stable("v0").flag("--admin-tls").flag(&certificate).flag(&key).start();
    let cluster = Cluster::start(recorded("two-releases"));
    let api = format!("https://localhost:{}", router.admin.port());
    let ca = files.certificate().display().to_string();
    let program = Program::start(cluster.address, &api, token("ci"), &["--ca", &ca]);
    program.tells("endpoints of the release `v1` of the app `hello`: 10.244.1.17:3000, 10.244.1.18:3000");

    let distrusts = Program::start(cluster.address, &api, token("ci"), &[]);
    distrusts.tells("no answer from rolling-router at https://localhost");
    eventually("it says why", || distrusts.log().to_lowercase().contains("certificate"));
}

#[test]
fn what_is_wrong_at_the_start_is_said_with_exit_code_2() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file can be written");
        path.display().to_string()
    };
    let (token, empty) = (file("token", "abc\n"), file("empty", "# nothing\n"));
    let right = ["--api", "http://127.0.0.1:9", "--token-file", &token];
    for (words, why) in [
        (vec![], "--api"),
        (vec!["--api", "http://127.0.0.1:9"], "--token-file"),
        (vec!["--api", "127.0.0.1:9", "--token-file", &token], "must be a URL such as http://"),
        (vec!["--api", "http://127.0.0.1:9", "--token-file", &empty], "holds no token"),
        (
            vec!["--api", "http://127.0.0.1:9", "--token-file", "nowhere"],
            "cannot read the token file nowhere",
        ),
        ([&right[..], &["--ca", &empty]].concat(), "the file has no certificate"),
        ([&right[..], &["--resync", "0"]].concat(), "1..=86400"),
        ([&right[..], &["--namespace", "a", "--all-namespaces"]].concat(), "cannot be used with"),
        (right.to_vec(), "no Kubernetes was found"),
    ] {
        let ran = command().args(&words).output().expect("it can be run");
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.code() == Some(2) && said.contains(why), "{words:?}: {:?} {said}", ran.status);
    }
    let help = command().arg("--help").output().expect("it can be run");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for word in ["rolling-router/release", "ROLLING_ROUTER_K8S_TOKEN_FILE", "--selector", "KUBECONFIG"] {
        assert!(help.contains(word), "{word} is not in:\n{help}");
    }
}
