//! Images go with the deployments that nobody goes back to, where an app asks for that.

use serde_json::json;
use support::{Router, eventually, servers::engine::shared};

use super::deploy_scene::{containers, deploying, run};

fn deploy(router: &Router, release: &str) {
    let image = format!("deploy-prune:{release}");
    let ran = run(router, "operator", &["deploy", "--new", "--image", &image, "--release", release]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
}

/// Of three releases in a row the first goes, and of two candidates that were aborted the first; what is kept keeps its image.
#[test]
fn with_prune_images_what_is_not_kept_takes_its_image_along() {
    let test = shared();
    for release in ["i1", "i2", "i3", "i4", "i5"] {
        test.image(&format!("deploy-prune:{release}"), &[&format!("RELEASE={release}")]);
    }
    let router = deploying(test, "deploy-prune");
    let api = router.api();
    deploy(&router, "i1");
    api.post("promote", &json!({})).expect(200);
    let settings = json!({ "drainmaxseconds": 1, "drainseconds": 1, "prune_images": true });
    api.call("PATCH", "/api/v1/apps/hello/settings", Some(&settings)).expect(200);
    for release in ["i2", "i3"] {
        deploy(&router, release);
        api.post("promote", &json!({})).expect(200);
    }
    for release in ["i4", "i5"] {
        deploy(&router, release);
        api.post("abort", &json!({})).expect(200);
    }
    let has_image =
        |release: &str| test.send("GET", &format!("/images/deploy-prune:{release}/json"), &[], &[]).0 == 200;
    let is_gone = |release: &str| {
        let id = format!("hello-{release}");
        api.get(&format!("deployments/{id}")).status() == 404
            && containers(test, &id).is_empty()
            && !has_image(release)
    };
    eventually("the first of each kind is gone, and its image too", || is_gone("i1") && is_gone("i4"));
    for release in ["i2", "i3", "i5"] {
        let id = format!("hello-{release}");
        assert!(has_image(release) && containers(test, &id).len() == 1, "{release} is kept");
    }
    api.call("DELETE", "/api/v1/apps/hello?force=true", None).expect(200);
    eventually("nothing is left of the containers", || {
        ["i2", "i3", "i5"].iter().all(|release| containers(test, &format!("hello-{release}")).is_empty())
    });
}
