//! A damaged store: the router ended with a panic's text, and its users got nothing, though it had its last good table.

use std::fs;
use support::{Router, eventually, router};

use support::command::ask;

fn damaged(router: &mut Router, damage: impl Fn(Vec<u8>) -> Vec<u8>) {
    router.kill();
    let file = router.path("store.redb");
    let bytes = fs::read(&file).expect("it can be read");
    fs::write(&file, damage(bytes)).expect("it can be written");
    router.start_again();
}

/// What becomes of a file's bytes.
type Damage<'a> = &'a dyn Fn(Vec<u8>) -> Vec<u8>;

#[test]
fn a_damaged_file_leaves_users_served_and_says_what_to_do() {
    let mut router = router().durable().stable("v1").candidate("v2").start();
    router.api().put("blend", &serde_json::json!({ "percent": 20 })).expect(200);
    let seq = router.api().state()["seq"].clone();
    let state = router.path("state/table");
    eventually("the last good table is kept", || {
        fs::read_to_string(&state).is_ok_and(|text| text.contains("\\\"blend\\\":20"))
    });
    let file = router.path("store.redb");
    let cut = |bytes: Vec<u8>| bytes[..6_000].to_vec();
    let scrambled = |bytes: Vec<u8>| {
        bytes.into_iter().enumerate().map(|(at, byte)| if at < 64 { byte } else { byte ^ 0x5a }).collect()
    };
    let damages: [(&str, Damage<'_>); 3] =
        [("cut", &cut), ("scrambled", &scrambled), ("garbage", &|_| b"this is no store".to_vec())];
    for (what, damage) in damages {
        damaged(&mut router, damage);
        let release = router.visitor().release();
        assert!(["v1", "v2"].contains(&release.as_str()), "{what}: {release}");
        let log = router.log();
        assert!(!log.contains("panicked"), "{what}: {log}");
        let lines: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("is damaged, and what was served last is served"))
            .collect();
        assert_eq!(lines.len(), 1, "{what}: {log}");
        assert!(
            lines[0].contains(&file.display().to_string())
                && lines[0].contains("move the file away, then `rolling-router store restore`"),
            "{what}: {log}"
        );
        assert_eq!(router.api().put("blend", &serde_json::json!({ "percent": 30 })).status(), 503, "{what}");
        fs::rename(&file, router.path("damaged")).expect("it can be moved");
        let restored = || ask(&router, "admin", &["store", "restore"]).code == 0;
        eventually("it can be restored", restored);
        assert_eq!(router.api().state()["seq"], seq, "{what}");
        eventually("commands are taken again", || {
            router.api().put("blend", &serde_json::json!({ "percent": 20 })).status() == 200
        });
    }
}

#[test]
fn a_file_that_is_cut_while_it_is_in_use_is_noticed() {
    let router = router().durable().stable("v1").start();
    let file = fs::File::options().write(true).open(router.path("store.redb")).expect("it can be opened");
    file.set_len(1_000).expect("it can be cut");
    let refused = router.api().put("sticky", &serde_json::json!({ "sticky": false })).expect(503);
    assert!(refused.response.text().contains("cut short"), "{}", refused.response.text());
    assert_eq!(router.visitor().release(), "v1");
    let told = "move the file away, start this process again";
    assert!(router.log().contains(told) && !router.log().contains("panicked"), "{}", router.log());
    eventually("the store is said to be down", || {
        let ready = router.api().anonymous().raw("GET", "/readyz", None, "").expect(200).response.text();
        ready.contains("the store is down")
    });
}
