//! One order, from its beginning to a certificate. What it has come to stands in the store after each step; only who wrote the
//! last step can write the next one.

use std::{sync::Arc, time::Duration};

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Identifier, NewOrder, Order, OrderStatus, RetryPolicy,
};
use keyvalues::{Check, Revision, Write};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{
    account::{account, forget_if_unknown},
    renewal::{Renewal, drawn, identifier, suggested, unsuggested},
    step::{Stop, commit},
};
use crate::control::{
    fleet::wait::{Target, wait_until_served},
    limits::{ACME_POLL_MAX, ACME_RENEW_AFTER, ACME_RETRIES, ACME_SPREAD_MAX, ACME_WEEK},
    shared::{
        acme::{
            board::{BoardCertificate, BoardOrder},
            options::{AcmeOptions, Challenge},
            serving::certified_key,
            stored::{
                Fault, StoredCertificate, StoredChallenge, StoredOrder, certificate_key, order_key, week_key,
            },
        },
        backoff::jittered,
        core::Core,
        entries::{as_read, decode, encode, own_key},
    },
};

/// An order that this router carries out.
pub struct OrderTask {
    pub core: Core,
    pub options: Arc<AcmeOptions>,
    pub host: String,
    /// The certificate that it replaces.
    pub before: Option<BoardCertificate>,
    /// The order before it, which failed or was left.
    pub earlier: Option<BoardOrder>,
}

/// How an order stands that this router carries out: what is stored, and at which revision.
#[derive(Clone)]
struct Standing {
    stored: StoredOrder,
    revision: Revision,
}

impl OrderTask {
    /// Carries it out; what goes wrong is stored with it.
    pub async fn run(self) {
        let Ok(mut standing) = self.begin().await else { return };
        match self.carry_out(&mut standing).await {
            Ok(()) => tracing::info!(host = self.host, "a certificate was issued"),
            Err(Stop::Overtaken) => tracing::info!(host = self.host, "another router goes on with the order"),
            Err(Stop::Failed(error)) => self.fail(standing, error, None).await,
        }
    }

    async fn begin(&self) -> Result<Standing, Stop> {
        let failures = self.earlier.as_ref().map_or(0, |earlier| earlier.stored.failures);
        let stored = StoredOrder {
            by: self.core.node.clone(),
            begun_at: self.core.clock.wall_ms(),
            failures,
            url: None,
            challenge: None,
            fault: None,
        };
        let as_known = |key: String, revision: Option<Revision>| match revision {
            Some(revision) => Check::Unchanged(own_key(&key), revision),
            None => Check::Absent(own_key(&key)),
        };
        // Both: an order that has just ended well is not begun again.
        let checks = vec![
            as_known(order_key(&self.host), self.earlier.as_ref().map(|earlier| earlier.revision)),
            as_known(certificate_key(&self.host), self.before.as_ref().map(|before| before.revision)),
        ];
        let revision = commit(&self.core, checks, vec![self.put(&stored)]).await?;
        Ok(Standing { stored, revision })
    }

    async fn carry_out(&self, standing: &mut Standing) -> Result<(), Stop> {
        let account = account(&self.core, &self.options).await?;
        let mut order = self.open(&account, standing).await?;
        self.show_that_it_leads_here(&mut order, standing).await?;
        let key = KeyPair::generate().map_err(|error| error.to_string())?;
        order.finalize_csr(&request(&self.host, &key)?).await?;
        let chain = order.poll_certificate(&patience()).await?;
        let certificate = self.certificate(&account, chain, key.serialize_pem()).await?;
        // One that could not be shown would take the place of one that can.
        certified_key(&self.host, &certificate)?;
        let checks = vec![self.unchanged(standing)];
        let certificate = Write::put(own_key(&certificate_key(&self.host)), encode(&certificate));
        let done = Write::delete(own_key(&order_key(&self.host)));
        commit(&self.core, checks, vec![certificate, done]).await.map(drop)
    }

    /// Opens the order at the CA, if the registered domain has not had too many lately.
    async fn open(&self, account: &Account, standing: &mut Standing) -> Result<Order, Stop> {
        let _opening = self.core.acme.opening.lock().await;
        let domain = psl::domain_str(&self.host).unwrap_or(&self.host);
        let week = own_key(&week_key(domain));
        let entry = self.core.store.get(&week).await.map_err(|error| error.to_string())?;
        let now = self.core.clock.wall_ms();
        let since = now.saturating_sub(millis(ACME_WEEK));
        let mut times: Vec<u64> = entry.as_ref().and_then(|entry| decode(&entry.value)).unwrap_or_default();
        times.retain(|at| *at > since);
        if times.len() >= usize::try_from(self.options.orders_per_week).unwrap_or(usize::MAX) {
            let (count, oldest) = (times.len(), times[0]);
            let error = format!(
                "{count} certificates were ordered for {domain} within seven days, as many as `acme_orders_per_week`"
            );
            self.fail(standing.clone(), error, Some(oldest + millis(ACME_WEEK))).await;
            return Err(Stop::Overtaken);
        }
        let order = self.ask(account).await?;
        times.push(now);
        standing.stored.url = Some(order.url().to_owned());
        let checks = vec![self.unchanged(standing), as_read(entry.as_ref(), week.as_str())];
        let writes = vec![self.put(&standing.stored), Write::put(week, encode(&times))];
        standing.revision = commit(&self.core, checks, writes).await?;
        Ok(order)
    }

    /// A new order. A CA with renewal information is told which certificate it replaces.
    async fn ask(&self, account: &Account) -> Result<Order, Stop> {
        let hosts = [Identifier::Dns(self.host.clone())];
        let before = self.before.as_ref().filter(|before| before.stored.directory == self.options.directory);
        if let Some(replaced) = before.and_then(|before| identifier(&before.stored.chain)) {
            let ordered = account.new_order(&NewOrder::new(&hosts).replaces(replaced)).await;
            if let Ok(order) = ordered {
                return Ok(order);
            }
        }
        let ordered = account.new_order(&NewOrder::new(&hosts)).await;
        if let Err(error) = &ordered {
            forget_if_unknown(&self.core, error).await;
        }
        Ok(ordered?)
    }

    /// Shows the CA that the host leads here. Each attempt shows it in the next way of the settings.
    async fn show_that_it_leads_here(&self, order: &mut Order, standing: &mut Standing) -> Result<(), Stop> {
        let ways = &self.options.challenges;
        let way = ways[standing.stored.failures as usize % ways.len()];
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            match authorization.status {
                AuthorizationStatus::Valid => continue,
                AuthorizationStatus::Pending => {}
                other => return Err(Stop::Failed(format!("the CA has the host as {other:?}"))),
            }
            let mut challenge = authorization
                .challenge(kind(way))
                .ok_or_else(|| format!("the CA does not offer {:?}", kind(way)))?;
            standing.stored.challenge = Some(StoredChallenge {
                kind: way,
                token: challenge.token.clone(),
                key_authorization: challenge.key_authorization().as_str().to_owned(),
            });
            let (checks, writes) = (vec![self.unchanged(standing)], vec![self.put(&standing.stored)]);
            standing.revision = commit(&self.core, checks, writes).await?;
            // Any member may be asked. One that lags makes the attempt fail, and the next one comes.
            let revision = standing.revision;
            wait_until_served(&self.core, revision, ACME_SPREAD_MAX, || Target::Store(revision)).await;
            challenge.set_ready().await?;
        }
        match order.poll_ready(&patience()).await? {
            OrderStatus::Ready => Ok(()),
            _ => Err(Stop::Failed(why_invalid(order).await)),
        }
    }

    async fn certificate(
        &self,
        account: &Account,
        chain: String,
        key: String,
    ) -> Result<StoredCertificate, Stop> {
        let now = self.core.clock.wall_ms();
        let share = drawn();
        let mut certificate = StoredCertificate {
            chain,
            key,
            directory: self.options.directory.clone(),
            issued_at: now,
            ends_at: now,
            renew_at: now,
            ask_again_at: None,
        };
        let certified: Arc<CertifiedKey> = certified_key(&self.host, &certificate)?;
        certificate.ends_at = ends_at(&certified)?;
        let renewal = match suggested(account, &certificate.chain, now, share).await {
            Some(suggested) => suggested,
            None => unsuggested(now, certificate.ends_at, share),
        };
        let Renewal { renew_at, ask_again_at } = renewal;
        // A CA that would have it renewed at once is not asked for one after the other.
        let earliest = now + millis(ACME_RENEW_AFTER).min(certificate.ends_at.saturating_sub(now) / 3);
        Ok(StoredCertificate { renew_at: renew_at.max(earliest), ask_again_at, ..certificate })
    }

    /// Notes why it failed, and when the next one is begun.
    async fn fail(&self, standing: Standing, error: String, retry_at: Option<u64>) {
        let now = self.core.clock.wall_ms();
        let at = (standing.stored.failures as usize).min(ACME_RETRIES.len() - 1);
        let retry_at = retry_at.unwrap_or_else(|| now + millis(jittered(ACME_RETRIES[at])));
        tracing::warn!(host = self.host, error, "no certificate could be ordered");
        let (checks, failures) = (vec![self.unchanged(&standing)], standing.stored.failures + 1);
        let fault = Some(Fault { at: now, error, retry_at });
        let failed = StoredOrder { failures, challenge: None, fault, ..standing.stored };
        // Who has taken it over knows better.
        let _ = commit(&self.core, checks, vec![self.put(&failed)]).await;
    }

    fn put(&self, order: &StoredOrder) -> Write {
        Write::put(own_key(&order_key(&self.host)), encode(order))
    }

    fn unchanged(&self, standing: &Standing) -> Check {
        Check::Unchanged(own_key(&order_key(&self.host)), standing.revision)
    }
}

/// The request for a certificate of one host, in DER (RFC 2986). Nothing but the host stands in it.
fn request(host: &str, key: &KeyPair) -> Result<Vec<u8>, String> {
    let failed = |error: rcgen::Error| error.to_string();
    let mut wanted = CertificateParams::new(vec![host.to_owned()]).map_err(failed)?;
    wanted.distinguished_name = DistinguishedName::new();
    Ok(wanted.serialize_request(key).map_err(failed)?.der().to_vec())
}

/// When a certificate ends, in Unix milliseconds.
fn ends_at(certified: &CertifiedKey) -> Result<u64, String> {
    let first = certified.cert.first().ok_or("there is no certificate")?;
    let (_, parsed) = X509Certificate::from_der(first).map_err(|error| error.to_string())?;
    let seconds = u64::try_from(parsed.validity().not_after.timestamp());
    seconds.map(|seconds| seconds * 1_000).map_err(|_| "it ended before 1970".to_owned())
}

/// What the CA says of its look at the host.
async fn why_invalid(order: &mut Order) -> String {
    let mut said = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if let Ok(state) = authorization.refresh().await {
            let errors = state.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
            said.extend(errors.filter_map(|error| error.detail.clone()));
        }
    }
    format!("the CA does not find the host here: {}", said.join("; "))
}

fn kind(way: Challenge) -> ChallengeType {
    match way {
        Challenge::Http01 => ChallengeType::Http01,
        Challenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
    }
}

fn patience() -> RetryPolicy {
    RetryPolicy::new().initial_delay(Duration::from_millis(250)).backoff(1.5).timeout(ACME_POLL_MAX)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
