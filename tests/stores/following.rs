//! A router that follows a server's plain keys: what scripts write there is routed, by the raw rules; commands are not
//! offered.

use super::plain::{Plain, Shape, TOKEN};
use serde_json::json;
use support::router::{id, token};
use support::{Endpoint, Router, echo, eventually, router};

/// Two deployed releases, and `v1` stable, as the old scripts leave a server.
fn releases(server: &Plain) -> [Endpoint; 2] {
    let endpoints = [echo("v1"), echo("v2")];
    write(server, &endpoints);
    endpoints
}

fn write(server: &Plain, endpoints: &[Endpoint; 2]) {
    for (release, endpoint) in ["v1", "v2"].iter().zip(endpoints) {
        server.put(&format!("{}/c1", id(release)), &endpoint.address.to_string());
    }
    server.put("rolling/null", "-");
    server.put("rolling/hello/stable/id", &id("v1"));
    server.put("rolling/hello/candidate/id", "rolling/null");
    server.put("rolling/hello/blendpercent", "0");
    server.put("rolling/hello/stickyness", "1");
}

fn address(server: &Plain) -> String {
    format!("http://{}", server.endpoint.address)
}

fn state(router: &Router) -> String {
    let answer = router.api().call("GET", "/api/v1/router", None).expect(200);
    answer.json()["store"]["state"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn what_scripts_write_at_a_consul_is_routed_and_pins_are_kept() {
    let consul = Plain::start(Shape::Consul);
    let _endpoints = releases(&consul);
    let mut router = router().store(&address(&consul)).start();
    let mut stays = router.visitor();
    assert_eq!(stays.release(), "v1");

    consul.put("rolling/hello/candidate/id", &id("v2"));
    consul.put("rolling/hello/blendpercent", "100");
    eventually("new clients get the candidate", || router.visitor().release() == "v2");
    let mut moved = router.visitor();
    assert_eq!((stays.release(), moved.release()), ("v1".into(), "v2".into()));

    // A promote, as the old scripts do it.
    consul.put("rolling/hello/stable/id", &id("v2"));
    consul.put("rolling/hello/blendpercent", "0");
    consul.put("rolling/hello/candidate/id", "rolling/null");
    eventually("the candidate is stable", || {
        let state = router.api().state();
        state["stable"]["id"] == id("v2") && state["candidate"].is_null()
    });
    assert_eq!((stays.release(), moved.release()), ("v1".into(), "v2".into()), "the old release drains");

    let seq = router.api().state()["seq"].clone();
    router.start_again();
    stays.hang_up();
    moved.hang_up();
    assert_eq!(
        (stays.release(), moved.release()),
        ("v1".into(), "v2".into()),
        "pin keys are the router's own"
    );
    assert_eq!(router.api().state()["seq"], seq, "nothing is adopted twice");
}

#[test]
fn a_router_that_follows_takes_no_command() {
    let consul = Plain::start(Shape::Consul);
    let _endpoints = releases(&consul);
    let router = router().store(&address(&consul)).start();
    for role in ["operator", "admin"] {
        let api = router.api_as(role);
        assert_eq!(api.post("promote", &json!({})).expect(501).code(), "unsupported");
        api.put("settings", &json!({})).expect(501);
        api.kv_put("rolling/hello/blendpercent", "5").expect(501);
        api.kv_delete("rolling/hello/blendpercent").expect(501);
    }
    router.api_as("admin").call("GET", "/api/v1/store", None).expect(501);
    assert_eq!(router.api().kv_get("rolling/hello/blendpercent"), "0");
    router.api().anonymous().post("promote", &json!({})).expect(401);
}

#[test]
fn a_server_that_is_down_or_empty_changes_nothing_for_traffic() {
    let consul = Plain::start(Shape::Consul);
    let endpoints = releases(&consul);
    let router = router().store(&address(&consul)).start();
    assert_eq!(router.visitor().release(), "v1");
    consul.clear();
    eventually("the alarm is shown", || state(&router) == "diverged");
    assert_eq!(router.visitor().release(), "v1");
    consul.put("rolling/hello/stable/id", &id("v2"));
    assert_eq!(router.visitor().release(), "v1", "one key is not all that was lost");
    write(&consul, &endpoints);
    eventually("what is back counts", || state(&router) == "current");
    consul.put("rolling/hello/stable/id", &id("v2"));
    eventually("it is followed again", || router.visitor().release() == "v2");

    consul.clear();
    eventually("the alarm is shown", || state(&router) == "diverged");
    router.api_as("admin").call("POST", "/api/v1/store/accept", None).expect(200);
    eventually("an accepted emptiness counts", || {
        router.visitor().try_get("/").is_ok_and(|visit| visit.response.status == 503)
    });
    drop(consul);
    eventually("the outage is shown", || state(&router) == "down");
}

#[test]
fn the_old_images_environment_leads_to_its_store() {
    let server = Plain::start(Shape::ContainerCloud);
    let _endpoints = releases(&server);
    let (ip, port) = (server.endpoint.address.ip().to_string(), server.endpoint.address.port().to_string());
    let variables =
        [("KV_IP", ip.as_str()), ("KV_PORT", &port), ("OCCS_API_TOKEN", TOKEN), ("APP_NAME", "hello")];
    let router = router().environment(&variables).start();
    assert_eq!(router.visitor().release(), "v1");
    server.put("rolling/hello/candidate/id", &id("v2"));
    server.put("rolling/hello/blendpercent", "100");
    eventually("new clients get the candidate", || router.visitor().release() == "v2");
    assert!(!router.log().contains(TOKEN), "{}", router.log());
}

#[test]
fn the_raw_keys_of_another_router_are_followed_with_a_viewers_token() {
    let commanded = router().stable("v1").candidate("v2").start();
    let store = format!("http://:{}@{}", token("viewer"), commanded.admin);
    let following = router().store(&store).start();
    assert_eq!(following.visitor().release(), "v1");
    commanded.api().post("promote", &json!({ "release": "v2" })).expect(200);
    eventually("the promote is followed", || following.visitor().release() == "v2");
    following.api().post("abort", &json!({})).expect(501);
}

#[test]
fn a_server_that_is_none_of_these_is_refused_by_name() {
    let odd = support::scripted(|_| support::Reply::ok("hello"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let opened = runtime.block_on(keyvalues::open(&format!("http://{}", odd.address)));
    let error = format!("{:?}", opened.unwrap_err());
    assert!(error.contains("/v1/kv/") && error.contains("admin port"), "{error}");
}
