//! Certificates that the router shows to endpoints which ask for one: files of one folder, by the names that apps use for them.
//!
//! A file is looked at with each handshake, which costs far more than that, and is read again once it has changed. One that cannot be
//! read keeps what was read before. No key goes through the store or the API.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use parking_lot::Mutex;
use rustls::{
    SignatureScheme,
    client::ResolvesClientCert,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

/// Where the files are. Unset: there are none.
static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// Says where the files are: `NAME.pem` each, with the certificate, the intermediate ones, and the key. What was said first counts.
pub fn set_folder(folder: PathBuf) {
    // A process has one configuration.
    let _ = FOLDER.set(folder);
}

/// A certificate and its key.
#[derive(Debug)]
pub struct Identity {
    /// `None`: the router has no folder.
    file: Option<PathBuf>,
    read: Mutex<LastRead>,
}

#[derive(Debug, Default)]
struct LastRead {
    /// When the file that was read last had been written, and its length.
    of: Option<(SystemTime, u64)>,
    key: Option<Arc<CertifiedKey>>,
}

impl Identity {
    /// What the folder has under this name, now or later.
    pub fn named(name: &str) -> Self {
        let file = FOLDER.get().map(|folder| folder.join(format!("{name}.pem")));
        Self { file, read: Mutex::default() }
    }

    /// What is shown now, if the router has it.
    pub fn current(&self) -> Option<Arc<CertifiedKey>> {
        let file = self.file.as_deref()?;
        let mut read = self.read.lock();
        let stamp = fs::metadata(file).and_then(|found| Ok((found.modified()?, found.len()))).ok();
        if stamp.is_some() && stamp != read.of {
            read.of = stamp;
            match read_pair(file) {
                Ok(key) => read.key = Some(Arc::new(key)),
                Err(error) => {
                    tracing::warn!(file = %file.display(), "a client certificate cannot be read: {error}")
                }
            }
        }
        read.key.clone()
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.current()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn read_pair(file: &Path) -> io::Result<CertifiedKey> {
    let pem = fs::read(file)?;
    let bad = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| bad(error.to_string()))?;
    if chain.is_empty() {
        return Err(bad("it has no certificate".into()));
    }
    let key = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|error| bad(format!("it has no private key: {error}")))?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|error| bad(error.to_string()))
}
