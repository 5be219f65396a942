//! The map does what the standard library's does, and copies stay as they were.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

type Steps = Vec<(u16, Option<u8>)>;

/// Writes (or, where there is no value, deletions) of keys that are few enough to meet again.
fn steps() -> impl Strategy<Value = Steps> {
    prop::collection::vec((0..600u16, prop::option::weighted(0.7, any::<u8>())), 0..900)
}

fn apply(map: &mut BlockMap<u16, u8>, model: &mut BTreeMap<u16, u8>, steps: Steps) {
    for (key, value) in steps {
        match value {
            Some(value) => assert_eq!(map.insert(key, value), model.insert(key, value)),
            None => assert_eq!(map.remove(&key), model.remove(&key)),
        }
    }
}

fn check(map: &BlockMap<u16, u8>, model: &BTreeMap<u16, u8>) {
    assert!(map.iter().eq(model.iter()) && map.len() == model.len());
    assert!((0..600).all(|key| map.get(&key) == model.get(&key)));
    assert!(map.blocks.iter().all(|block| (1..=BLOCK).contains(&block.len())));
}

proptest! {
    #[test]
    fn it_is_a_map_and_a_copy_stays_as_it_was(first in steps(), then in steps()) {
        let (mut map, mut model) = (BlockMap::default(), BTreeMap::new());
        apply(&mut map, &mut model, first);
        let (copy, copied) = (map.clone(), model.clone());
        apply(&mut map, &mut model, then);
        check(&map, &model);
        check(&copy, &copied);
        prop_assert_eq!(map == copy, model == copied);
        let told: BTreeMap<u16, _> = map.differences(&copy).map(|(key, then, now)| (*key, (then, now))).collect();
        for key in 0..600 {
            let (then, now) = (copied.get(&key), model.get(&key));
            match told.get(&key) {
                Some(difference) => prop_assert_eq!(*difference, (then, now)),
                None => prop_assert_eq!(then, now),
            }
        }
    }

    #[test]
    fn it_travels_as_json(steps in steps()) {
        let (mut map, mut model) = (BlockMap::default(), BTreeMap::new());
        apply(&mut map, &mut model, steps);
        let json = serde_json::to_string(&map).unwrap();
        prop_assert_eq!(&json, &serde_json::to_string(&model).unwrap());
        prop_assert_eq!(serde_json::from_str::<BlockMap<u16, u8>>(&json).unwrap(), map);
    }
}

#[test]
fn a_change_shares_all_other_blocks() {
    let mut map: BlockMap<u32, u32> = (0..10_000).map(|number| (number, number)).collect();
    let before = map.clone();
    assert_eq!(map.differences(&before).count(), 0);
    map.insert(7_000, 1);
    assert!(map.differences(&before).count() <= BLOCK);
    assert_eq!(map.differences(&before).filter(|(_, then, now)| then != now).count(), 1);
}

#[test]
fn what_was_many_and_is_few_takes_few_blocks() {
    let mut map: BlockMap<u32, u32> = (0..10_000).map(|number| (number, number)).collect();
    (0..9_900).for_each(|key| assert_eq!(map.remove(&key), Some(key)));
    assert!(map.blocks.len() <= 8, "{}", map.blocks.len());
    (9_900..10_000).for_each(|key| assert_eq!(map.remove(&key), Some(key)));
    assert!(map.is_empty() && map.blocks.is_empty());
}
