//! What is stored, what can be read of it, and what happens to what cannot.

use std::sync::Arc;

use proptest::prelude::*;

use super::{
    census::Form,
    key::is_sealed,
    keys::{KeysError, SecretsKeys},
    seals::{Seals, SecretNames},
    store::SealedStore,
};
use crate::{
    backends::memory::Memory,
    contract::{Entry, Event, Outcome, Store, StoreError, WatchItem, Write},
    key::Key,
};

const CURRENT: &str = "current";
const NAMES: SecretNames = SecretNames { is_secret: |key| key.starts_with("secret/"), current_at: CURRENT };
const ONE: &str = "one:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const TWO: &str = "two:MTEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// Another key of the same id.
const OTHER_ONE: &str = "one:MjEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

fn keys(lines: &[&str]) -> SecretsKeys {
    SecretsKeys::parse(&lines.join("\n")).unwrap()
}

fn mark(line: &str) -> String {
    keys(&[line]).listed()[0].clone()
}

fn key(name: &str) -> Key {
    name.parse().unwrap()
}

/// One who shares a store and holds these keys.
fn member(inner: &Arc<Memory>, lines: &[&str]) -> SealedStore {
    let held = if lines.is_empty() { SecretsKeys::default() } else { keys(lines) };
    SealedStore::new(Arc::<Memory>::clone(inner), Seals::new(NAMES, held))
}

async fn put(store: &dyn Store, name: &str, value: &str) -> Result<Outcome, StoreError> {
    store.commit(Vec::new(), vec![Write::put(key(name), value.to_owned())]).await
}

async fn read(store: &dyn Store, name: &str) -> Entry {
    store.get(&key(name)).await.unwrap().expect("it is there")
}

async fn text(store: &dyn Store, name: &str) -> String {
    String::from_utf8(read(store, name).await.value.to_vec()).unwrap()
}

#[tokio::test]
async fn secrets_are_encrypted_and_everything_else_is_as_it_was() {
    let inner = Arc::new(Memory::new());
    let store = member(&inner, &[ONE]);
    put(&store, "secret/early", "hunter1").await.unwrap();
    assert_eq!(text(&*inner, "secret/early").await, "hunter1", "nothing says that it is to be encrypted");
    put(&store, CURRENT, &mark(ONE)).await.unwrap();
    put(&store, "secret/a", "hunter2").await.unwrap();
    put(&store, "open", "hunter3").await.unwrap();
    let stored = text(&*inner, "secret/a").await;
    assert!(stored.starts_with("sealed:1:one:") && !stored.contains("hunter"), "{stored}");
    assert_eq!(text(&store, "secret/a").await, "hunter2");
    assert_eq!(text(&store, "secret/early").await, "hunter1", "what is plain is read all the same");
    assert_eq!(text(&*inner, "open").await, "hunter3");
    put(&store, "secret/b", "hunter2").await.unwrap();
    let [a, b] = [text(&*inner, "secret/a").await, text(&*inner, "secret/b").await];
    assert_ne!(a, b, "equal values do not look equal");
}

#[tokio::test]
async fn the_commit_that_names_the_key_is_written_by_it() {
    let inner = Arc::new(Memory::new());
    let store = member(&inner, &[ONE]);
    let writes = vec![Write::put(key("secret/a"), "hunter2"), Write::put(key(CURRENT), mark(ONE))];
    store.commit(Vec::new(), writes).await.unwrap();
    assert!(is_sealed(&read(&*inner, "secret/a").await.value));
    let later = member(&inner, &[ONE]);
    put(&later, "secret/b", "hunter2").await.unwrap();
    assert!(is_sealed(&read(&*inner, "secret/b").await.value), "who has read nothing yet asks first");
}

#[tokio::test]
async fn lists_pages_and_watches_show_what_was_written() {
    let inner = Arc::new(Memory::new());
    let store = member(&inner, &[ONE]);
    put(&store, CURRENT, &mark(ONE)).await.unwrap();
    let start = store.list(&[""]).await.unwrap().revision;
    let mut watch = store.watch(&["secret/"], start).await.unwrap();
    put(&store, "secret/a", "hunter2").await.unwrap();
    let listed = store.list(&["secret/"]).await.unwrap().entries.remove(0);
    let paged = store.page("secret/", None, 10).await.unwrap().entries.remove(0);
    let watched = loop {
        if let WatchItem::Batch(mut batch) = watch.next().await.unwrap() {
            break batch.events.remove(0);
        }
    };
    assert_eq!(&listed.value[..], b"hunter2");
    assert_eq!(paged, listed);
    assert_eq!(watched, Event::Put(listed));
}

#[tokio::test]
async fn values_that_were_swapped_damaged_or_need_another_key_are_nobodys() {
    let inner = Arc::new(Memory::new());
    let store = member(&inner, &[ONE]);
    put(&store, CURRENT, &mark(ONE)).await.unwrap();
    put(&store, "secret/a", "hunter2").await.unwrap();
    let sealed = text(&*inner, "secret/a").await;
    put(&*inner, "secret/b", &sealed).await.unwrap();
    let mut damaged = sealed.clone().into_bytes();
    let last = damaged.len() - 6;
    damaged[last] = if damaged[last] == b'A' { b'B' } else { b'A' };
    put(&*inner, "secret/c", std::str::from_utf8(&damaged).unwrap()).await.unwrap();
    store.list(&[""]).await.unwrap();
    let census = store.seals().census();
    let unreadable: Vec<&str> = census.unreadable().map(|(key, _)| key).collect();
    assert_eq!(unreadable, ["secret/b", "secret/c"]);
    assert_eq!(read(&store, "secret/b").await.value, sealed, "it is there, as it is stored");
    assert_eq!(store.seals().outdated(), Vec::<String>::new(), "what cannot be read is left alone");
    assert_eq!(store.write_anew(&key("secret/b")).await.unwrap(), None);

    let stranger = member(&inner, &[OTHER_ONE]);
    stranger.list(&[""]).await.unwrap();
    assert!(stranger.seals().unreadable("secret/a").unwrap().contains("another key `one`"));
    let without = member(&inner, &[]);
    without.list(&[""]).await.unwrap();
    assert!(without.seals().unreadable("secret/a").unwrap().contains("needs the key `one`"));
    for other in [stranger, without] {
        let refused = put(&other, "secret/d", "hunter2").await.unwrap_err().to_string();
        assert!(refused.contains("does not hold"), "never written plainly: {refused}");
        assert!(!other.seals().holds_current());
        put(&other, "open", "x").await.unwrap();
    }
}

#[tokio::test]
async fn a_rotation_writes_everything_anew_and_needs_the_old_key_no_more() {
    let inner = Arc::new(Memory::new());
    let store = member(&inner, &[ONE]);
    put(&store, CURRENT, &mark(ONE)).await.unwrap();
    for name in ["secret/a", "secret/b"] {
        put(&store, name, "hunter2").await.unwrap();
    }
    store.seals().set_keys(keys(&[TWO, ONE]));
    store.list(&[""]).await.unwrap();
    assert!(store.seals().outdated().is_empty(), "what the store says counts, and not the file");
    put(&store, CURRENT, &mark(TWO)).await.unwrap();
    assert_eq!(store.seals().outdated(), ["secret/a", "secret/b"]);
    for name in store.seals().outdated() {
        assert!(matches!(store.write_anew(&key(&name)).await.unwrap(), Some(Outcome::Done(_))));
        assert_eq!(store.write_anew(&key(&name)).await.unwrap(), None, "it is written so already");
    }
    store.list(&[""]).await.unwrap();
    assert!(store.seals().outdated().is_empty());
    assert_eq!(store.seals().census().count(&Form::Sealed(mark(TWO))), 2);
    let newer = member(&inner, &[TWO]);
    assert_eq!(text(&newer, "secret/a").await, "hunter2");
    put(&store, CURRENT, "plain").await.unwrap();
    for name in store.seals().outdated() {
        store.write_anew(&key(&name)).await.unwrap();
    }
    assert_eq!(text(&*inner, "secret/b").await, "hunter2", "and back");
}

#[tokio::test]
async fn a_key_that_was_taken_out_of_the_file_still_reads() {
    let inner = Arc::new(Memory::new());
    let store = member(&inner, &[ONE]);
    put(&store, CURRENT, &mark(ONE)).await.unwrap();
    put(&store, "secret/a", "hunter2").await.unwrap();
    store.seals().set_keys(keys(&[TWO]));
    assert!(!store.seals().keys().lists(&mark(ONE)) && store.seals().holds_current());
    assert_eq!(text(&store, "secret/a").await, "hunter2");
}

#[test]
fn a_file_has_the_newest_key_first_and_no_line_that_is_none() {
    let text = format!("# ours\n\n{TWO}\n  {ONE}  \nplain\n");
    let listed = SecretsKeys::parse(&text).unwrap().listed().to_vec();
    assert_eq!(listed, [mark(TWO), mark(ONE), "plain".to_owned()]);
    for (bad, said) in [
        ("", "no key"),
        ("plain", "no key"),
        ("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "no `:`"),
        ("one:c2hvcnQ=", "32 bytes"),
        ("one:not base64", "not base64"),
        ("one:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "not random"),
        ("o.ne:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "id"),
        ("plain:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "no id"),
        (&format!("{ONE}\n{OTHER_ONE}"), "line 2: an earlier line has the same id"),
        (&format!("{ONE}\n{}", ONE.replace("one", "two")), "line 2: an earlier line has the same key"),
    ] {
        let error = SecretsKeys::parse(bad).unwrap_err().to_string();
        assert!(error.contains(said), "{bad}: {error}");
        assert!(!error.contains("MDEyMzQ1"), "no key is repeated: {error}");
    }
    let many: Vec<String> = (0..17).map(|at| format!("k{at}:{}", key_of(at))).collect();
    assert!(matches!(SecretsKeys::parse(&many.join("\n")), Err(KeysError::Line { line: 17, .. })));
}

fn key_of(at: u8) -> String {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let mut bytes = [7; 32];
    bytes[0] = 100 + at;
    BASE64_STANDARD.encode(bytes)
}

proptest! {
    /// Whatever stands in a store, reading it never fails, and what is not ours is given as it stands.
    #[test]
    fn hostile_values_are_read_as_they_stand(
        begin in prop_oneof![Just(""), Just("sealed:1:"), Just("sealed:1:one:"), Just("sealed:1:one"), Just("sealed:1::")],
        rest in prop::collection::vec(any::<u8>(), 0..120),
        as_base64 in any::<bool>(),
    ) {
        use base64::{Engine as _, prelude::BASE64_STANDARD};
        let rest = if as_base64 { BASE64_STANDARD.encode(&rest).into_bytes() } else { rest };
        let value = [begin.as_bytes(), &rest].concat();
        let entry = Entry { key: key("secret/a"), value: value.clone().into(), created: 1, modified: 1, lease: None };
        let seals = Seals::new(NAMES, keys(&[ONE]));
        prop_assert_eq!(&seals.open(entry).value[..], &value[..]);
        prop_assert_eq!(seals.unreadable("secret/a").is_some(), is_sealed(&value));
    }

    /// Any value comes back whole, at its own name and with its own key alone, and no bit of what is stored can change.
    #[test]
    fn what_was_sealed_opens_at_its_name_and_unchanged_alone(
        value in prop::collection::vec(any::<u8>(), 0..300),
        flipped in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        prop_assume!(!is_sealed(&value));
        let seals = Seals::new(NAMES, keys(&[ONE]));
        let current = super::seals::Current::of(Some(mark(ONE).as_bytes()));
        let stored = seals.seal(&current, &key("secret/a"), value.clone().into()).unwrap();
        let open = |name: &str, stored: &[u8]| {
            let value = stored.to_vec().into();
            seals.open(Entry { key: key(name), value, created: 1, modified: 1, lease: None }).value
        };
        prop_assert_eq!(&open("secret/a", &stored)[..], &value[..]);
        prop_assert_eq!(&open("secret/b", &stored)[..], &stored[..]);
        let mut changed = stored.to_vec();
        let at = flipped.index(changed.len());
        changed[at] ^= 1 << bit;
        prop_assert_eq!(&open("secret/a", &changed)[..], &changed[..]);
    }
}
