//! What a token leads to, and what a stored list may hold.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    id::{ID_BYTES, PreviewId, PreviewIdError},
    list::{LIST_BYTES_MAX, Preview, Previews},
    token::PreviewCodec,
};
use crate::{
    limits::{PREVIEW_NOTE_BYTES_MAX, PREVIEWS_MAX},
    rollout::{
        app::AppName,
        endpoint::AddressPolicy,
        keyspace::{Keyspace, KeyspaceOptions},
        pin::{PinFormat, PinKey, PinKeys},
        record::Tenure,
        release::ReleaseId,
        table::AppRoutes,
        target::ReleaseIndex,
        tester::{PreviewFault, PreviewTarget, open_preview},
    },
};

const NOW: u64 = 1_800_000_000_000;

fn keys() -> PinKeys {
    PinKeys { next: None, current: PinKey { id: 1, secret: [1; 16] }, previous: None }
}

fn release(name: &str) -> ReleaseId {
    ReleaseId::of_app(&"shop".parse().unwrap(), name, 80).unwrap()
}

fn preview(name: &str, tenure: Tenure) -> Preview {
    let id = PreviewId::new([u8::try_from(tenure).unwrap(); ID_BYTES]);
    let (note, by) = (String::new(), "maria".to_owned());
    Preview { id, release: release(name), tenure, expires: NOW + 1_000, note, by, at: NOW }
}

fn token(preview: &Preview) -> String {
    let app: AppName = "shop".parse().unwrap();
    PreviewCodec::new(&app, &keys()).encode(preview)
}

/// Stable `a` (tenure 1), candidate `b` (tenure 2), `c` draining (tenure 3), with these live grants.
fn routes(live: &[Preview], settings: &Value) -> Arc<AppRoutes> {
    let stay = |name: &str, tenure: Tenure| json!({"release": release(name), "tenure": tenure});
    let draining = json!({"release": release("c"), "tenure": 3, "cause": "promote", "since": 1, "until": 2});
    let record = json!({
        "seq": 1, "stable": stay("a", 1), "candidate": stay("b", 2), "blend": 0, "sticky": true, "previous": null,
        "draining": [draining], "tenures": {"last": 9, "left": []}, "lock": null,
        "command": "", "actor": "", "reason": "", "at": 1,
    });
    let mut keyspace = Keyspace::new(KeyspaceOptions {
        default_app: None,
        addresses: AddressPolicy::default(),
        pin_keys: keys(),
        pin_format: PinFormat::Two,
        https: true,
    });
    keyspace.put("rolling/shop/rollout", record.to_string().as_bytes(), 1);
    keyspace.put("rolling/shop/settings", settings.to_string().as_bytes(), 1);
    let list = Previews { previews: live.to_vec() };
    keyspace.put("rolling/shop/previews", &serde_json::to_vec(&list).unwrap(), 2);
    assert_eq!(keyspace.problems(), []);
    Arc::clone(&keyspace.build(2).apps["shop"])
}

fn open(routes: &AppRoutes, token: &str, now: u64) -> Result<PreviewTarget, PreviewFault> {
    open_preview(routes, token.as_bytes(), now)
}

#[test]
fn a_token_leads_to_its_release_while_that_is_routed() {
    let live = [preview("a", 1), preview("b", 2), preview("c", 3)];
    let routes = routes(&live, &json!({}));
    for (index, preview) in live.iter().enumerate() {
        let target = open(&routes, &token(preview), NOW).unwrap();
        assert_eq!((target.release.0, target.expires), (index, preview.expires));
    }
    let affinity = |preview| open(&routes, &token(preview), NOW).unwrap().affinity;
    assert_ne!(affinity(&live[0]), affinity(&live[1]));
}

#[test]
fn a_token_ends_in_four_ways() {
    let (live, gone) = (preview("b", 2), preview("d", 4));
    let routes = routes(&[live.clone(), gone.clone()], &json!({}));
    let of = |token: &str, now| open(&routes, token, now).map(|target| target.release);
    assert_eq!(of(&token(&live), NOW + 999), Ok(ReleaseIndex(1)));
    assert_eq!(of(&token(&live), NOW + 1_000), Err(PreviewFault::Expired));
    assert_eq!(of(&token(&preview("a", 1)), NOW), Err(PreviewFault::Revoked));
    assert_eq!(of(&token(&gone), NOW), Err(PreviewFault::Left));
    assert_eq!(of("", NOW), Err(PreviewFault::Forged));
    assert_eq!(of(&token(&live).replace('A', "B"), NOW), Err(PreviewFault::Forged));
}

#[test]
fn an_edited_list_leads_no_token_elsewhere() {
    let made = preview("b", 2);
    let elsewhere = Preview { release: release("a"), tenure: 1, ..made.clone() };
    let longer = Preview { expires: NOW * 2, ..made.clone() };
    for edited in [elsewhere, longer] {
        let routes = routes(std::slice::from_ref(&edited), &json!({}));
        assert_ne!(open(&routes, &token(&made), NOW).map(|found| found.release), Ok(ReleaseIndex(0)));
        let late = open(&routes, &token(&made), NOW + 1_000);
        assert_eq!(late.map(|found| found.release), Err(PreviewFault::Expired));
    }
}

#[test]
fn a_list_keeps_what_lives() {
    let mut list = Previews { previews: vec![preview("a", 1), preview("b", 2), preview("c", 3)] };
    list.previews[0].expires = NOW;
    list.retain(NOW, |tenure| tenure != 3);
    assert_eq!(list.previews, [preview("b", 2)]);
}

#[test]
fn a_stored_list_is_never_trusted() {
    let row = serde_json::to_value(preview("a", 1)).unwrap();
    let many = json!({ "previews": vec![row.clone(); PREVIEWS_MAX + 1] }).to_string();
    let mut noted = row;
    noted["note"] = json!("x".repeat(PREVIEW_NOTE_BYTES_MAX + 1));
    let noted = json!({ "previews": [noted] }).to_string();
    let long = " ".repeat(LIST_BYTES_MAX + 1);
    for json in ["", "[]", "{}", r#"{"previews":[{}]}"#, &many, &noted, &long] {
        assert!(Previews::parse(json.as_bytes()).is_err(), "{}", &json[..json.len().min(80)]);
    }
    assert_eq!(Previews::parse(br#"{"previews":[]}"#), Ok(Previews::default()));
    let newer = br#"{"previews":[],"quota":3}"#;
    assert_eq!(Previews::parse(newer), Ok(Previews::default()), "a newer version says more");
}

#[test]
fn ids_are_texts_of_one_spelling() {
    let id = PreviewId::new([0, 1, 2, 3, 4, 5, 0xAB, 0xCD, 0xEF, 0xFF]);
    assert_eq!(id.to_string(), "000102030405abcdefff");
    assert_eq!("000102030405abcdefff".parse(), Ok(id));
    for text in [
        "",
        "000102030405ABCDEFFF",
        "000102030405abcdeff",
        "+00102030405abcdefff",
        "\u{e4}".repeat(10).as_str(),
    ] {
        assert_eq!(text.parse::<PreviewId>(), Err(PreviewIdError), "{text}");
    }
}
