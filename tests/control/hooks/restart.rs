//! What a router had not told when it was killed, it tells when it is back.

use serde_json::json;

use support::receiver::{Receiver, hook, shown};
use support::{Reply, eventually, router};

#[test]
fn a_change_that_was_not_told_before_a_kill_is_told_after_it() {
    let mut router = router().stable("v1").durable().start();
    let mut receiver = Receiver::answering(|_| Reply::response("503 Service Unavailable", &[], ""));
    hook(&router, &receiver, json!({}));
    let first = router.api().put("sticky", &json!({"sticky": false})).expect(200).seq();
    let refused = receiver.wait_for("an attempt", |told| !told.is_empty());
    router.kill();
    receiver.endpoint.always(Reply::ok(""));
    router.start_again();
    let second = router.api().put("sticky", &json!({"sticky": true})).expect(200).seq();
    let told = receiver.wait_for("both changes", |told| told.iter().any(|told| told.what().1 == second));
    assert_eq!(told[0].id, refused[0].id);
    let wanted = [("set-sticky".to_owned(), first), ("set-sticky".to_owned(), second)];
    assert_eq!(receiver.events(), wanted, "in order, and a repeat has the id of the first attempt");
    eventually("what was told is stored", || shown(&router)["waiting"] == json!({}));
    let so_far = receiver.told().len();
    router.kill();
    router.start_again();
    let third = router.api().put("sticky", &json!({"sticky": false})).expect(200).seq();
    let told = receiver.wait_for("the third", |told| told.iter().any(|told| told.what().1 == third));
    assert_eq!(told.len(), so_far + 1, "what was told is not told again");
}
