//! When a certificate is renewed: when the CA suggests it (renewal information, RFC 9773), else when two thirds of its time have
//! passed. Routers and certificates that began together do not come back together.

use std::time::Duration;

use instant_acme::{Account, CertificateIdentifier};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use crate::control::limits::ACME_RENEWAL_ASK;

/// When a certificate is renewed, and when the CA is asked again about that (Unix ms).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewal {
    pub renew_at: u64,
    pub ask_again_at: Option<u64>,
}

/// How the CA names a certificate in renewal information; none: it cannot be named.
pub fn identifier(chain: &str) -> Option<CertificateIdentifier<'static>> {
    let first = CertificateDer::from_pem_slice(chain.as_bytes()).ok()?;
    CertificateIdentifier::try_from(&first).ok().map(CertificateIdentifier::into_owned)
}

/// What the CA suggests; none: it suggests nothing, or cannot be asked now.
pub async fn suggested(account: &Account, chain: &str, now_ms: u64, share: f64) -> Option<Renewal> {
    let (information, again) = account.renewal_info(&identifier(chain)?).await.ok()?;
    let window = information.suggested_window;
    let (start, end) = (ms(window.start.unix_timestamp()), ms(window.end.unix_timestamp()));
    let again = again.clamp(ACME_RENEWAL_ASK.0, ACME_RENEWAL_ASK.1);
    let renew_at = between(start, end.max(start), share);
    Some(Renewal { renew_at, ask_again_at: Some(now_ms + millis(again)) })
}

/// What is done of one's own accord with a certificate of this time. `share`: 0 to 1, drawn.
pub fn unsuggested(issued_at: u64, ends_at: u64, share: f64) -> Renewal {
    let lifetime = ends_at.saturating_sub(issued_at);
    let latest = issued_at + lifetime * 2 / 3;
    Renewal { renew_at: between(latest - lifetime / 20, latest, share), ask_again_at: None }
}

/// A drawn share, 0 to 1.
pub fn drawn() -> f64 {
    let mut byte = [0];
    // Without randomness it is the end of each window.
    let _ = getrandom::fill(&mut byte);
    1.0 - f64::from(byte[0]) / 255.0
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "times are below 2^52 ms"
)]
fn between(start: u64, end: u64, share: f64) -> u64 {
    start + ((end - start) as f64 * share) as u64
}

fn ms(seconds: i64) -> u64 {
    u64::try_from(seconds).unwrap_or_default() * 1_000
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_renewed_at_two_thirds_of_its_time_or_a_little_before() {
        let at = |share| unsuggested(1_000_000, 1_090_000, share).renew_at;
        assert_eq!((at(0.0), at(1.0)), (1_055_500, 1_060_000));
        assert!((1_055_500..=1_060_000).contains(&at(drawn())));
        assert_eq!(unsuggested(5_000, 4_000, 1.0).renew_at, 5_000, "one that has ended is renewed at once");
    }
}
