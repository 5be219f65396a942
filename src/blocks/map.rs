//! An ordered map.

use std::{borrow::Borrow, cmp::Ordering, fmt, marker::PhantomData, ops::Index, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::block::BLOCK;

/// Two neighbours that hold no more than this together become one.
const MERGED: usize = BLOCK / 2;

/// A map ordered by key. Finding a key takes two binary searches.
#[derive(Clone)]
pub struct BlockMap<K, V> {
    /// None of them empty, none above [`BLOCK`] items, all in order.
    blocks: Vec<Block<K, V>>,
    len: usize,
}

type Block<K, V> = Arc<Vec<(K, V)>>;

impl<K, V> Default for BlockMap<K, V> {
    fn default() -> Self {
        Self { blocks: Vec::new(), len: 0 }
    }
}

impl<K: Ord, V> BlockMap<K, V> {
    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let block = self.blocks.get(self.block_of(key)?)?;
        let at = block.binary_search_by(|(known, _)| known.borrow().cmp(key)).ok()?;
        Some(&block[at].1)
    }

    /// Whether there is such a key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// All keys and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> + Clone {
        self.blocks.iter().flat_map(|block| block.iter()).map(|(key, value)| (key, value))
    }

    /// All keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> + Clone {
        self.iter().map(|(key, _)| key)
    }

    /// All values, ordered by key.
    pub fn values(&self) -> impl Iterator<Item = &V> + Clone {
        self.iter().map(|(_, value)| value)
    }

    /// Keys that may have another value than in `before`, in order: key, what it was, what it is. Blocks that both
    /// share are passed over; the rest is for the caller to compare.
    pub fn differences<'a>(&'a self, before: &'a Self) -> Differences<'a, K, V> {
        let cursor = |blocks| Cursor { blocks, at: 0 };
        Differences { before: cursor(&before.blocks), after: cursor(&self.blocks) }
    }

    /// The block in which a key is, if it is anywhere; none where it would come before all.
    fn block_of<Q: Ord + ?Sized>(&self, key: &Q) -> Option<usize>
    where
        K: Borrow<Q>,
    {
        let first = |block: &Block<K, V>| block.first().is_some_and(|(first, _)| first.borrow() <= key);
        self.blocks.partition_point(first).checked_sub(1)
    }
}

impl<K: Ord + Clone, V: Clone> BlockMap<K, V> {
    /// Sets a value; what it was.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let index = self.block_of(&key).unwrap_or(0);
        let Some(shared) = self.blocks.get_mut(index) else {
            self.blocks.push(Arc::new(vec![(key, value)]));
            self.len = 1;
            return None;
        };
        let block = Arc::make_mut(shared);
        match block.binary_search_by(|(known, _)| known.cmp(&key)) {
            Ok(at) => Some(std::mem::replace(&mut block[at].1, value)),
            Err(at) => {
                block.insert(at, (key, value));
                if block.len() > BLOCK {
                    let rest = block.split_off(block.len() / 2);
                    self.blocks.insert(index + 1, Arc::new(rest));
                }
                self.len += 1;
                None
            }
        }
    }

    /// Takes a key out; its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let index = self.block_of(key)?;
        let at = self.blocks[index].binary_search_by(|(known, _)| known.borrow().cmp(key)).ok()?;
        let (_, value) = Arc::make_mut(&mut self.blocks[index]).remove(at);
        self.len -= 1;
        self.merge(index);
        Some(value)
    }

    /// Lets a block that has become small go into its neighbour.
    fn merge(&mut self, index: usize) {
        if self.blocks[index].is_empty() {
            self.blocks.remove(index);
            return;
        }
        let left = index.min(self.blocks.len().saturating_sub(2));
        let fits = |pair: &[Block<K, V>]| pair.iter().map(|block| block.len()).sum::<usize>() <= MERGED;
        if self.blocks.get(left..left + 2).is_some_and(fits) {
            let right = self.blocks.remove(left + 1);
            Arc::make_mut(&mut self.blocks[left]).extend(right.iter().cloned());
        }
    }
}

/// What differs between two maps; see [`BlockMap::differences`].
pub struct Differences<'a, K, V> {
    before: Cursor<'a, K, V>,
    after: Cursor<'a, K, V>,
}

struct Cursor<'a, K, V> {
    blocks: &'a [Block<K, V>],
    /// In the first of them.
    at: usize,
}

impl<'a, K, V> Cursor<'a, K, V> {
    fn peek(&self) -> Option<&'a (K, V)> {
        self.blocks.first()?.get(self.at)
    }

    fn step(&mut self) {
        self.at += 1;
        if self.blocks.first().is_some_and(|block| self.at == block.len()) {
            (self.blocks, self.at) = (&self.blocks[1..], 0);
        }
    }

    /// The block whose first item comes next.
    fn next_block(&self) -> Option<&'a Block<K, V>> {
        self.blocks.first().filter(|_| self.at == 0)
    }
}

impl<'a, K: Ord, V> Iterator for Differences<'a, K, V> {
    type Item = (&'a K, Option<&'a V>, Option<&'a V>);

    fn next(&mut self) -> Option<Self::Item> {
        while let (Some(then), Some(now)) = (self.before.next_block(), self.after.next_block())
            && Arc::ptr_eq(then, now)
        {
            self.before.blocks = &self.before.blocks[1..];
            self.after.blocks = &self.after.blocks[1..];
        }
        let (then, now) = (self.before.peek(), self.after.peek());
        let order = match (then, now) {
            (Some((then, _)), Some((now, _))) => then.cmp(now),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        let (then, now) = (then.filter(|_| order.is_le()), now.filter(|_| order.is_ge()));
        then.iter().for_each(|_| self.before.step());
        now.iter().for_each(|_| self.after.step());
        let (key, _) = now.or(then)?;
        Some((key, then.map(|(_, value)| value), now.map(|(_, value)| value)))
    }
}

impl<K: Ord, V: PartialEq> PartialEq for BlockMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.differences(other).all(|(_, then, now)| then == now)
    }
}

impl<K: Ord, V: Eq> Eq for BlockMap<K, V> {}

impl<K: Ord + fmt::Debug, V: fmt::Debug> fmt::Debug for BlockMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Panics where there is no such key, as other maps do.
impl<K: Ord + Borrow<Q>, Q: Ord + ?Sized, V> Index<&Q> for BlockMap<K, V> {
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("whoever indexes knows the key")
    }
}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for BlockMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(items: I) -> Self {
        let mut map = Self::default();
        items.into_iter().for_each(|(key, value)| drop(map.insert(key, value)));
        map
    }
}

impl<K: Ord + Clone, V: Clone, const N: usize> From<[(K, V); N]> for BlockMap<K, V> {
    fn from(items: [(K, V); N]) -> Self {
        items.into_iter().collect()
    }
}

impl<K: Ord + Serialize, V: Serialize> Serialize for BlockMap<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, K, V> Deserialize<'de> for BlockMap<K, V>
where
    K: Ord + Clone + Deserialize<'de>,
    V: Clone + Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Items(PhantomData))
    }
}

struct Items<K, V>(PhantomData<(K, V)>);

impl<'de, K, V> de::Visitor<'de> for Items<K, V>
where
    K: Ord + Clone + Deserialize<'de>,
    V: Clone + Deserialize<'de>,
{
    type Value = BlockMap<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut map = BlockMap::default();
        while let Some((key, value)) = items.next_entry()? {
            map.insert(key, value);
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests;
