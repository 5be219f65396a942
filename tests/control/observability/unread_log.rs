//! A reader of standard error that stalls, as a log collector does that has hung: commands and requests go on, and the router
//! ends when it is told to.

use serde_json::json;
use support::router;

/// Promote hung while `/healthz` said 200, and SIGTERM never ended the process.
#[test]
fn nobody_waits_for_whoever_reads_standard_error() {
    let mut router = router().stable("v1").candidate("v2").unread().start();
    // Each says a line, and a pipe holds 64 KiB.
    let reason = "a reason that makes the line longer than it would be otherwise, ".repeat(4);
    for step in 0..400 {
        router.api().put("blend", &json!({ "percent": 10 + step % 2, "reason": reason })).expect(200);
    }
    router.api().post("promote", &json!({})).expect(200);
    assert_eq!(router.visitor().release(), "v2");
    router.terminate();
    assert_eq!(router.exit_code(), Some(0));
}
