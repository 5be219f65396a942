//! Certificates from a CA (ACME, RFC 8555): which one, on whose behalf, and how often it is asked.

use std::{fs, path::PathBuf};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use super::{
    acme_settings::{
        ACME_CA, ACME_CHALLENGES, ACME_CONTACT, ACME_DIRECTORY, ACME_EXTERNAL_ACCOUNT, ACME_ORDERS_PER_WEEK,
        ACME_TERMS_AGREED,
    },
    error::ConfigError,
    fault::{Fault, NOT_ALLOWED},
    parsers,
    raw::RawConfig,
    setting_form::Setting,
};

/// Let's Encrypt, and where it is tried out.
const KNOWN: [(&str, &str); 2] = [
    ("letsencrypt", "https://acme-v02.api.letsencrypt.org/directory"),
    ("letsencrypt-staging", "https://acme-staging-v02.api.letsencrypt.org/directory"),
];

/// How a CA sees that a host leads here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChallengeKind {
    /// By a path on port 80 (RFC 8555 section 8.3).
    Http01,
    /// By a handshake on port 443 (RFC 8737).
    TlsAlpn01,
}

/// The CA that is asked, and on whose behalf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    /// The URL of its directory.
    pub directory: String,
    /// Mail addresses.
    pub contact: Vec<String>,
    /// The key id and the HMAC key of an account with the CA.
    pub external_account: Option<(String, Vec<u8>)>,
    /// PEM: whom to trust as its server. None: whom the machine trusts.
    pub roots: Option<Vec<u8>>,
    /// At least one; the first is tried first.
    pub challenges: Vec<ChallengeKind>,
    /// Orders for a registered domain within seven days.
    pub orders_per_week: u32,
    /// The files that were read.
    pub files: Vec<(&'static str, PathBuf)>,
}

impl Acme {
    /// From the settings. None: no CA is asked.
    pub(super) fn from_raw(raw: &RawConfig) -> Result<Option<Self>, ConfigError> {
        let directory = raw.optional(&ACME_DIRECTORY, directory)?;
        let agreed = raw.required(&ACME_TERMS_AGREED, parsers::off_or_on)?;
        let contact = raw.list(&ACME_CONTACT, mail)?;
        let external = raw.optional(&ACME_EXTERNAL_ACCOUNT, parsers::path)?;
        let roots = raw.optional(&ACME_CA, parsers::path)?;
        let challenges = raw.required(&ACME_CHALLENGES, challenges)?;
        let orders_per_week = raw.required(&ACME_ORDERS_PER_WEEK, orders)?;
        let Some(directory) = directory else {
            let given = [(&ACME_EXTERNAL_ACCOUNT, external.is_some()), (&ACME_CA, roots.is_some())];
            return match given.iter().find(|(_, given)| *given) {
                Some((setting, _)) => Err(ConfigError::Contradiction(format!(
                    "`{}` is set, but no CA is: `acme_directory` is missing",
                    setting.name
                ))),
                None => Ok(None),
            };
        };
        if !agreed {
            return Err(ConfigError::Contradiction(
                "`acme_directory` is set, and `acme_terms_agreed` is off: a CA issues nothing to who has not agreed to its terms"
                    .into(),
            ));
        }
        let files = [(&ACME_EXTERNAL_ACCOUNT, external.clone()), (&ACME_CA, roots.clone())];
        let files = files.into_iter().filter_map(|(setting, path)| Some((setting.name, path?))).collect();
        let external_account = external.map(read_account).transpose()?;
        let roots = roots.map(read_roots).transpose()?;
        Ok(Some(Self { directory, contact, external_account, roots, challenges, orders_per_week, files }))
    }
}

fn directory(text: &str) -> Result<String, Fault> {
    if let Some((_, url)) = KNOWN.iter().find(|(name, _)| *name == text) {
        return Ok((*url).to_owned());
    }
    let url = reqwest::Url::parse(text).ok().filter(|url| url.scheme() == "https" && url.has_host());
    url.map(String::from).ok_or(NOT_ALLOWED)
}

fn mail(text: &str) -> Result<String, Fault> {
    let is_mail = text.len() <= 254
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"?%,".contains(&byte))
        && text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    if is_mail { Ok(text.to_owned()) } else { Err(format!("`{text}` is not a mail address").into()) }
}

fn challenges(text: &str) -> Result<Vec<ChallengeKind>, Fault> {
    let one = |part: &str| match part.trim() {
        "http-01" => Ok(ChallengeKind::Http01),
        "tls-alpn-01" => Ok(ChallengeKind::TlsAlpn01),
        _ => Err(NOT_ALLOWED),
    };
    let kinds = text.split(',').map(one).collect::<Result<Vec<_>, Fault>>()?;
    if kinds.len() == 2 && kinds[0] == kinds[1] || kinds.len() > 2 { Err(NOT_ALLOWED) } else { Ok(kinds) }
}

fn orders(text: &str) -> Result<u32, Fault> {
    text.parse().ok().filter(|number| (1..=100_000).contains(number)).ok_or(NOT_ALLOWED)
}

/// The key id and the HMAC key. What the file holds is not repeated.
fn read_account(path: PathBuf) -> Result<(String, Vec<u8>), ConfigError> {
    let refused = |fault: &str| refused(&ACME_EXTERNAL_ACCOUNT, path.clone(), fault.to_owned());
    let text =
        fs::read_to_string(&path).map_err(|error| refused(&format!("the file cannot be read: {error}")))?;
    let mut words = text.split_ascii_whitespace();
    let (Some(id), Some(key), None) = (words.next(), words.next(), words.next()) else {
        return Err(refused("the file has other than a key id and a key"));
    };
    let key = BASE64_URL_SAFE_NO_PAD.decode(key.trim_end_matches('='));
    Ok((id.to_owned(), key.map_err(|_| refused("the key is not base64url"))?))
}

fn read_roots(path: PathBuf) -> Result<Vec<u8>, ConfigError> {
    let refused = |fault: String| refused(&ACME_CA, path.clone(), fault);
    let bytes = fs::read(&path).map_err(|error| refused(format!("the file cannot be read: {error}")))?;
    match reqwest::Certificate::from_pem_bundle(&bytes) {
        Ok(roots) if !roots.is_empty() => Ok(bytes),
        _ => Err(refused("the file has no certificate".to_owned())),
    }
}

fn refused(setting: &'static Setting, path: PathBuf, fault: String) -> ConfigError {
    ConfigError::Certificate { setting, path, fault }
}
