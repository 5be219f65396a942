//! The places of pages that follow the live stream: so many in all, with one token, and from one address.
//!
//! One viewer with a script, or one office, leaves room for everybody else.

use std::{collections::HashMap, hash::Hash, net::IpAddr, sync::Arc};

use parking_lot::Mutex;

use super::{
    access::{known_token::Digest, live_tokens::Pass, network::network},
    error::{ApiError, Kind},
};
use crate::{control::limits::STREAMS_MAX, limits::Limits};

/// The places of all pages.
#[derive(Debug)]
pub struct StreamPlaces {
    per_token_max: usize,
    per_address_max: usize,
    taken: Mutex<PlaceCounts>,
}

#[derive(Debug, Default)]
struct PlaceCounts {
    all: usize,
    by_token: HashMap<Digest, usize>,
    by_address: HashMap<IpAddr, usize>,
}

/// One page's place; free again when it is dropped.
#[derive(Debug)]
pub struct StreamPlace {
    places: Arc<StreamPlaces>,
    token: Digest,
    address: IpAddr,
}

impl StreamPlaces {
    pub fn new(limits: &Limits) -> Arc<Self> {
        let count = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
        let per_address_max = match limits.streams_per_address_max {
            0 => usize::MAX,
            limit => count(limit),
        };
        let per_token_max = count(limits.streams_per_token_max);
        Arc::new(Self { per_token_max, per_address_max, taken: Mutex::default() })
    }

    /// Gives a page its place, or says which limit it met.
    pub fn take(self: &Arc<Self>, pass: &Pass) -> Result<StreamPlace, ApiError> {
        let (token, address) = (*pass.digest(), network(pass.address()));
        let mut taken = self.taken.lock();
        let full = |what: String, limit: &str, most: usize| {
            let message = format!("{what} follows on {most} pages; allowed are {most} ({limit}): close one");
            Err(ApiError::new(Kind::Busy, message))
        };
        if taken.by_token.get(&token).is_some_and(|count| *count >= self.per_token_max) {
            let who = format!("the token `{}`", pass.caller().name);
            return full(who, "limits.streams_per_token_max", self.per_token_max);
        }
        if taken.by_address.get(&address).is_some_and(|count| *count >= self.per_address_max) {
            let who = format!("the address {address}");
            return full(who, "limits.streams_per_address_max", self.per_address_max);
        }
        if taken.all >= STREAMS_MAX {
            return full("this router's users".to_owned(), "in all", STREAMS_MAX);
        }
        taken.all += 1;
        *taken.by_token.entry(token).or_default() += 1;
        *taken.by_address.entry(address).or_default() += 1;
        Ok(StreamPlace { places: Arc::clone(self), token, address })
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        taken.all -= 1;
        release(&mut taken.by_token, &self.token);
        release(&mut taken.by_address, &self.address);
    }
}

fn release<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}
