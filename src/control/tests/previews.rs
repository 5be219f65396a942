//! Preview grants in a fleet: every router of one store accepts and refuses the same.

use super::*;
use crate::rollout::tester::{PreviewFault, open_preview};

impl Bench {
    /// Where a token leads by this router's table, as the release's name.
    fn previewed(&self, token: &str) -> Result<String, PreviewFault> {
        let published = self.live.load();
        let app = &published.table.apps["shop"];
        let found = open_preview(app, token.as_bytes(), self.clock.wall_ms())?;
        Ok(app.release(found.release).id.name().to_owned())
    }
}

#[tokio::test]
async fn a_fleet_agrees_on_grants_and_on_their_end() {
    let one = Bench::start().await.with_stable().await;
    let other = Bench::on(Arc::clone(&one.store), None, Clock::system()).await;
    one.set("candidate", "2.0").await;
    let body = json!({ "track": "candidate" });
    let (status, made) = one.call(Method::POST, "/api/v1/apps/shop/previews", body).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let path = made["path"].as_str().unwrap();
    let token = path.strip_prefix("/_rolling/preview?token=").unwrap();
    assert_eq!(one.previewed(token), Ok("2.0".to_owned()), "once it is answered it is served");
    eventually("the other router accepts it", async || other.previewed(token) == Ok("2.0".to_owned())).await;
    let revoke = format!("/api/v1/apps/shop/previews/{}", made["id"].as_str().unwrap());
    other.ok(Method::DELETE, &revoke, Value::Null).await;
    assert_eq!(other.previewed(token), Err(PreviewFault::Revoked));
    eventually("the first one refuses it", async || one.previewed(token) == Err(PreviewFault::Revoked)).await;
}

#[tokio::test]
async fn a_damaged_list_keeps_its_last_good_reading() {
    let bench = Bench::start().await.with_stable().await;
    let make = async || {
        let body = json!({ "track": "stable" });
        let (status, made) = bench.call(Method::POST, "/api/v1/apps/shop/previews", body).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        made["path"].as_str().unwrap().split('=').nth(1).unwrap().to_owned()
    };
    let first = make().await;
    bench.write_in_store("rolling/shop/previews", "garbage").await;
    eventually("the problem is shown", async || {
        let problems = bench.state().await["problems"].clone();
        problems.to_string().contains("rolling/shop/previews")
    })
    .await;
    assert_eq!(bench.previewed(&first), Ok("1.0".to_owned()));
    let second = make().await;
    for token in [first, second] {
        assert_eq!(bench.previewed(&token), Ok("1.0".to_owned()));
    }
    assert_eq!(bench.state().await["problems"], json!([]));
}
