//! The fleet.

use serde_json::json;

use super::super::operation::Operation;
use crate::schema::fleet::{Fleet, GoneRemoval, MemberRemoval, RotateKeysRequest, Rotation};

pub fn calls() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/fleet", "fleet", "The fleet")
            .says("The routers that share the store, what each serves, and what is wrong.")
            .answers::<Fleet>(200, "The fleet.")
            .refuses(&[400]),
        Operation::delete("/api/v1/fleet/{member}", "removeMember", "Remove a member").role("operator")
            .says(
                "For a router that is gone for good. One that ends gracefully leaves by itself, one that runs enters \
                 itself again. 409 `still_heard` while it is heard from, unless forced; 409 `ambiguous` when several have \
                 the name. For operators.",
            )
            .parameter("path", "member", json!({ "type": "string" }), "Its node id or its name.")
            .switch("force", "Also if it is still heard from.")
            .answers::<MemberRemoval>(200, "It is removed.")
            .refuses(&[400, 403, 404, 409, 415, 422, 503, 507]),
        Operation::post("/api/v1/fleet/remove-gone", "removeGoneMembers", "Remove the members that are presumed gone")
            .role("operator")
            .says(
                "Forgets every member that has been silent for `member_gone_seconds`. One that runs enters itself again. For \
                 operators.",
            )
            .answers::<GoneRemoval>(200, "They are removed, or there was none.")
            .refuses(&[400, 403, 409, 415, 422, 503, 507]),
        Operation::post("/api/v1/fleet/rotate-keys", "rotateKeys", "Rotate the pin keys").role("admin")
            .says(
                "For admins. A next key is made; it signs once every member knows it, and the key so far goes on being \
                 known. When some member does not know it in time, the answer is 202 with `waiting`: ask again to go on. \
                 409 `too_soon` when pins may still be signed by the key before the last, unless forced.",
            )
            .shared("timeout")
            .takes::<RotateKeysRequest>(false)
            .answers::<Rotation>(200, "The next key signs, and every member says so.")
            .answers::<Rotation>(202, "Some member has not said so.")
            .refuses(&[400, 403, 404, 409, 415, 422, 503, 507]),
    ]
}
