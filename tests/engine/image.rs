//! The image of the router itself: built by its script from the program of these suites, run by a real engine as the compose file of
//! the old image says.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::Command,
    time::Duration,
};

use serde_json::{Value, json};
use support::{
    Api,
    clock::{PATIENCE, eventually, within},
    router::token,
    servers::engine::{TestEngine, shared},
};

/// Builds the image, without what is for debuggers.
pub fn build(test: &TestEngine, name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (program, context) = (folder.path().join("rolling-router"), folder.path().join("context"));
    let run = |command: &mut Command| {
        let ran = command.output().unwrap();
        assert!(ran.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ran.stderr));
        ran.stdout
    };
    run(Command::new("strip").arg("-o").arg(&program).arg(support::binary()));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/container/build");
    run(Command::new(script).arg(&program).arg(&context));
    // Nothing stands behind the end of the archive: the engine would close the connection over it.
    let archive = run(Command::new("tar").args(["-c", "-b", "1", "-C"]).arg(&context).arg("."));
    let headers = [("Content-Type", "application/x-tar")];
    let (status, said) = test.send("POST", &format!("/build?t={name}"), &headers, &archive);
    assert!(status == 200 && !said.contains("\"error\""), "{status} {said}");
}

/// The address at which a port of a container is published.
fn published(test: &TestEngine, container: &Value, port: &str) -> SocketAddr {
    let port = container["NetworkSettings"]["Ports"][port][0]["HostPort"].as_str().expect("it is published");
    SocketAddr::new(test.address.into(), port.parse().expect("a port"))
}

/// What is answered there to a request for a path; nothing where nobody answers.
pub fn ask(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// Whether the router says at its admin port that it serves.
fn is_ready(admin: SocketAddr) -> bool {
    ask(admin, "/readyz").is_some_and(|answer| answer.starts_with("HTTP/1.1 200 "))
}

/// The address of a container in its network.
fn own_address(container: &Value) -> String {
    let networks = container["NetworkSettings"]["Networks"].as_object().expect("it is in a network");
    let addresses = networks.values().filter_map(|network| network["IPAddress"].as_str());
    addresses.map(str::to_owned).next().expect("it has an address")
}

// A compose file of the old image names four variables and two ports, and nothing else.
#[test]
fn the_image_starts_as_the_old_compose_file_says_and_not_as_root() {
    let test = shared();
    build(test, "rolling-router:test");
    test.image("image-web:1", &["RELEASE=v1"]);
    test.run("image-web", "image-web:1", &json!({}), &[]);
    let web = test.call("GET", "/containers/image-web/json", None);
    let address = own_address(&web);
    // The store is another router, as the old image's was a server of its own.
    let token = token("admin");
    let publish = json!([{"HostIp": test.address.to_string()}]);
    let more = json!({"ExposedPorts": {"80/tcp": {}, "8080/tcp": {}},
        "HostConfig": {"PortBindings": {"80/tcp": publish, "8080/tcp": publish}}});
    let secret = format!("OCCS_API_TOKEN={token}");
    test.run_with("image-store", "rolling-router:test", &json!({}), &[&secret], &more);
    let store = test.call("GET", "/containers/image-store/json", None);
    let api = Api::new(published(test, &store, "8080/tcp"), token, "hello");
    eventually("the store answers", || is_ready(published(test, &store, "8080/tcp")));
    api.kv_put("apps/hello-v1-80/containers/web", &format!("{address}:80")).expect(200);
    api.kv_put("rolling/hello/stable/id", "apps/hello-v1-80/containers").expect(200);

    let variables = [
        secret,
        format!("KV_IP={}", own_address(&store)),
        "KV_PORT=8080".to_owned(),
        "APP_NAME=hello".to_owned(),
    ];
    let variables: Vec<&str> = variables.iter().map(String::as_str).collect();
    test.run_with("image-router", "rolling-router:test", &json!({}), &variables, &more);
    let container = test.call("GET", "/containers/image-router/json", None);
    let (front, admin) = (published(test, &container, "80/tcp"), published(test, &container, "8080/tcp"));
    let logs = || test.send("GET", "/containers/image-router/logs?stdout=1&stderr=1", &[], &[]).1;
    let serves = || ask(front, "/").is_some_and(|said| said.ends_with("v1"));
    assert!(within(PATIENCE, serves), "it serves nothing of the store: {:?}\n{}", ask(front, "/"), logs());
    assert!(is_ready(admin), "the admin port answers");

    let processes = test.call("GET", "/containers/image-router/top", None);
    let users: Vec<&str> =
        processes["Processes"].as_array().unwrap().iter().filter_map(|fields| fields[0].as_str()).collect();
    assert!(!users.is_empty() && users.iter().all(|user| *user == "65532"), "{processes}");
    test.call("POST", "/containers/image-router/stop?t=20", None);
    let ended = test.call("GET", "/containers/image-router/json", None);
    assert_eq!(ended["State"]["ExitCode"], 0, "{}", logs());
    assert!(!logs().contains(token), "the token stands in no log");
    ["image-router", "image-store", "image-web"].iter().for_each(|name| test.remove(name));
}
