//! Session tickets that every router of the fleet can read, also after a restart: their keys are derived from the fleet's secret
//! (that of the pin keys) and the time, so that they need no place in the store and no word between routers.
//!
//! A key is for six hours. Tickets of the period before are read as well, and those of the next one, by clocks that differ.
//! Without a secret, before the first table, no tickets are given.

use std::sync::Arc;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hkdf::{HKDF_SHA256, Salt},
};
use rustls::server::ProducesTickets;

use crate::{clock::Clock, live::certificates::LiveCertificates};

/// How long one key gives tickets, in seconds. As long as rustls keeps one by itself.
const PERIOD_SECONDS: u64 = 6 * 3_600;
/// Tells these keys from whatever else is derived from the secret.
const LABEL: &[u8] = b"rolling-router session tickets 1";
/// The id of the secret, then the number of the period.
const HEAD_BYTES: usize = 1 + 8;

/// Gives and reads tickets by the fleet's secret.
pub struct FleetTickets {
    secrets: Arc<LiveCertificates>,
    clock: Clock,
    /// What sessions have in common that may be resumed for each other; empty: they are those of clients that nobody asked for a
    /// certificate.
    bound_to: Box<[u8]>,
}

impl std::fmt::Debug for FleetTickets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FleetTickets")
    }
}

impl FleetTickets {
    /// By the secrets that are known at the time.
    pub fn new(secrets: Arc<LiveCertificates>, clock: Clock) -> Self {
        Self { secrets, clock, bound_to: Box::default() }
    }

    /// Gives and reads those alone that are bound to this.
    #[must_use]
    pub fn bound_to(self, label: &[u8]) -> Self {
        Self { bound_to: label.into(), ..self }
    }

    fn key(&self, secret: &[u8], period: u64) -> Option<RandomizedNonceKey> {
        key(secret, period, &self.bound_to)
    }

    fn period(&self) -> u64 {
        self.clock.wall_ms() / 1_000 / PERIOD_SECONDS
    }
}

impl ProducesTickets for FleetTickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(2 * PERIOD_SECONDS).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let secrets = self.secrets.ticket_secrets();
        let (id, secret) = secrets.first()?;
        let period = self.period();
        let mut sealed = plain.to_vec();
        let head = head(*id, period);
        let nonce = self.key(secret, period)?.seal_in_place_append_tag(Aad::from(head), &mut sealed).ok()?;
        Some([&head[..], &nonce.as_ref()[..], &sealed[..]].concat())
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (head, rest) = ticket.split_at_checked(HEAD_BYTES)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
        let (id, period) = head.split_first()?;
        let period = u64::from_be_bytes(period.try_into().ok()?);
        if period.abs_diff(self.period()) > 1 {
            return None;
        }
        let secrets = self.secrets.ticket_secrets();
        let (_, secret) = secrets.iter().find(|(known, _)| known == id)?;
        let mut opened = sealed.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let plain = self.key(secret, period)?.open_in_place(nonce, Aad::from(head), &mut opened).ok()?.len();
        opened.truncate(plain);
        Some(opened)
    }
}

fn head(id: u8, period: u64) -> [u8; HEAD_BYTES] {
    let mut head = [id; HEAD_BYTES];
    head[1..].copy_from_slice(&period.to_be_bytes());
    head
}

/// The key of a period for sessions that are bound to this (HKDF, RFC 5869).
fn key(secret: &[u8], period: u64, bound_to: &[u8]) -> Option<RandomizedNonceKey> {
    let derived = Salt::new(HKDF_SHA256, LABEL).extract(secret);
    let mut bytes = [0; 32];
    derived.expand(&[&period.to_be_bytes(), bound_to], HKDF_SHA256).ok()?.fill(&mut bytes).ok()?;
    RandomizedNonceKey::new(&AES_256_GCM, &bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tickets(secrets: &[(u8, [u8; 16])], clock: &Clock) -> FleetTickets {
        let live = Arc::new(LiveCertificates::default());
        live.set_ticket_secrets(secrets.to_vec());
        FleetTickets::new(live, clock.clone())
    }

    #[test]
    fn another_router_with_the_secret_reads_a_ticket_and_nobody_else_does() {
        let clock = Clock::manual(1_700_000_000_000);
        let ticket = tickets(&[(7, [1; 16])], &clock).encrypt(b"state").expect("a secret is known");
        let read = Some(b"state".to_vec());
        for (secrets, expected) in [
            (vec![(7, [1; 16])], read.clone()),
            (vec![(8, [2; 16]), (7, [1; 16])], read),
            (vec![(7, [2; 16])], None),
            (vec![(8, [1; 16])], None),
            (vec![], None),
        ] {
            assert_eq!(tickets(&secrets, &clock).decrypt(&ticket), expected, "{secrets:?}");
        }
        assert_eq!(tickets(&[], &clock).encrypt(b"state"), None);
        let reader = tickets(&[(7, [1; 16])], &clock);
        for at in 0..ticket.len() {
            let mut changed = ticket.clone();
            changed[at] ^= 1;
            assert_eq!(reader.decrypt(&changed), None, "byte {at}");
            assert_eq!(reader.decrypt(&ticket[..at]), None, "cut at {at}");
        }
    }

    #[test]
    fn a_ticket_is_read_by_those_that_are_bound_to_the_same() {
        let clock = Clock::manual(1_700_000_000_000);
        let bound = |label: &[u8]| tickets(&[(7, [1; 16])], &clock).bound_to(label);
        let labels = [&b""[..], b"one", b"two"];
        for (given, read) in labels.into_iter().flat_map(|given| labels.map(|read| (given, read))) {
            let ticket = bound(given).encrypt(b"state").expect("a secret is known");
            assert_eq!(bound(read).decrypt(&ticket).is_some(), given == read, "{given:?} {read:?}");
        }
    }

    #[test]
    fn a_ticket_is_read_for_the_period_after_its_own() {
        let clock = Clock::manual(1_700_000_000_000);
        let tickets = tickets(&[(7, [1; 16])], &clock);
        let now = tickets.period();
        let of = |period: u64| {
            let (head, mut sealed) = (head(7, period), b"state".to_vec());
            let key = key(&[1; 16], period, &[]).expect("a key can be derived");
            let nonce = key.seal_in_place_append_tag(Aad::from(head), &mut sealed).expect("it can be sealed");
            [&head[..], &nonce.as_ref()[..], &sealed[..]].concat()
        };
        for (period, read) in
            [(now - 2, false), (now - 1, true), (now, true), (now + 1, true), (now + 2, false)]
        {
            assert_eq!(tickets.decrypt(&of(period)).is_some(), read, "{period} at {now}");
        }
    }
}
