//! The certificates that a CA has issued to this fleet, and the answers to its challenges: the control plane follows them in
//! the store, the data plane shows them. Beside them stands what is known of the certificates in files, to be told.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use rustls::sign::CertifiedKey;

/// Certificates and keys by the one host that each is for, in lower case.
pub type IssuedCertificates = HashMap<String, Arc<CertifiedKey>>;

/// What a CA may ask for, to see that a host leads here.
#[derive(Debug, Default)]
pub struct Challenges {
    /// What is answered under `/.well-known/acme-challenge/`: key authorizations by token (RFC 8555 section 8.3).
    pub answers: HashMap<String, String>,
    /// What is shown in a handshake of `acme-tls/1`, by host (RFC 8737).
    pub certificates: IssuedCertificates,
}

/// A certificate in files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileCertificate {
    /// The certificate's file.
    pub file: String,
    /// The names that it is for; empty: it could not be read yet.
    pub names: Vec<String>,
    /// When it ends, in Unix seconds. None: not known.
    pub ends_at: Option<u64>,
    /// Why its files cannot be used as they are now. None: they can.
    pub fault: Option<String>,
}

/// What the planes share of certificates.
#[derive(Default)]
pub struct LiveCertificates {
    issued: ArcSwap<IssuedCertificates>,
    challenges: ArcSwap<Challenges>,
    /// Whether there are challenges: what a request has to look at while there are none.
    is_challenged: AtomicBool,
    files: ArcSwap<Vec<FileCertificate>>,
    failed_reads: AtomicU64,
    ticket_secrets: ArcSwap<TicketSecrets>,
}

/// What the keys of session tickets are derived from, each with its id, the one that is used for new tickets first.
pub type TicketSecrets = Vec<(u8, [u8; 16])>;

impl std::fmt::Debug for LiveCertificates {
    /// Without what is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveCertificates").field("files", &self.files).finish_non_exhaustive()
    }
}

impl LiveCertificates {
    /// Shows these from now on, in place of those before.
    pub fn set_issued(&self, issued: IssuedCertificates) {
        self.issued.store(Arc::new(issued));
    }

    /// Whether a CA has issued any.
    pub fn has_issued(&self) -> bool {
        !self.issued.load().is_empty()
    }

    /// The certificate of a host, whose name is in lower case.
    pub fn issued_for(&self, host: &str) -> Option<Arc<CertifiedKey>> {
        self.issued.load().get(host).cloned()
    }

    /// Answers these challenges from now on, and no others.
    pub fn set_challenges(&self, challenges: Challenges) {
        let is_challenged = !challenges.answers.is_empty() || !challenges.certificates.is_empty();
        self.challenges.store(Arc::new(challenges));
        self.is_challenged.store(is_challenged, Ordering::Release);
    }

    /// Whether a CA may ask for anything now.
    pub fn is_challenged(&self) -> bool {
        self.is_challenged.load(Ordering::Acquire)
    }

    /// The key authorization of a token.
    pub fn answer_to(&self, token: &str) -> Option<String> {
        self.challenges.load().answers.get(token).cloned()
    }

    /// What is shown to a CA that asks for this host by `acme-tls/1`.
    pub fn challenge_for(&self, host: &str) -> Option<Arc<CertifiedKey>> {
        self.challenges.load().certificates.get(host).cloned()
    }

    /// What is known of a pair of files, by its place among them.
    pub fn set_file(&self, index: usize, file: &FileCertificate) {
        self.files.rcu(|files| {
            let mut files = Vec::clone(files);
            match files.get_mut(index) {
                Some(known) => *known = file.clone(),
                None => files.push(file.clone()),
            }
            files
        });
    }

    /// Notes that files of a certificate were read again and cannot be used.
    pub fn note_failed_read(&self) {
        self.failed_reads.fetch_add(1, Ordering::Relaxed);
    }

    /// How often that was so.
    pub fn failed_reads(&self) -> u64 {
        self.failed_reads.load(Ordering::Relaxed)
    }

    /// Gives tickets by the first of these from now on, and reads those of all.
    pub fn set_ticket_secrets(&self, secrets: TicketSecrets) {
        self.ticket_secrets.store(Arc::new(secrets));
    }

    /// What the keys of session tickets are derived from; empty: nothing is known yet.
    pub fn ticket_secrets(&self) -> Arc<TicketSecrets> {
        self.ticket_secrets.load_full()
    }

    /// The certificates in files, in the order of the settings.
    pub fn files(&self) -> Arc<Vec<FileCertificate>> {
        self.files.load_full()
    }
}
