//! The board of certificates: what the store holds of them, as the watch told it. Only the task that follows the store writes
//! it; what it takes is shown to clients and to the CA at once.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use keyvalues::{Entry, Listing, Revision};
use parking_lot::Mutex;
use rustls::sign::CertifiedKey;
use tokio::sync::watch;

use super::{
    options::Challenge,
    serving::{certified_key, challenge_certificate},
    stored::{AcmeKey, StoredCertificate, StoredOrder},
};
use crate::{
    control::shared::entries::decode,
    live::certificates::{Challenges, LiveCertificates},
};

/// A certificate in the store, as it is shown to clients.
#[derive(Debug, Clone)]
pub struct BoardCertificate {
    pub revision: Revision,
    pub stored: StoredCertificate,
    /// Why it cannot be shown; none: it is.
    pub fault: Option<String>,
}

/// An order in the store.
#[derive(Debug, Clone)]
pub struct BoardOrder {
    pub revision: Revision,
    pub stored: StoredOrder,
}

/// Everything that is known of certificates of a CA.
#[derive(Debug)]
pub struct AcmeBoard {
    known: Mutex<Known>,
    live: Arc<LiveCertificates>,
    changes: watch::Sender<()>,
    /// Held while the account is made, and while an order is opened and counted: this router does one at a time.
    pub opening: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    certificates: BTreeMap<String, BoardCertificate>,
    orders: BTreeMap<String, BoardOrder>,
    has_account: bool,
    shown: HashMap<String, Arc<CertifiedKey>>,
    /// What is shown for a challenge by handshake, beside the key authorization that it was made of.
    handshakes: HashMap<String, (String, Arc<CertifiedKey>)>,
}

impl AcmeBoard {
    pub fn new(live: Arc<LiveCertificates>) -> Self {
        Self {
            known: Mutex::default(),
            live,
            changes: watch::Sender::default(),
            opening: tokio::sync::Mutex::default(),
        }
    }

    /// Takes a whole listing, in place of everything.
    pub fn replace(&self, listing: &Listing) {
        let mut known = self.known.lock();
        *known = Known { handshakes: std::mem::take(&mut known.handshakes), ..Known::default() };
        for entry in &listing.entries {
            known.take(entry.key.as_str(), Some(entry));
        }
        self.show(&mut known);
    }

    /// Takes one write or deletion; `false` when the key is not about certificates.
    pub fn take(&self, key: &str, entry: Option<&Entry>) -> bool {
        let mut known = self.known.lock();
        let taken = known.take(key, entry);
        if taken {
            self.show(&mut known);
        }
        taken
    }

    fn show(&self, known: &mut Known) {
        self.live.set_issued(known.shown.clone());
        self.live.set_challenges(known.challenges());
        self.changes.send_replace(());
    }

    /// Tells of changes.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// All certificates, by host.
    pub fn certificates(&self) -> BTreeMap<String, BoardCertificate> {
        self.known.lock().certificates.clone()
    }

    /// All orders, by host.
    pub fn orders(&self) -> BTreeMap<String, BoardOrder> {
        self.known.lock().orders.clone()
    }

    /// Whether the fleet has an account with a CA.
    pub fn has_account(&self) -> bool {
        self.known.lock().has_account
    }
}

impl Known {
    fn take(&mut self, key: &str, entry: Option<&Entry>) -> bool {
        match AcmeKey::of(key) {
            None => return false,
            Some(AcmeKey::Account) => self.has_account = entry.is_some(),
            Some(AcmeKey::Certificate(host)) => self.take_certificate(host, entry),
            Some(AcmeKey::Order(host)) => {
                let stored = entry.and_then(|entry| Some((entry.modified, decode(&entry.value)?)));
                match stored {
                    Some((revision, stored)) => {
                        self.orders.insert(host.to_owned(), BoardOrder { revision, stored });
                    }
                    None => drop(self.orders.remove(host)),
                }
            }
            Some(AcmeKey::Other) => {}
        }
        true
    }

    /// One that cannot be used leaves the last good one shown.
    fn take_certificate(&mut self, host: &str, entry: Option<&Entry>) {
        let Some(entry) = entry else {
            self.certificates.remove(host);
            self.shown.remove(host);
            return;
        };
        let Some(stored) = decode::<StoredCertificate>(&entry.value) else {
            tracing::error!(host, "the stored certificate cannot be read");
            return;
        };
        let certified = certified_key(host, &stored);
        let fault = certified.as_ref().err().cloned();
        if let Some(fault) = &fault {
            tracing::error!(host, fault, "the stored certificate cannot be used");
        }
        self.shown.extend(certified.ok().map(|shown| (host.to_owned(), shown)));
        let known = BoardCertificate { revision: entry.modified, stored, fault };
        self.certificates.insert(host.to_owned(), known);
    }

    /// What a CA may ask for now.
    fn challenges(&mut self) -> Challenges {
        let mut challenges = Challenges::default();
        let mut handshakes = HashMap::new();
        for (host, order) in &self.orders {
            let Some(challenge) = &order.stored.challenge else { continue };
            let said = &challenge.key_authorization;
            match challenge.kind {
                Challenge::Http01 => drop(challenges.answers.insert(challenge.token.clone(), said.clone())),
                Challenge::TlsAlpn01 => {
                    let made = self.handshakes.remove(host).filter(|(of, _)| of == said);
                    let made = match made {
                        Some((_, made)) => Ok(made),
                        None => challenge_certificate(host, said),
                    };
                    match made {
                        Ok(made) => drop(handshakes.insert(host.clone(), (said.clone(), made))),
                        Err(error) => tracing::error!(host, error, "a challenge cannot be answered"),
                    }
                }
            }
        }
        let shown =
            |(host, (_, made)): (&String, &(String, Arc<CertifiedKey>))| (host.clone(), Arc::clone(made));
        challenges.certificates = handshakes.iter().map(shown).collect();
        self.handshakes = handshakes;
        challenges
    }
}
