//! A release manager who never rests.

use super::{Draw, Place, RELEASES};
use serde_json::{Value, json};
use std::time::Duration;
use support::clock::pause;
use support::router::id;
use support::{Answer, Api};

/// Issues command after command until it is over; how many. Fails on an answer that the state does not explain: while the
/// store is away a command may be refused, and the next one may be for what is so no more. 202 says that it is done, and that a
/// router has not said yet that it applies it.
pub fn release(api: &Api, soak: &Place) -> usize {
    let (mut draw, mut commands, mut is_away) = (Draw(7), 0, false);
    while soak.goes_on() {
        let before = api.state();
        let answer = command(api, &mut draw, &before);
        match answer.status() {
            503 => is_away = true,
            409 if is_away => is_away = false,
            200 | 202 => (commands, is_away) = (commands + 1, false),
            _ => {
                answer.expect(200);
            }
        }
        pause(Duration::from_millis(20 + draw.below(80)));
    }
    commands
}

/// Something that can be done in this state.
fn command(api: &Api, draw: &mut Draw, before: &Value) -> Answer {
    let on = |track: &str| before[track]["release"].as_str().map(str::to_owned);
    let percent = draw.below(101);
    let candidate = || {
        let taken = [on("stable"), on("candidate")];
        let free = RELEASES.iter().find(|release| !taken.contains(&Some((**release).to_owned())));
        let free = free.expect("there are more releases than tracks");
        api.put("candidate", &json!({ "id": id(free), "blend": percent }))
    };
    match (draw.below(8), on("candidate")) {
        (_, None) => candidate(),
        (0, _) => candidate(),
        (1 | 2, _) => api.post("promote", &json!({})),
        (3, _) => api.post("abort", &json!({})),
        (4, _) if !before["previous"].is_null() => api.post("rollback", &json!({})),
        (5, _) => api.put("sticky", &json!({ "sticky": percent > 30 })),
        _ => api.put("blend", &json!({ "percent": percent })),
    }
}
